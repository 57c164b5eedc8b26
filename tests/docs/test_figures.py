"""The documentation's build refuses measured figures that are typed, and gives those that were measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import _figures  # type: ignore[import-not-found]  # noqa: E402  # is found by the line above


@pytest.mark.parametrize(
    "prose",
    ["takes 110 ns", "in 3.5 µs", "within 25 milliseconds", "2 % of a core", "three times as fast", "5 times slower",
     "12 MiB/s", "2,000 files/s", "| 40% |"],
)  # fmt: skip
def test_a_typed_figure_is_found(prose: str) -> None:
    assert [line for line, _ in _figures.typed(f"# Page\n\n```text\n9 ns\n```\n\nThis {prose}.\n")] == [7]


@pytest.mark.parametrize(
    "prose",
    ["up to {fixed}`5 ms`", "{figure}`top:cpu_each`", "`sleep 5 ms`", "every 60 seconds", "over 8 MiB", "100 counters",
     "ten times at most", "```text\n7 ns\n```"],
)  # fmt: skip
def test_what_is_marked_or_no_measurement_is_let_through(prose: str) -> None:
    assert _figures.typed(prose) == []


def test_a_page_with_a_typed_figure_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(
        f'import sys\nsys.path.insert(0, {str(ROOT / "docs")!r})\nextensions = ["myst_parser", "_figures"]\n'
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-E", str(tmp_path), str(tmp_path / "out")]
    page = tmp_path / "index.md"
    page.write_text("# Page\n\nIt takes {fixed}`9 ns`.\n")
    good = subprocess.run(command, capture_output=True, text=True)
    assert good.returncode == 0, good.stderr
    page.write_text("# Page\n\nIt takes 9 ns.\n")
    bad = subprocess.run(command, capture_output=True, text=True)
    assert bad.returncode != 0
    assert "a figure typed by hand: '9 ns'" in bad.stderr


def test_a_figure_is_that_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_figures, "DATA", tmp_path)
    (tmp_path / "soak.json").write_text(json.dumps({"made": {"requests": 3853808}, "runs": [{"share": 0.25}]}))
    (tmp_path / "benchmarks.csv").write_text('figure,ours,ratio\ncounter: inc(),"1,110 ± 13 ns",8.40\n')
    assert _figures.figure("soak:made.requests") == "3,853,808"
    assert _figures.figure("soak:runs.0.share") == "0.25"
    assert _figures.figure("benchmarks:counter: inc():ours") == "1,110 ± 13 ns"
    for missing in ("soak:made", "soak:made.other", "benchmarks:counter: inc():theirs", "benchmarks:other:ours"):
        with pytest.raises(KeyError):
            _figures.figure(missing)
