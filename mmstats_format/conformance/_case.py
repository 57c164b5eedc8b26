"""What a test of the kit is, and how one ends.

Rule 1: a test names the rules of FORMAT.md that it checks; when it fails, it fails for each of them.
Rule 2: a test ends by returning (passed), `Failure`, or `NotApplicable`; anything else is the kit's own fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from ._program import Program

ROLES = ("reader", "writer", "combiner", "exporter", "folder")


class NotApplicable(Exception):
    """What FORMAT.md does not ask of this implementation, or cannot be tried here; the text is the reason."""


class Case(NamedTuple):
    """One test.

    Attributes:
        name: ``ROLE/vVERSION/…``, for ever; filters and known failures go by it.
        rules: of FORMAT.md that it checks.
        run: does it, with the program of its role and an empty directory of its own.
        may_decline: the program may say that it cannot do this (CONFORMANCE.md P-3).
    """

    name: str
    rules: tuple[str, ...]
    run: Callable[[Program, Path], None]
    may_decline: bool = False

    @property
    def role(self) -> str:
        """Which program it is for."""
        return self.name.split("/")[0]

    @property
    def version(self) -> int:
        """Of the format."""
        return int(self.name.split("/")[1][1:])


class Result(NamedTuple):
    """How a test ended: ``passed``, ``failed`` or ``not applicable``; why; and the program's standard error."""

    case: Case
    outcome: str
    reason: str = ""
    complaint: str = ""


Cases = list[Case]
Programs = Mapping[str, Program]
