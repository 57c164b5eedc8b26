"""The vectors of version 1, ready for `pytest.mark.parametrize`."""

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
