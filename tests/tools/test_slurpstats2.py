"""``slurpstats`` of version 2 files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest
from mmstats_testing.documents import two, write
from mmstats_testing.documents2 import (
    counter,
    gauge,
    histogram,
    labelled,
    last,
    states,
    summary,
    text,
    unknown,
    write2,
)
from mmstats_testing.vectors import DIRECTORY2, VECTORS2, vectors2

from mmstats_reader import slurpstats

HOSTILE = "\x1b[2J\x9b1m\u202e\r\n==> /etc/passwd"
NAN, INF = float("nan"), float("inf")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    requests = labelled(
        counter("http.requests"),
        ("method", "status"),
        (("GET", "200"), counter("", 3)),
        (('"\\', "500"), counter("", 4)),
    )
    return write2(
        tmp_path / "x.mmstats",
        requests,
        gauge("load", 0.5, kind="float"),
        gauge("empty", None),
        text("name", "shop"),
        states("state", ("up", "down"), 1),
        unknown("ready", True, "boolean"),
        last("seen", 9, 1.5),
        summary("sizes", 2, 3.0, 1.0, 2.0, 2.0),
        histogram("latency", (0.1, 1.0), (1, 2, 3), 4.5),
    )


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def as_json(capsys: pytest.CaptureFixture[str], *paths: Path) -> list[dict[str, Any]]:
    slurpstats.main(["--json", *map(str, paths)])
    files: list[dict[str, Any]] = json.loads(capsys.readouterr().out, parse_constant=refuse)["files"]
    return files


def test_each_series_is_a_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels as in OpenMetrics; what is unset is a dash."""
    assert slurpstats.main([str(file)]) == 0
    lines = [
        ('http.requests{method="GET",status="200"}', "3"),
        ('http.requests{method="\\"\\\\",status="500"}', "4"),
        ("load", "0.5"),
        ("empty", "-"),
        ("name", "shop"),
        ("state", "down"),
        ("ready", "True"),
        ("seen", "1.5"),
        ("sizes", "count=2 sum=3.0 min=1.0 max=2.0 last=2.0 mean=1.5"),
        ("latency", "count=6 sum=4.5 <=0.1:1 <=1.0:2 <=inf:3"),
    ]
    width = len(lines[1][0])
    expected = [f"==> {file}", *(f"  {label:<{width}} {value}" for label, value in lines), "", ""]
    assert capsys.readouterr().out == "\n".join(expected)


def test_json_has_the_version_and_the_values(file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What is unset is null, a summary or histogram an object."""
    other = write(tmp_path / "one", two("hits", "Q", 1))
    assert as_json(capsys, file, other) == [
        {
            "path": str(file),
            "version": 2,
            "stats": {
                'http.requests{method="GET",status="200"}': 3,
                'http.requests{method="\\"\\\\",status="500"}': 4,
                "load": 0.5,
                "empty": None,
                "name": "shop",
                "state": "down",
                "ready": True,
                "seen": 1.5,
                "sizes": {"count": 2, "sum": 3.0, "min": 1.0, "max": 2.0, "last": 2.0},
                "latency": {"count": 6, "sum": 4.5, "bounds": [0.1, 1.0], "counts": [1, 2, 3]},
            },
        },
        {"path": str(other), "version": 1, "stats": {"hits": 1}},
    ]


def test_json_is_strict_wherever_a_float_is_not_finite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write2(
        tmp_path / "x",
        counter("c", NAN, "float"),
        summary("s", 1, INF, -INF, NAN, 1.0),
        summary("e"),
        histogram("h", (), (1,), -INF),
    )
    assert as_json(capsys, file)[0]["stats"] == {
        "c": "NaN",
        "s": {"count": 1, "sum": "+Inf", "min": "-Inf", "max": "NaN", "last": 1.0},
        "e": {"count": 0, "sum": 0.0, "min": None, "max": None, "last": None},
        "h": {"count": 1, "sum": "-Inf", "bounds": [], "counts": [1]},
    }


def test_a_filter_is_for_full_names(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert slurpstats.main(["-f", 'http.*status="200"}', str(file)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ['  http.requests{method="GET",status="200"} 3', ""]


@pytest.mark.parametrize(
    "metric",
    [
        counter(HOSTILE),
        text("t", HOSTILE, capacity=80),
        states("s", (HOSTILE,)),
        labelled(counter("m"), (HOSTILE,), (("x",), counter("m"))),
        labelled(counter("m"), ("l",), ((HOSTILE,), counter("m"))),
    ],
)
def test_what_is_in_a_file_cannot_act_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], metric: Any
) -> None:
    """FORMAT.md 3.17."""
    assert slurpstats.main([str(write2(tmp_path / "x", metric))]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 3
    assert all(character == "\n" or character.isprintable() for character in out)


@pytest.mark.parametrize("vector", vectors2("invalid"))
def test_an_invalid_vector_s_error_is_said(vector: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert slurpstats.main([str(DIRECTORY2 / vector["file"])]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f": {vector['error']}: " in said.err
    assert f"offset {vector['offset']}" in said.err


def test_all_valid_vectors_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    valid = [DIRECTORY2 / vector["file"] for vector in VECTORS2 if vector["result"] == "valid"]
    assert slurpstats.main([str(path) for path in valid]) == 0
    assert capsys.readouterr().out.count("==> ") == len(valid)
    series = {vector["file"]: vector["document"]["families"] for vector in VECTORS2 if vector["result"] == "valid"}
    for entry in as_json(capsys, *valid):
        families = series[Path(entry["path"]).name]
        assert len(entry["stats"]) == sum(len(family["series"]) for family in families)
        assert entry["version"] == 2
