"""What the reader's tests share."""

from __future__ import annotations

import pytest

from mmstats_reader import _parse1


@pytest.fixture(autouse=True)
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without plans, so that no test depends on what was read before it."""
    monkeypatch.setattr(_parse1, "_plans", {})
