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
#: These are tried by `make test` too: each is built at once, and shows at once.
SHORT = {("js", "V1-5"), ("python", "V2-O5")}


def _all() -> list[Any]:
    """All but the first of the short ones are long: each is built, and many show by chance only."""
    rules_seen: Counter[tuple[str, str]] = Counter()
    found: list[Any] = []
    for fault in FAULTS:
        which = fault.language, fault.rule
        rules_seen[which] += 1
        short = which in SHORT and rules_seen[which] == 1
        marks = [] if short else [pytest.mark.interop, pytest.mark.long]
        found.append(pytest.param(fault, id=f"{fault.language}-{fault.rule}-{rules_seen[which]}", marks=marks))
    return found


@pytest.mark.parametrize("fault", _all())
def test_a_fault_is_found(fault: Fault, commands: Commands, tmp_path: Path) -> None:
    commands(fault.language)
    assert sought(fault, tmp_path).test, f"nothing noticed: {fault.fault}"


def test_every_rule_that_can_show_has_faults_in_two_languages() -> None:
    languages_of = {rule: {fault.language for fault in FAULTS if fault.rule == rule} for rule in rules()}
    assert {rule: found for rule, found in languages_of.items() if len(found) < 2 and not rules()[rule]} == {}


def test_faults_name_rules_that_there_are() -> None:
    assert {fault.rule for fault in FAULTS} <= rules().keys()
