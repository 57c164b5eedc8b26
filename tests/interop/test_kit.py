"""Every implementation passes the whole conformance kit; a short form of it for what builds at once."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from interop.languages import languages

from .conftest import Commands

#: A Python reader starts in a tenth of a second, and there are hundreds of vectors.
SECONDS = 900
QUICK = ["reader/v?/*-largest", "reader/v?/*polled*", "writer/v2/after-the-end", "writer/v2/lock", "writer/v1/buffers"]


def kit(commands: dict[str, str], *arguments: str) -> dict[str, Any]:
    programs = [word for role, command in commands.items() if role != "bench" for word in (f"--{role}", command)]
    done = subprocess.run(
        [sys.executable, "-m", "mmstats_format.conformance", "run", "--json", *programs, *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    failed = {test["name"]: test["reason"] for test in report["tests"] if test["outcome"] == "failed"}
    assert failed == {}
    assert done.returncode == 0
    return report


@pytest.mark.interop
@pytest.mark.parametrize("name", languages())
def test_an_implementation_passes_the_whole_kit(name: str, commands: Commands) -> None:
    report = kit(commands(name))
    assert report["counts"]["passed"] > 500
    assert "failed" not in report["rules"].values()


@pytest.mark.parametrize("name", [name for name in languages() if name in ("c", "python")])
def test_an_implementation_passes_the_quick_part_of_the_kit(name: str, commands: Commands) -> None:
    report = kit(commands(name), *(word for pattern in QUICK for word in ("--filter", pattern)))
    assert report["counts"]["passed"] > 15
