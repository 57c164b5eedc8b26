"""Deliberately wrong variants of the implementations, and whether the kit finds each: ``python -m interop.faults``.

Each ``faults.toml`` names, for rules of FORMAT.md, one small change that breaks the rule. A copy of the language with
the change in it is built, and the tests of the kit that check the rule run until one fails.

Rule 1: a variant differs in one place; the text that is replaced stands in its file exactly once.
Rule 2: a fault is found when a test that names its rule fails; failures of other tests do not count.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.report import about
from mmstats_format.conformance._command import cases, tried
from mmstats_format.conformance._files import rules
from mmstats_format.conformance._program import Program

from .languages import ROOT, Language, languages

#: A program that hangs is a fault found; the kit need not wait long for it.
SECONDS = 10.0
#: Some faults show by chance only, when a program is stopped or read in a moment that is wrong.
TRIES = 3
#: What copies leave behind.
UNWANTED = shutil.ignore_patterns("build", "target", "__pycache__")


class Fault(NamedTuple):
    """A variant: what is replaced in one file of a language, and the rule that it breaks then."""

    language: str
    rule: str
    program: str
    fault: str
    file: str
    old: str
    new: str


class Found(NamedTuple):
    """The test of the kit that found a fault, and why it failed; or nothing."""

    fault: Fault
    test: str = ""
    reason: str = ""


def faults(names: Iterable[str]) -> list[Fault]:
    """The faults of these languages."""
    found = []
    for name in names:
        path = ROOT / "interop" / name / "faults.toml"
        if path.exists():
            found += [Fault(name, **one) for one in tomllib.loads(path.read_text(encoding="utf-8"))["fault"]]
    return found


def sought(fault: Fault, directory: Path) -> Found:
    """Build a variant in an empty directory, and look for it with the kit.

    Raises:
        RuntimeError: the variant cannot be made.
    """
    language = languages()[fault.language]
    commands = varied(language, fault, directory).made(directory)
    programs = {fault.program: Program(commands[fault.program], SECONDS)}
    checking = [case for case in cases(programs) if fault.rule in case.rules]
    for case in TRIES * checking:
        result = tried(case, programs[case.role])
        if result.outcome == "failed":
            return Found(fault, case.name, result.reason)
    return Found(fault)


def varied(language: Language, fault: Fault, root: Path) -> Language:
    """Copy a language's tree, with the change in it."""
    for part in language.copied:
        shutil.copytree(ROOT / part, root / part, ignore=UNWANTED, dirs_exist_ok=True)
    path = root / language.base / fault.file
    content = path.read_text(encoding="utf-8")
    if content.count(fault.old) != 1:
        raise RuntimeError(f"{fault.language}: {fault.old!r} stands {content.count(fault.old)} times in {fault.file}")
    path.write_text(content.replace(fault.old, fault.new), encoding="utf-8")
    return language


def _sought(fault: Fault) -> Found:
    with tempfile.TemporaryDirectory(prefix="mmstats-fault-") as directory:
        return sought(fault, Path(directory).resolve())


def by_rule(all_found: Sequence[Found]) -> dict[str, dict[str, Any]]:
    """Each rule of FORMAT.md: why no test can show it, or its faults, with the tests that found them."""
    table: dict[str, dict[str, Any]] = {
        rule: {"silent": silent} if silent else {"faults": []} for rule, silent in rules().items()
    }
    for found in all_found:
        fault = found.fault
        table[fault.rule].setdefault("faults", []).append(
            {"language": fault.language, "fault": fault.fault, "found by": found.test}
        )
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Look for all faults, and say which were not found, and which rules have none in two languages."""
    parser = argparse.ArgumentParser(prog="python -m interop.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--language", action="append", choices=languages(), help="only of this one, or these")
    parser.add_argument("--rule", action="append", help="only of this rule, or these")
    parser.add_argument("--jobs", type=int, default=2, help="variants at a time")
    parser.add_argument("--output", type=Path, help="write the table as JSON")
    options = parser.parse_args(arguments)
    chosen = [
        fault for fault in faults(options.language or languages()) if not options.rule or fault.rule in options.rule
    ]
    all_found = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for found in pool.map(_sought, chosen):
            all_found.append(found)
            fault = found.fault
            print(f"{fault.language:<7}{fault.rule:<7}{found.test or 'NOT FOUND'}: {fault.fault}", flush=True)
    # What shows by chance may hide on a busy machine.
    all_found = [found if found.test else _sought(found.fault) for found in all_found]
    table = by_rule(all_found)
    missed = [found for found in all_found if not found.test]
    for found in missed:
        print(f"{found.fault.language:<7}{found.fault.rule:<7}NOT FOUND alone: {found.fault.fault}")
    thin = {
        rule: sorted({fault["language"] for fault in row["faults"] if fault["found by"]})
        for rule, row in table.items()
        if "faults" in row and len({fault["language"] for fault in row["faults"] if fault["found by"]}) < 2
    }
    print(f"{len(all_found)} faults, {len(missed)} not found")
    if not options.rule and not options.language:
        print(f"rules with faults found in fewer than two languages: {thin}")
    if options.output:
        report = {**about(f"python -m interop.faults --output {options.output}"), "rules": table}
        options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return int(bool(missed) or bool(thin and not options.rule and not options.language))


if __name__ == "__main__":
    sys.exit(main())
