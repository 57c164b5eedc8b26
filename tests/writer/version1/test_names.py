"""Where a file appears, and under which name (V1-W4)."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmstats_format import DeclarationError
from mmstats_reader import read
from mmstats_writer._version1 import BaseMmStats, CounterField


class Hits(BaseMmStats):
    hits = CounterField()


class Misses(BaseMmStats):
    hits = CounterField()


def test_the_default_name_tells_program_process_and_thread(directory: Path) -> None:
    program = os.path.basename(sys.argv[0])
    name = f"{program}-{os.getpid()}-{threading.get_native_id()}.mmstats"
    assert Hits().filename == str(directory / name)


def test_the_environment_sets_path_and_name_for_the_next_instance(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "Hits").mkdir()
    monkeypatch.setenv("MMSTATS_PATH", str(directory / "{CLASS}"))
    monkeypatch.setenv("MMSTATS_FILES", "{PID:08d}.{CLASS}")
    assert Hits().filename == str(directory / "Hits" / f"{os.getpid():08d}.Hits")


def test_arguments_beat_the_environment(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSTATS_PATH", "/nowhere")
    monkeypatch.setenv("MMSTATS_FILES", "nothing")
    assert Hits(path=directory, filename="it").filename == str(directory / "it")


def test_placeholders_can_be_repeated_and_stand_in_the_path_too(directory: Path) -> None:
    (directory / f"{os.getpid()}").mkdir()
    stats = Hits(path=str(directory / "{PID}"), filename="{CMD} {CMD} {CLASS}")
    program = os.path.basename(sys.argv[0])
    assert os.path.basename(stats.filename) == f"{program} {program} Hits"


def test_an_absolute_name_is_taken_as_it_is(directory: Path) -> None:
    assert Hits(path="/nowhere", filename=directory / "here.mmstats").filename == str(directory / "here.mmstats")


def test_a_name_may_lie_in_a_folder_of_the_path(directory: Path) -> None:
    (directory / "sub").mkdir()
    assert Hits(filename="sub/../sub/x.mmstats").filename == str(directory / "sub/x.mmstats")


def test_two_models_in_one_thread_have_a_file_each() -> None:
    """In the original they overwrote one another."""
    one, other = Hits(), Misses()
    one.hits.inc(1)
    other.hits.inc(2)
    assert other.filename == one.filename.removesuffix(".mmstats") + "-1.mmstats"
    assert (read(one.filename)["hits"], read(other.filename)["hits"]) == (1, 2)


def test_a_fixed_name_with_three_threads_is_three_files(directory: Path) -> None:
    stats = Hits(filename="fixed.mmstats")
    together = threading.Barrier(3)

    def count(amount: int) -> None:
        together.wait()
        for _ in range(100):
            stats.hits.inc(amount)

    threads = [threading.Thread(target=count, args=(amount,)) for amount in (1, 10, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(os.listdir(directory)) == ["fixed-1.mmstats", "fixed-2.mmstats", "fixed-3.mmstats", "fixed.mmstats"]
    assert sorted(read(path)["hits"] for path in directory.iterdir()) == [0, 100, 1000, 10_000]


def test_a_fixed_name_with_a_forked_child_is_two_files(
    directory: Path, in_child: Callable[[Callable[[], Any]], Any]
) -> None:
    stats = Hits(filename="fixed.mmstats")
    stats.hits.inc(5)

    def child() -> str:
        stats.hits.inc(7)
        return stats.filename

    assert in_child(child) == str(directory / "fixed-1.mmstats")
    stats.hits.inc()
    assert read(directory / "fixed.mmstats")["hits"] == 6
    assert read(directory / "fixed-1.mmstats")["hits"] == 7


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "directory"])
def test_a_name_is_never_taken_from_what_exists(directory: Path, kind: str) -> None:
    taken = directory / "stats.mmstats"
    target = directory / "target"
    match kind:
        case "file":
            taken.write_bytes(b"precious")
        case "link":
            target.write_bytes(b"precious")
            taken.symlink_to(target)
        case "dangling link":
            taken.symlink_to(target)
        case "directory":
            taken.mkdir()
    assert Hits(filename="stats.mmstats").filename == str(directory / "stats-1.mmstats")
    match kind:
        case "file" | "link":
            assert taken.read_bytes() == b"precious"
        case "dangling link":
            assert not target.exists()


def test_the_number_goes_before_the_extension_or_to_the_end(directory: Path) -> None:
    names = [
        os.path.basename(Hits(filename=name).filename) for name in ("a.b.c", "a.b.c", "plain", "plain", ".hid", ".hid")
    ]
    assert names == ["a.b.c", "a.b-1.c", "plain", "plain-1", ".hid", ".hid-1"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"filename": "../x.mmstats"}, "outside-path"),
        ({"filename": "a/../../x.mmstats"}, "outside-path"),
        ({"filename": ".."}, "outside-path"),
        ({"filename": "."}, "outside-path"),
        ({"filename": ""}, "outside-path"),
        ({"filename": "{NOBODY}.mmstats"}, "bad-template"),
        ({"filename": "{}.mmstats"}, "bad-template"),
        ({"filename": "{0}.mmstats"}, "bad-template"),
        ({"filename": "{PID.mmstats"}, "bad-template"),
        ({"filename": "{PID!x}"}, "bad-template"),
        ({"filename": "{PID:@@}"}, "bad-template"),
        ({"filename": "{PID.nothing}"}, "bad-template"),
        ({"filename": "{CMD[a]}"}, "bad-template"),
        ({"path": "/tmp/{NOBODY}"}, "bad-template"),
        ({"filename": "a\0b"}, "bad-name"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_and_nothing_is_on_disk(
    directory: Path, arguments: dict[str, str], code: str
) -> None:
    """V1-W8."""
    with pytest.raises(DeclarationError) as refusal:
        Hits(**arguments)
    assert refusal.value.code == code
    assert not os.listdir(directory)


@pytest.mark.parametrize("arguments", [{"path": 5}, {"filename": b"x"}, {"path": b"/tmp"}, {"prefix": 5}])
def test_an_argument_of_the_wrong_type_is_refused(directory: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Hits(**arguments)
    assert not os.listdir(directory)
