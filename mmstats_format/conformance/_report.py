"""What came of a run: a table of rules, JSON, JUnit; and the failures that are known.

Rule 1: a rule failed when a test of it failed; it passed when one passed and none failed; else it was not exercised.
Rule 2: a known failure that passes is a failure of the list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

from ..cli import neutral
from ._case import Result
from ._files import rules

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"
KNOWN = "known failure"


def judged(results: Iterable[Result], known: Collection[str]) -> list[Result]:
    """The results as a list of known failures has them."""
    return [_judged(result, result.case.name in known) for result in results]


def _judged(result: Result, known: bool) -> Result:
    if known and result.outcome == FAILED:
        return result._replace(outcome=KNOWN)
    if known and result.outcome == PASSED:
        return result._replace(outcome=FAILED, reason="passed, but is on the list of known failures: take it off")
    return result


def by_rule(results: Iterable[Result]) -> dict[str, str]:
    """What came of each rule of FORMAT.md: ``passed``, ``failed`` or ``not exercised``."""
    outcomes: dict[str, set[str]] = {rule: set() for rule in rules()}
    for result in results:
        for rule in result.case.rules:
            outcomes[rule].add(result.outcome)
    return {rule: _of_rule(found) for rule, found in outcomes.items()}


def _of_rule(outcomes: set[str]) -> str:
    if outcomes & {FAILED, KNOWN}:
        return "failed"
    return "passed" if PASSED in outcomes else "not exercised"


def count(results: Sequence[Result]) -> dict[str, int]:
    """How many tests ended in each way."""
    outcomes = [result.outcome for result in results]
    return {outcome: outcomes.count(outcome) for outcome in (PASSED, FAILED, KNOWN, NOT_APPLICABLE)}


def table(results: Sequence[Result]) -> str:
    """What a person wants to read: what failed and why, what was not asked for, the rules, and the sums."""
    lines = []
    for outcome in (FAILED, KNOWN, NOT_APPLICABLE):
        for result in results:
            if result.outcome == outcome:
                about = f" [{', '.join(result.case.rules)}]"
                lines.append(f"{outcome}: {result.case.name}{about}: {neutral(result.reason)}")
                lines += [f"    | {neutral(line)}" for line in result.complaint.splitlines()]
    found = by_rule(results)
    lines += ["", "rules"]
    for state in ("passed", "failed", "not exercised"):
        those = [rule for rule, what in found.items() if what == state]
        lines.append(f"  {state:<14}{len(those):>4}  {' '.join(those)}")
    numbers = count(results)
    roles = {result.case.role for result in results}
    lines += ["", "tests" + "".join(f"  {outcome} {number}" for outcome, number in numbers.items())]
    for role in sorted(roles):
        those_results = [result for result in results if result.case.role == role]
        lines.append(f"  {role:<10}" + "".join(f"  {what} {number}" for what, number in count(those_results).items()))
    return "\n".join(lines)


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "counts": count(results),
        "rules": by_rule(results),
        "tests": [
            {
                "name": result.case.name,
                "rules": list(result.case.rules),
                "outcome": result.outcome,
                "reason": result.reason,
                "stderr": result.complaint,
            }
            for result in results
        ],
    }


def as_junit(results: Sequence[Result]) -> bytes:
    """The same for what shows test results: a suite for each role."""
    root = ElementTree.Element("testsuites")
    for role in sorted({result.case.role for result in results}):
        those = [result for result in results if result.case.role == role]
        numbers = count(those)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=role,
            tests=str(len(those)),
            failures=str(numbers[FAILED]),
            errors="0",
            skipped=str(numbers[NOT_APPLICABLE] + numbers[KNOWN]),
        )
        for result in those:
            case = ElementTree.SubElement(suite, "testcase", classname=role, name=result.case.name)
            if result.outcome == PASSED:
                continue
            tag = "failure" if result.outcome == FAILED else "skipped"
            told = f"{result.outcome}: {result.reason} [{', '.join(result.case.rules)}]"
            ElementTree.SubElement(case, tag, message=_printable(told)).text = _printable(result.complaint)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _printable(text: str) -> str:
    """XML has no way to write control characters, and half a surrogate pair is no character."""
    return neutral(text).encode("utf-8", "backslashreplace").decode()
