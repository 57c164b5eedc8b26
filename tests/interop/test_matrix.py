"""Every language's writer, while it is at work, read by every language's reader."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interop.languages import languages
from mmstats_format.conformance._files import canonical, same
from mmstats_format.conformance._program import Program
from mmstats_format.conformance._running import (
    for_ever,
    running,
    turn_of,
    turning,
    turning_families,
    turning_fields,
)
from mmstats_format.conformance._scenarios import scenario

from .conftest import Commands

POLLS = 100
#: Seconds that the slowest writer takes from its file to its first updates.
BEGINNING = 0.3
#: Label sets: what is updated seldom enough can be confirmed even by who copies slowly.
LABELS = [str(number) for number in range(5)]
SHORT = [(writer, reader) for writer in ("c", "python") for reader in ("c", "python")]
ALL = [
    pytest.param(version, writer, reader, marks=() if (writer, reader) in SHORT else pytest.mark.interop)
    for version in (1, 2)
    for writer in languages()
    for reader in languages()
]


@pytest.mark.parametrize(("version", "writer", "reader"), ALL)
def test_a_busy_writer_is_read(version: int, writer: str, reader: str, commands: Commands, tmp_path: Path) -> None:
    steps = [step for label in LABELS for step in turning(label)]
    content = scenario(turning_families("a"), for_ever(*steps)) if version == 2 else turning_fields()
    looking = Program(commands(reader)["reader"])
    with (
        running(Program(commands(writer)["writer"]), tmp_path, content) as (written, path),
        looking.start("--poll", path) as polls,
    ):
        seen: dict[Any, int] = {}
        time.sleep(BEGINNING)
        for _ in range(POLLS):
            for key, turn in turns(polls.ask()):
                assert turn is not None, f"{key} was never written"
                assert turn >= seen.get(key, 0) or "phase" in key, f"{key} went back"
                seen[key] = turn
        with written.stopped():
            # Nothing moves now: all is confirmed, by both ways to read.
            expected = canonical(path.read_bytes())
            assert same(polls.ask(), expected)
            assert looking.one(path) == (0, expected)
            assert any(turn for key, turn in turns(expected) if "phase" not in key), "the writer has not begun"


def turns(document: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], int | None]]:
    """Of each confirmed value the turn in which it was written."""
    for field in document.get("fields", ()):
        if isinstance(field["value"], str):
            name = "level" if field["label"] == "level" else "hits"
            yield (field["label"],), turn_of(name, field["value"])
    for family in document.get("families", ()):
        for series in family["series"]:
            if not (isinstance(series["value"], dict) and series["value"].keys() == {"unconfirmed"}):
                yield (family["name"], *series["labels"]), turn_of(family["name"], series["value"])
