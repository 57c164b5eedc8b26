"""Every deliberately wrong variant of an implementation is found out by the kit, for the rule that it breaks."""

from __future__ import annotations

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
    seen: dict[str, int] = {}
    found: list[Any] = []
    for fault in FAULTS:
        seen[fault.language] = seen.get(fault.language, 0) + 1
        short = seen[fault.language] <= SHORT.get(fault.language, 0)
        name = f"{fault.language}-{fault.rule}-{seen[fault.language]}"
        found.append(pytest.param(fault, id=name, marks=() if short else pytest.mark.interop))
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
