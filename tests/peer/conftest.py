"""The original package, mmstats 0.8.0 under CPython 2.7, as the tests against it see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mmstats_testing.original import Missing, Original, find
from mmstats_testing.running import skip_or_fail
from mmstats_testing.saying import Speaker

SAY = Path(__file__).with_name("say.py")


@pytest.fixture(scope="session")
def original() -> Original:
    """The original, installed."""
    try:
        return find()
    except Missing as missing:
        skip_or_fail(str(missing))


@pytest.fixture(scope="session")
def their_reader(original: Original) -> Iterator[Speaker]:
    """The original's reader, one process for all files."""
    with Speaker([original.python, SAY], original.environment) as speaker:
        yield speaker


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for files that are read at once."""
    return tmp_path_factory.mktemp("scratch")
