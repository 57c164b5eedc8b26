"""The vectors of versions 1 and 2, ready for `pytest.mark.parametrize`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
DIRECTORY = ROOT / "spec" / "vectors" / "v1"
VECTORS: list[dict[str, Any]] = json.loads((DIRECTORY / "manifest.json").read_bytes())["vectors"]


def vectors(*results: str) -> list[Any]:
    """The vectors with these results (all of them without one), each under its id."""
    found = [pytest.param(vector, id=vector["id"]) for vector in VECTORS if vector["result"] in results or not results]
    assert found, "no vectors were found"
    return found


def path_of(vector: dict[str, Any]) -> Path:
    """Where the vector's file is."""
    return DIRECTORY / str(vector["file"])


def content(name: str) -> bytes:
    """The bytes of the vector with this id."""
    return (DIRECTORY / f"{name}.mmstats").read_bytes()


DIRECTORY2 = ROOT / "spec" / "vectors" / "v2"
VECTORS2: list[dict[str, Any]] = json.loads((DIRECTORY2 / "manifest.json").read_bytes())["vectors"]


def vectors2(*results: str) -> list[Any]:
    """The vectors of version 2 with these results (all of them without one), each under its id."""
    found = [pytest.param(vector, id=vector["id"]) for vector in VECTORS2 if vector["result"] in results or not results]
    assert found, "no vectors were found"
    return found


def path2_of(vector: dict[str, Any]) -> Path:
    """Where a version 2 vector's file is."""
    return DIRECTORY2 / str(vector["file"])


def content2(name: str) -> bytes:
    """The bytes of the version 2 vector with this id."""
    return (DIRECTORY2 / f"{name}.mmstats").read_bytes()
