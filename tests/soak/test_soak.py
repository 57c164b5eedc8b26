"""Whoever ends or is killed, everything that was counted counts, once; `make soak` runs longer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.running import HANG_SECONDS, environment, skip_or_fail

ROOT = Path(__file__).parents[2]
FAULTS = ("totals_down", "unreadable", "torn", "complaints", "files_left")


def soak(seconds: float, *arguments: str) -> tuple[int, Any]:
    """The status of a run, and what it has printed."""
    if sys.platform != "linux":
        skip_or_fail("nothing is folded on this system")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.soak", "--minutes", str(seconds / 60), *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed, complaints = process.communicate(timeout=2 * HANG_SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # and all that it has started
            raise
    assert complaints == ""
    return process.returncode, json.loads(printed)


def test_every_update_counts_once_whoever_is_killed(tmp_path: Path) -> None:
    """V2-C2, V2-F2 to V2-F4, V2-R5, V2-W12, V2-W13: `tests.soak.run` says who is there."""
    output = tmp_path / "soak.json"
    status, seen = soak(5, "--output", str(output))
    assert seen["faults"] == {}
    assert [seen[fault] for fault in FAULTS] == [0] * len(FAULTS)
    assert seen["counted"] == {name: [made] for name, made in seen["made"].items()}
    assert (status, seen["holds"]) == (0, True)
    there = ("updates_made", "servers", "workers_killed", "threads", "cleaners_killed", "files_folded", "snapshots")
    assert all(seen[figure] for figure in there), seen
    assert seen["polls"] > seen["incomplete"]
    assert json.loads(output.read_bytes()).items() >= seen.items()


@pytest.mark.parametrize(
    ("plant", "faults"),
    [
        ("lost", {"totals_down"}),
        ("torn", {"torn"}),
        ("unreadable", {"unreadable", "complaints", "files_left"}),
    ],
)
def test_a_fault_is_seen(plant: str, faults: set[str]) -> None:
    """Cleaners that do not fold; texts whose halves differ; a file that is malformed."""
    status, seen = soak(1.5, "--plant", plant)
    assert {fault for fault in FAULTS if seen[fault]} == faults, seen["faults"]
    assert (seen["updates_counted"] < seen["updates_made"]) == (plant == "lost")
    assert (status, seen["holds"]) == (1, False)
