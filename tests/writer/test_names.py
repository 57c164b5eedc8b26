"""Whose statistics they are, and where the file appears: application, path and name (V2-W9)."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.slots import document
from mmstats_testing.written import values

from mmstats_format._document2 import Origin
from mmstats_writer import BaseMmStats, CounterField, Writer


class Hits(BaseMmStats):
    hits = CounterField()


PROGRAM = os.path.basename(sys.argv[0])


def app(path: str) -> str:
    """The application that the file names (V2-24)."""
    first = document(path).records[0]
    assert isinstance(first, Origin)
    return first.app


@pytest.mark.parametrize("make", [Hits, Writer])
@pytest.mark.parametrize(
    ("argument", "environment", "expected"),
    [
        (None, None, PROGRAM),
        (None, "shop", "shop"),
        ("shop", "other", "shop"),
        ("shop", None, "shop"),
        (None, "", PROGRAM),
        ("{CMD}.{PID}", None, f"{PROGRAM}.PID"),
        (None, "w{PID}", "wPID"),
        ("❤ a/b", None, "❤ a/b"),
        ("", None, ""),
    ],
)
def test_the_application_is_named_by_argument_environment_or_program(
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[..., Any],
    argument: str | None,
    environment: str | None,
    expected: str,
) -> None:
    """And it begins the file's name, in which a slash would be another directory."""
    if environment is not None:
        monkeypatch.setenv("MMSTATS_APP", environment)
    stats = make(app=argument)
    expected = expected.replace("PID", str(os.getpid()))
    assert app(stats.filename) == expected
    name = f"{expected.replace('/', '_')}-{os.getpid()}-{threading.get_native_id()}.mmstats"
    assert os.path.basename(stats.filename) == name


def test_a_template_has_the_application_and_the_class(directory: Path) -> None:
    (directory / "shop").mkdir()
    stats = Hits(path=str(directory / "{APP}"), filename="{CLASS}.{APP}", app="shop")
    assert stats.filename == str(directory / "shop" / "Hits.shop")
    assert os.path.basename(Writer(filename="{CLASS}").filename) == "Writer"


def test_an_application_does_not_climb_out_of_the_directory(directory: Path) -> None:
    stats = Hits(filename="{APP}.mmstats", app="../../etc/x")
    assert stats.filename == str(directory / ".._.._etc_x.mmstats")
    assert app(stats.filename) == "../../etc/x"


def test_the_environment_is_read_when_an_instance_is_made(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "Hits").mkdir()
    before = Hits().filename
    monkeypatch.setenv("MMSTATS_PATH", str(directory / "{CLASS}"))
    monkeypatch.setenv("MMSTATS_FILES", "{PID:08d}.{APP}")
    monkeypatch.setenv("MMSTATS_APP", "shop")
    assert os.path.dirname(before) == str(directory)
    assert Hits().filename == str(directory / "Hits" / f"{os.getpid():08d}.shop")


def test_a_thread_that_comes_later_has_the_instances_names(
    directory: Path, monkeypatch: pytest.MonkeyPatch, in_thread: Callable[[Callable[[], Any]], Any]
) -> None:
    stats = Hits(app="shop", filename="{APP}.{TID}")
    monkeypatch.setenv("MMSTATS_PATH", "/nowhere")
    monkeypatch.setenv("MMSTATS_APP", "other")

    def other() -> tuple[str, str, int]:
        stats.hits.inc()
        return stats.filename, app(stats.filename), threading.get_native_id()

    path, name, thread = in_thread(other)
    assert (path, name) == (str(directory / f"shop.{thread}"), "shop")


def test_arguments_beat_the_environment(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSTATS_PATH", "/nowhere")
    monkeypatch.setenv("MMSTATS_FILES", "nothing")
    assert Hits(path=directory, filename="it").filename == str(directory / "it")
    assert Hits(path="/nowhere", filename=directory / "abs").filename == str(directory / "abs")


def test_a_name_that_is_taken_gets_a_number_before_its_extension(directory: Path) -> None:
    kept = [Hits(filename="a.b.c") for _ in range(3)]
    for amount, stats in enumerate(kept):
        stats.hits.inc(amount)
    assert sorted(os.listdir(directory)) == ["a.b-1.c", "a.b-2.c", "a.b.c"]
    assert [values(stats.filename)["hits"] for stats in kept] == ["0", "1", "2"]


def test_a_fixed_name_is_a_file_for_each_thread_and_process(
    directory: Path, in_thread: Callable[[Callable[[], Any]], Any], in_child: Callable[[Callable[[], Any]], Any]
) -> None:
    stats = Hits(filename="fixed.mmstats")
    stats.hits.inc(1)
    # Inside of the thread, so that its file is in use when the child is forked.
    in_thread(lambda: (stats.hits.inc(10), in_child(lambda: stats.hits.inc(100))))
    assert {path.name: values(path)["hits"] for path in directory.iterdir()} == {
        "fixed.mmstats": "1",
        "fixed-1.mmstats": "10",
        "fixed-2.mmstats": "100",
    }


@pytest.mark.parametrize("kind", ["file", "dangling link", "directory"])
def test_a_name_is_never_taken_from_what_exists(directory: Path, kind: str) -> None:
    taken = directory / "stats.mmstats"
    match kind:
        case "file":
            taken.write_bytes(b"precious")
        case "dangling link":
            taken.symlink_to(directory / "target")
        case "directory":
            taken.mkdir()
    assert Hits(filename="stats.mmstats").filename == str(directory / "stats-1.mmstats")
    assert sorted(os.listdir(directory)) == ["stats-1.mmstats", "stats.mmstats"]
    assert kind != "file" or taken.read_bytes() == b"precious"
