"""What the reader's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmstats_reader import Directory, _directory, _parse1, _records


@pytest.fixture(autouse=True)
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without plans and records, so that no test depends on what was read before it."""
    monkeypatch.setattr(_parse1, "_plans", {})
    for name in ("_plans", "_records"):
        monkeypatch.setattr(_records, name, _records.Memory(getattr(_records, name).most))
    monkeypatch.setattr(_records, "_latest", (None, None))


@pytest.fixture
def stats(tmp_path: Path) -> Iterator[Directory]:
    """The directory in which a test makes its files."""
    with Directory(tmp_path) as directory:
        yield directory


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the reader believes; a second pass at each poll."""
    now = [1000.0]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            now[0] += 1
            return now[0]

        @staticmethod
        def time_ns() -> int:
            return int(now[0] * 10**9)

    monkeypatch.setattr(_directory, "time", Clock)
    return now
