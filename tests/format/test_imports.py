"""What importing costs: `construct` is for those who parse or build by the schema, and for nobody else."""

from __future__ import annotations

import pytest
from mmstats_testing.running import python
from mmstats_testing.vectors import DIRECTORY

import mmstats_format


def loads_construct(code: str) -> bool:
    """Whether a fresh interpreter has `construct` after this."""
    done = python("-I", "-c", f"import sys\n{code}\nsys.exit(10 + ('construct' in sys.modules))")
    assert done.returncode in (10, 11), done.stderr
    return done.returncode == 11


@pytest.mark.parametrize(
    "module",
    [
        "mmstats_format",
        "mmstats_format.settings",
        "mmstats_writer",
        "mmstats_reader",
        "mmstats_reader.slurpstats",
        "mmstats",
        "mmstats.reader",
    ],
)
def test_importing_leaves_construct_out(module: str) -> None:
    assert not loads_construct(f"import {module}")


def test_reading_leaves_construct_out() -> None:
    files = [str(DIRECTORY / name) for name in ("one-counter.mmstats", "bad-index-2.mmstats")]
    assert not loads_construct(f"from mmstats_reader.slurpstats import main\nassert main({files!r}) == 1")


def test_parsing_by_the_schema_loads_construct() -> None:
    assert loads_construct("import mmstats_format\nmmstats_format.parse(b'\\1')")


def test_every_public_name_is_there() -> None:
    assert sorted(mmstats_format.__all__) == list(mmstats_format.__all__)
    assert all(hasattr(mmstats_format, name) for name in mmstats_format.__all__)
