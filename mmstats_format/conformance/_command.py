"""``mmstats-conformance``: implementations of the format against its specification.

Rule 1: the status is 0 only when a test ran and all that applied passed.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shlex
import shutil
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..cli import complain, run
from . import _combining, _exporting, _files, _folding, _reading, _report, _running, _surroundings, _writing
from ._case import ROLES, Case, NotApplicable, Programs, Result
from ._program import Cannot, Failure, Program


def main(arguments: Sequence[str] | None = None) -> int:
    """Test implementations, or write out what they are tested with.

    Returns:
        0 when all tests passed, or are not applicable; 1 when one failed, or none ran; 2 for wrong arguments.
    """
    return run(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    match options.command:
        case "vectors":
            return _write_vectors(options.directory)
        case "rules":
            for rule, silent in _files.rules().items():
                print(f"{rule}\t{silent}" if silent else rule)
            return 0
    return _run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mmstats-conformance",
        description="Test implementations of the mmstats file format, in any language, by their test programs.",
        epilog="Status: 0 all that applies passed, 1 something failed or no test ran, 2 wrong arguments.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    test = commands.add_parser(
        "run",
        help="test programs",
        description="Test the programs that are given. Each is a command line; the kit appends its arguments.",
    )
    for role in ROLES:
        test.add_argument(f"--{role}", type=_command, metavar="COMMAND", help=f"the {role} under test")
    test.add_argument("--version", type=int, choices=_files.VERSIONS, help="only tests of this version of the format")
    test.add_argument(
        "--class",
        dest="role",
        action="append",
        choices=ROLES,
        help="only tests of this class, of programs that are given; more than once for several",
    )
    test.add_argument(
        "--filter",
        action="append",
        metavar="GLOB",
        help="only tests whose name matches, or one of whose rules does; more than once for several",
    )
    test.add_argument(
        "--known-failures",
        type=Path,
        metavar="FILE",
        help="names of tests that may fail, a line each, # for comments; one that passes fails",
    )
    test.add_argument("--timeout", type=float, default=20.0, metavar="SECONDS", help="for one answer (default 20)")
    test.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="tests at a time")
    test.add_argument("--json", action="store_true", help="print the report as JSON")
    test.add_argument("--junit", type=Path, metavar="FILE", help="write the report for tools that show test results")
    test.add_argument("--list", action="store_true", help="print the tests and their rules, and run none")
    vectors = commands.add_parser("vectors", help="write out the vectors, for those who do not use Python")
    vectors.add_argument("directory", type=Path, metavar="DIR")
    commands.add_parser("rules", help="print the rules of FORMAT.md, and why no test can show some of them")
    return parser


def _command(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no command line: {error}") from error
    if not words:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def cases(programs: Programs) -> Iterator[Case]:
    """All tests for the programs that there are."""
    if "reader" in programs:
        yield from _reading.cases()
    if "writer" in programs:
        yield from _writing.cases()
        yield from _surroundings.cases()
        yield from _running.cases()
    if "combiner" in programs:
        yield from _combining.cases()
    if "exporter" in programs:
        yield from _exporting.cases()
    if "folder" in programs:
        yield from _folding.cases()


def _run(options: argparse.Namespace) -> int:
    programs = {
        role: Program(command, options.timeout) for role in ROLES if (command := getattr(options, role)) is not None
    }
    if not programs:
        complain(f"no program is given: name one with {', '.join(f'--{role}' for role in ROLES)}")
        return 2
    chosen = [
        case
        for case in cases(programs)
        if options.version in (None, case.version)
        and case.role in (options.role or ROLES)
        and (not options.filter or any(_matches(case, pattern) for pattern in options.filter))
    ]
    if options.list:
        for case in chosen:
            print(f"{case.name}\t{' '.join(case.rules)}")
        return 0
    try:
        known = _known(options.known_failures) if options.known_failures else set()
    except OSError as error:
        complain(f"{options.known_failures}: {error.strerror}")
        return 2
    if unknown := known - {case.name for case in cases(programs)}:
        complain(f"{options.known_failures}: no such tests: {', '.join(sorted(unknown))}")
        return 2
    with ThreadPoolExecutor(options.jobs) as pool:
        results = _report.judged(pool.map(lambda case: tried(case, programs[case.role]), chosen), known)
    print(json.dumps(_report.as_json(results)) if options.json else _report.table(results))
    if options.junit:
        options.junit.write_bytes(_report.as_junit(results))
    numbers = _report.count(results)
    if not numbers[_report.PASSED]:
        complain("no test passed")
    return 0 if numbers[_report.PASSED] and not numbers[_report.FAILED] else 1


def _matches(case: Case, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for text in (case.name, *case.rules))


def _known(path: Path) -> set[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line}


def tried(case: Case, program: Program) -> Result:
    """Do a test, in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="mmstats-conformance-") as directory:
        try:
            case.run(program, Path(directory).resolve())
        except Failure as failure:
            return Result(case, _report.FAILED, str(failure), failure.complaint)
        except NotApplicable as reason:
            return Result(case, _report.NOT_APPLICABLE, str(reason))
        except Cannot as reason:
            if case.may_decline:
                return Result(case, _report.NOT_APPLICABLE, f"the program says: {reason}")
            return Result(case, _report.FAILED, f"declined what has to be done: {reason}")
        except Exception:
            # The kit met what nobody thought of; that is a failed test too, and has to be told of in full.
            return Result(case, _report.FAILED, "the kit itself failed: please report it", traceback.format_exc())
    return Result(case, _report.PASSED)


def _write_vectors(directory: Path) -> int:
    try:
        for version in _files.VERSIONS:
            shutil.copytree(_files.vectors_directory(version), directory / f"v{version}", dirs_exist_ok=True)
    except OSError as error:
        complain(f"{directory}: the vectors cannot be written: {error}")
        return 1
    return 0
