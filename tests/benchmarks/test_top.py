"""mmtop is measured in a terminal. How much it takes depends on the machine and is asserted nowhere."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.running import HANG_SECONDS, environment, skip_or_fail

ROOT = Path(__file__).parents[2]

#: What is measured, and its bound.
MEASURED = {
    "cpu_together": ("cpu_at_most", 0.2),
    "cpu_each": ("cpu_at_most", 0.2),
    "latency_most": ("latency_at_most", 0.2),
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """What the short form has printed and written."""
    if shutil.which("tmux") is None:
        skip_or_fail("tmux is not installed")
    for module in ("textual", "numpy", "pyperf"):
        if importlib.util.find_spec(module) is None:
            skip_or_fail(f"{module} is not installed")
    output = tmp_path_factory.mktemp("top") / "top.json"
    command = [sys.executable, "-m", "benchmarks.top", "--fast", "--output", str(output)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=3 * HANG_SECONDS, check=False
    )
    assert not done.stderr
    return done, json.loads(output.read_bytes())


def test_every_figure_stands_beside_its_bound(
    measured: tuple[subprocess.CompletedProcess[str], dict[str, Any]],
) -> None:
    done, written = measured
    for figure, (bound, limit) in MEASURED.items():
        assert written[figure] > 0
        assert written[bound] == limit
        assert f"{figure}: {written[figure]}" in done.stdout.splitlines()
    assert written["keys"] > 10
    assert 0 < written["latency_median"] <= written["latency_95"] <= written["latency_most"]


def test_the_status_says_whether_a_bound_is_missed(
    measured: tuple[subprocess.CompletedProcess[str], dict[str, Any]],
) -> None:
    done, written = measured
    missed = any(written[figure] > written[bound] for figure, (bound, _) in MEASURED.items())
    assert done.returncode == missed
    assert ("a bound is missed" in done.stdout) == missed


def test_the_document_says_where_the_figures_are_from(
    measured: tuple[subprocess.CompletedProcess[str], dict[str, Any]],
) -> None:
    _, written = measured
    assert written["command"] == "python -m benchmarks.top --fast"
    assert all(written[fact] for fact in ("date", "platform", "cores", "textual", "numpy", "terminal"))
