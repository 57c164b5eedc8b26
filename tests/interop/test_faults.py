"""Every deliberately wrong variant of an implementation is found out by the kit, for the rule that it breaks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from interop.faults import Fault, faults, sought
from interop.languages import languages
from mmstats_format.conformance._files import rules

from .conftest import Commands

FAULTS = faults(languages())
#: The first of each of these languages are tried by `make test` too.
SHORT = {"c": 2, "python": 1}


def _all() -> list[Any]:
    """The first of each rule in each language is short enough for `make interop`; the others are long."""
    languages_seen: Counter[str] = Counter()
    rules_seen: Counter[tuple[str, str]] = Counter()
    found: list[Any] = []
    for fault in FAULTS:
        languages_seen[fault.language] += 1
        rules_seen[fault.language, fault.rule] += 1
        marks = [] if languages_seen[fault.language] <= SHORT.get(fault.language, 0) else [pytest.mark.interop]
        if rules_seen[fault.language, fault.rule] > 1:
            marks.append(pytest.mark.long)
        found.append(
            pytest.param(fault, id=f"{fault.language}-{fault.rule}-{languages_seen[fault.language]}", marks=marks)
        )
    return found


@pytest.mark.parametrize("fault", _all())
def test_a_fault_is_found(fault: Fault, commands: Commands, tmp_path: Path) -> None:
    commands(fault.language)
    assert sought(fault, tmp_path).test, f"nothing noticed: {fault.fault}"


def test_every_rule_that_can_show_has_a_fault() -> None:
    broken = {fault.rule for fault in FAULTS}
    assert [rule for rule, silent in rules().items() if not silent and rule not in broken] == []


def test_faults_name_rules_that_there_are() -> None:
    assert {fault.rule for fault in FAULTS} <= rules().keys()
