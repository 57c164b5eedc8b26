"""What the reader's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmstats_reader import Directory, _parse1, _records


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
