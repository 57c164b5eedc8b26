"""What the tests of ``mmtop`` share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmstats_reader import Directory


@pytest.fixture
def stats(tmp_path: Path) -> Iterator[Directory]:
    """The directory in which a test makes its files."""
    with Directory(tmp_path) as directory:
        yield directory
