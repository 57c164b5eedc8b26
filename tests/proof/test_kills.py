"""Writers that are killed at random moments leave files that can be relied on; `make kills` kills a thousand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_a_file_is_whole_wherever_its_writer_was_killed(prove: Callable[..., Any]) -> None:
    """V2-W2, V2-W3, V2-W4, V2-W5: `proofs.kills` says what is looked at."""
    seen = prove("kills", "--runs", "60")
    assert seen["faults"] == []
    assert sum(seen["found"].values()) == 60
    assert "no file" in seen["found"], "some are killed before the first store"
    assert seen["found"].keys() - {"no file", "1 extent"}, "and some after their file has grown"
