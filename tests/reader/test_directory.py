"""Several writers' values together (FORMAT.md 3.10, 3.12), and files that come and go."""

from __future__ import annotations

import math
import os
import resource
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import (
    Metric,
    counter,
    gauge,
    histogram,
    labelled,
    last,
    myself,
    states,
    summary,
    text,
    unknown,
    write2,
)
from mmstats_testing.running import descriptors, skip_or_fail, within

from mmstats_format import FormatError
from mmstats_reader import Directory, Histogram, Summary, View, _directory, _kept, _liveness, clean

CLOSED = {"state": 2}
INF = math.inf
NAN = math.nan
UNSET_NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000001))[0]


@pytest.fixture
def stats(tmp_path: Path) -> Iterator[Directory]:
    with Directory(tmp_path) as directory:
        yield directory


def put(path: Path, *files: Metric | tuple[Metric, ...], **parts: Any) -> None:
    """Make the files a, b, … of these metrics, all of this process."""
    for name, metrics in zip("abcdefgh", files, strict=False):
        some = (metrics,) if isinstance(metrics, Metric) else metrics
        write2(path / f"{name}.mmstats", *some, **{**myself(), **parts})


def names_of(view: View) -> list[str]:
    return [family.name for family in view]


@pytest.mark.parametrize(
    ("metrics", "total"),
    [
        pytest.param([counter("m", 2), counter("m", 3)], 5, id="counter"),
        pytest.param([counter("m", 2**64 - 1), counter("m", 2**64 - 1)], 2**64 - 2, id="counter-wraps"),
        pytest.param([counter("m", 0.5, "float"), counter("m", 0.25, "float")], 0.75, id="counter-float"),
        pytest.param([gauge("m", 2), gauge("m", -3)], -1, id="sum"),
        pytest.param([gauge("m", -(2**62)), gauge("m", -(2**62)), gauge("m", -5)], -(2**63) - 5 + 2**64, id="wraps"),
        pytest.param([gauge("m", 2**63, kind="unsigned")] * 2, 0, id="sum-unsigned-wraps"),
        pytest.param([gauge("m", 2), gauge("m", None)], 2, id="sum-unset"),
        pytest.param([gauge("m", None), gauge("m", None)], None, id="sum-all-unset"),
        pytest.param([gauge("m", 0.5, kind="float"), gauge("m", None, kind="float")], 0.5, id="sum-float-unset"),
        pytest.param([gauge("m", 2, "min"), gauge("m", -3, "min"), gauge("m", None, "min")], -3, id="min"),
        pytest.param([gauge("m", 2, "max"), gauge("m", None, "max"), gauge("m", -3, "max")], 2, id="max"),
        pytest.param([gauge("m", x, "min", "float") for x in (NAN, 1.0, 2.0)], 1.0, id="min-nan"),
        pytest.param([gauge("m", x, "max", "float") for x in (1.0, NAN)], 1.0, id="max-nan"),
        pytest.param([gauge("m", x, "max", "boolean") for x in (True, False)], True, id="max-boolean"),
        pytest.param([gauge("m", x, "min", "boolean") for x in (True, False, None)], False, id="min-boolean"),
        pytest.param([last("m", 9, 1.5), last("m", 8, 2.5)], 1.5, id="last"),
        pytest.param([last("m", 8, 1.5), last("m", 9, 2.5)], 2.5, id="last-other"),
        pytest.param([last("m", 8, 1.5), last("m", 9, None)], 1.5, id="last-unset-value"),
        pytest.param([last("m", 0, 1.5), last("m", 0, 2.5)], None, id="last-unset"),
        pytest.param(
            [summary("m", 2, 3.0, 1.0, 2.0, 2.0), summary("m", 1, 5.0, 5.0, 5.0, 5.0)],
            Summary(3, 8.0, 1.0, 5.0, 5.0),
            id="summary",
        ),
        pytest.param(
            [summary("m", 2, 3.0, 1.0, 2.0, 2.0), summary("m")], Summary(2, 3.0, 1.0, 2.0, 2.0), id="summary-empty"
        ),
        pytest.param([summary("m"), summary("m")], Summary(0, 0.0, None, None, None), id="summaries-empty"),
        pytest.param(
            [histogram("m", (1.0, 2.0), (1, 2, 3), 4.5), histogram("m", (1.0, 2.0), (10, 20, 30), 0.5)],
            Histogram(5.0, (1.0, 2.0), (11, 22, 33)),
            id="histogram",
        ),
        pytest.param(
            [histogram("m", (1.0, 2.0, 4.0), (1, 2, 3, 4), 1.0), histogram("m", (2.0, 3.0, 4.0), (1, 1, 1, 1), 1.0)],
            Histogram(2.0, (2.0, 4.0), (4, 5, 5)),
            id="histogram-other-bounds",
        ),
        pytest.param(
            [histogram("m", (1.0,), (1, 2)), histogram("m", (2.0,), (3, 4))],
            Histogram(0.0, (), (10,)),
            id="histogram-no-common-bounds",
        ),
        pytest.param(
            [histogram("m", (1.0,), (2**64 - 1, 0)), histogram("m", (1.0,), (3, 4))],
            Histogram(0.0, (1.0,), (2, 4)),
            id="histogram-wraps",
        ),
    ],
)
def test_a_total_is_made_as_the_family_combines(
    tmp_path: Path, stats: Directory, metrics: list[Metric], total: Any
) -> None:
    """V2-C1, V2-C4, V2-32: what is unset is counted by no combination."""
    for created, (name, metric) in enumerate(zip("abc", metrics, strict=False)):
        write2(tmp_path / f"{name}.mmstats", metric, **myself(), created=created)
    view = stats.poll()
    assert view.total("m") == total
    assert type(view.total("m")) is type(total)
    assert view["m"].series == {(): total}
    assert not view.conflicts
    assert view.complete


@pytest.mark.parametrize("created", [(1, 2), (2, 1)])
def test_the_last_of_several_summaries_is_that_of_the_file_created_last(
    tmp_path: Path, stats: Directory, created: tuple[int, int]
) -> None:
    """V2-C1: among those whose count is not 0, whatever the order of the names."""
    for name, when, end in zip("ab", created, (1.0, 2.0), strict=True):
        write2(tmp_path / f"{name}.mmstats", summary("m", 1, end, end, end, end), created=when, **myself())
    write2(tmp_path / "c.mmstats", summary("m"), created=9, **myself())
    assert stats.poll().total("m").last == float(created.index(2) + 1)


def test_a_gauge_combined_by_last_has_its_time(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, last("m", 8, 1.5), last("m", 9, 2.5))
    assert stats.poll()["m"].times == {(): 9}


def test_labels_choose_among_series_and_without_them_all_series_are_together(tmp_path: Path, stats: Directory) -> None:
    """V2-C1: series with equal label values are added up over the files."""
    labels = ("method", "status")

    def requests(**counts: int) -> Metric:
        series = {"get": ("GET", "200"), "put": ("PUT", "200"), "bad": ("GET", "500")}
        return labelled(counter("r"), labels, *((series[name], counter("r", n)) for name, n in counts.items()))

    put(tmp_path, requests(get=1, put=2), requests(bad=4, get=8))
    view = stats.poll()
    assert view["r"].series == {("GET", "200"): 9, ("PUT", "200"): 2, ("GET", "500"): 4}
    assert view["r"].labels == labels
    assert view.total("r") == 15
    assert view.total("r", method="GET") == 13
    assert view.total("r", status="200", method="GET") == 9
    with pytest.raises(KeyError, match=r'near: .*method="PUT",status="200"'):
        view.total("r", method="PUT", status="500")
    with pytest.raises(KeyError, match="no label 'verb'; there are: method, status"):
        view.total("r", verb="GET")
    with pytest.raises(KeyError, match="no metric 's'"):
        view.total("s")


@pytest.mark.parametrize(
    ("some", "total"),
    [
        ([gauge("m", 3, "min"), gauge("m", 2, "min")], 2),
        ([last("m", 5, 1.0), last("m", 4, 2.0)], 1.0),
        ([summary("m", 1, 2.0, 2.0, 2.0, 2.0), summary("m", 1, 3.0, 3.0, 3.0, 3.0)], 2),
        ([histogram("m", (1.0,), (1, 0)), histogram("m", (1.0,), (2, 5))], 8),
    ],
)
def test_series_are_combined_as_files_are(tmp_path: Path, stats: Directory, some: list[Metric], total: Any) -> None:
    """V2-C1."""
    put(tmp_path, labelled(some[0], ("n",), (("0",), some[0]), (("1",), some[1])))
    found = stats.poll().total("m")
    assert getattr(found, "count", found) == total


@pytest.mark.parametrize("metric", [gauge("m", 1, "all"), unknown("m", 1), text("m", "x"), states("m", ("a", "b"))])
def test_what_is_combined_by_all_stands_by_itself_with_its_writer(
    tmp_path: Path, stats: Directory, metric: Metric
) -> None:
    put(tmp_path, metric, metric)
    view = stats.poll()
    with pytest.raises(ValueError, match=r"'m' has no total: each writer's value stands by itself"):
        view.total("m")
    pairs: Any = view["m"].series[()]
    assert [(Path(process.path).name, value) for process, value in pairs] == [
        ("a.mmstats", pairs[0][1]),
        ("b.mmstats", pairs[0][1]),
    ]
    assert pairs[0][1] in (1, "x", "a")
    assert {process.state for process, _ in pairs} == {"live"}


def test_state_sets_are_combined_by_the_states_names(tmp_path: Path, stats: Directory) -> None:
    """V2-C5, V2-33: a state that the family does not have is unset."""
    put(tmp_path, states("m", ("up", "down"), 0), states("m", ("down", "slow"), 0), states("m", ("up", "down"), 2))
    view = stats.poll()
    pairs: Any = view["m"].series[()]
    assert [value for _, value in pairs] == ["up", "down"]
    assert view["m"].states == ("up", "down", "slow")
    assert not view.conflicts


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (gauge("m", 7, kind="unsigned"), "kind"),
        (counter("m", 7.0, "float"), "type"),
        (counter("m", 7, unit="bytes"), "unit"),
        (labelled(counter("m"), ("l",), (("x",), counter("m", 7))), "labels"),
    ],
)
def test_families_that_are_declared_differently_stay_apart(
    tmp_path: Path, stats: Directory, other: Metric, differs: str
) -> None:
    """V2-C3: the reader names both files; the one that most files have goes by the name."""
    put(tmp_path, (other, counter("b", 1)), (counter("m", 1, help="one"), counter("b", 2)), counter("m", 2, help="two"))
    view = stats.poll()
    assert names_of(view) == ["b", "m", "m"]
    assert view.total("m") == 3
    assert view.total("b") == 3
    (conflict,) = view.conflicts
    paths = tuple(str(tmp_path / f"{name}.mmstats") for name in "ab")
    assert conflict == ("m", differs, paths)
    assert str(conflict) == f"'m' has one {differs} in {paths[0]}, and another in {paths[1]}"
    assert {family.help for family in view if family.name == "m"} == {"", "one"}


def test_gauges_of_other_combinations_stay_apart(tmp_path: Path, stats: Directory) -> None:
    """V2-C3."""
    put(tmp_path, gauge("m", 1, "sum"), gauge("m", 2, "max"))
    assert [conflict.differs for conflict in stats.poll().conflicts] == ["combination"]


@pytest.mark.parametrize(
    ("metric", "total"),
    [(counter("m", 3), 5), (summary("m", 3, 1.0, 1.0, 1.0, 1.0), 5), (histogram("m", (), (3,)), 5), (gauge("m", 3), 2)],
)
def test_values_of_dead_writers_count_by_their_kind(
    tmp_path: Path, stats: Directory, metric: Metric, total: int
) -> None:
    """V2-C2, V2-L2."""
    alive = {"counter": counter("m", 2), "gauge": gauge("m", 2), "histogram": histogram("m", (), (2,))}
    put(tmp_path, alive.get(metric.family.kind, summary("m", 2, 1.0, 1.0, 1.0, 1.0)))
    write2(tmp_path / "dead.mmstats", metric, **CLOSED)
    found = stats.poll().total("m")
    assert getattr(found, "count", found) == total


@pytest.mark.parametrize("metric", [text("m", "x"), states("m", ("x",)), unknown("m", 1), gauge("m", 1, "all")])
@pytest.mark.parametrize("kept", [False, True])
def test_values_of_dead_writers_count_where_the_family_is_kept(
    tmp_path: Path, stats: Directory, metric: Metric, kept: bool
) -> None:
    """V2-C2."""
    family = metric.family
    declared = {"states": family.states, "capacity": family.capacity, "kept": kept}
    kept_family = type(family)(family.name, family.kind, family.type, family.combination, **declared)  # type: ignore[arg-type]
    write2(tmp_path / "dead.mmstats", Metric(kept_family, metric.slots), **CLOSED)
    view = stats.poll()
    assert len(view["m"].series.get((), ())) == kept
    assert view["m"].kept is kept


def test_gauges_of_unknown_writers_count(tmp_path: Path, stats: Directory) -> None:
    """V2-C2, V2-L5: what is not known counts as alive."""
    write2(tmp_path / "a.mmstats", gauge("m", 2))
    view = stats.poll()
    assert view.total("m") == 2
    assert [process.state for process in view.processes] == ["unknown"]


def test_where_all_writers_are_dead_a_gauge_has_nothing(tmp_path: Path, stats: Directory) -> None:
    """V2-C2."""
    write2(tmp_path / "a.mmstats", gauge("m", 2), **CLOSED)
    view = stats.poll()
    assert "m" in view
    assert view.total("m") is None


def test_a_directory_of_counters_is_read_without_asking_for_any_process(
    tmp_path: Path, stats: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-C2: counters of the dead count too, so nobody looks before somebody asks."""
    asked: list[Any] = []

    def ask(*arguments: Any) -> tuple[str, str]:
        asked.append(arguments)
        return _liveness.liveness(*arguments)

    monkeypatch.setattr(_kept, "liveness", ask)
    put(tmp_path, counter("m", 1), counter("m", 2))
    view = stats.poll()
    assert view.total("m") == 3
    assert asked == []
    assert len(view.processes) == len(asked) == 2
    put(tmp_path, gauge("m", 1), gauge("m", 2))
    assert stats.poll().total("m") == 3
    assert len(asked) == 4


# --- Version 1 beside version 2.


def test_version_1_files_are_read_too(tmp_path: Path, stats: Directory) -> None:
    """V2-X2: of those a `Q` with two buffers is taken for a counter, and adds up with version 2's."""
    fields = [two("m", "Q", 5), one("n", "Q", 7), two("d", "d", 0.5), one("t", "8s", "x"), two("?", "?", True)]
    write(tmp_path / "a.mmstats", *fields)
    write2(tmp_path / "b.mmstats", counter("m", 2), unknown("n", 1))
    view = stats.poll()
    assert view.total("m") == 7
    kinds = {family.name: (family.kind, family.type) for family in view}
    assert kinds == {
        "m": ("counter", "unsigned"),
        "n": ("unknown", "unsigned"),
        "d": ("unknown", "float"),
        "t": ("text", "text"),
        "?": ("unknown", "boolean"),
    }
    assert [value for _, value in view["n"].series[()]] == [7, 1]
    assert [process.version for process in view.processes] == [1, 2]


def test_of_a_version_1_label_that_occurs_twice_the_last_counts(tmp_path: Path, stats: Directory) -> None:
    """V1-4."""
    write(tmp_path / "a.mmstats", two("m", "Q", 5), two("m", "Q", 6))
    assert stats.poll().total("m") == 6


def test_unset_of_version_2_is_no_unset_of_version_1(tmp_path: Path, stats: Directory) -> None:
    """V2-32 is version 2's."""
    write(tmp_path / "a.mmstats", one("m", "Q", 2**64 - 1), one("b", "q", -(2**63)))
    view = stats.poll()
    assert [value for name in "mb" for _, value in view[name].series[()]] == [2**64 - 1, -(2**63)]


# --- Files.


def test_only_the_directory_s_own_files_of_that_name_count(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, counter("m", 1))
    (tmp_path / "sub.mmstats").mkdir()
    write2(tmp_path / "sub.mmstats" / "x.mmstats", counter("m", 1))
    write2(tmp_path / ".hidden.mmstats", counter("m", 1))
    write2(tmp_path / "other.txt", counter("m", 1))
    view = stats.poll()
    assert view.total("m") == 1
    assert not view.errors


def test_files_appear_change_and_vanish_between_polls(tmp_path: Path, stats: Directory) -> None:
    """V2-R9: a file that was replaced is opened anew, also where it is replaced by an older one."""
    assert len(stats.poll()) == 0
    put(tmp_path, counter("m", 1))
    assert stats.poll().total("m") == 1
    put(tmp_path, counter("m", 2), counter("m", 3))  # the first in place
    assert stats.poll().total("m") == 5
    write2(tmp_path / "new", counter("m", 10)).replace(tmp_path / "a.mmstats")
    assert stats.poll().total("m") == 13
    (tmp_path / "b.mmstats").unlink()
    assert stats.poll().total("m") == 10
    (tmp_path / "a.mmstats").unlink()
    assert "m" not in stats.poll()


@pytest.mark.parametrize("mapped", [True, False])
def test_a_file_that_comes_amid_a_poll_is_read_whole_at_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mapped: bool
) -> None:
    """V2-R2: what was seen of it when it came, to know whether it is an archive (V2-F4), is old by then."""
    put(tmp_path, counter("m", 1))
    real = _directory._read

    def come(files: Any, errors: Any) -> Any:
        found = real(files, errors)
        put(tmp_path, counter("m", 1), counter("m", 2))
        return found

    with Directory(tmp_path, mapped=mapped) as stats:
        monkeypatch.setattr(_directory, "_read", come)
        assert stats.poll().total("m") == 1
        monkeypatch.undo()
        put(tmp_path, counter("m", 1), (counter("m", 2), counter("n", 3)))
        view = stats.poll()
        assert (view.total("m"), view.total("n")) == (3, 3)


def test_a_directory_in_a_file_s_place_is_no_file(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, counter("m", 1), counter("m", 2))
    stats.poll()
    (tmp_path / "b.mmstats").unlink()
    (tmp_path / "b.mmstats").mkdir()
    view = stats.poll()
    assert (view.total("m"), dict(view.errors)) == (1, {})


def test_a_link_whose_target_is_replaced_leads_to_the_new_file(tmp_path: Path, stats: Directory) -> None:
    """V2-R9: what the directory says of a link does not change with what it leads to."""
    target = write2(tmp_path / "target", counter("m", 1))
    (tmp_path / "a.mmstats").symlink_to(target)
    assert stats.poll().total("m") == 1
    write2(tmp_path / "new", counter("m", 2)).replace(target)
    assert stats.poll().total("m") == 2
    target.unlink()
    assert "m" not in stats.poll()


def test_a_directory_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    """V2-R9."""
    path = tmp_path / "stats"
    path.mkdir()
    put(path, counter("m", 1))
    with Directory(path) as stats:
        assert stats.poll().total("m") == 1
        path.rename(tmp_path / "old")
        with pytest.raises(FileNotFoundError):
            stats.poll()
        path.mkdir()
        put(path, counter("m", 5))
        assert stats.poll().total("m") == 5


def test_a_directory_that_a_link_leads_to_elsewhere_is_opened_anew(tmp_path: Path) -> None:
    """V2-R9: a number of an inode is that of one device; what is kept is given up with the directory."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first = write2(tmp_path / "one" / "a.mmstats", counter("m", 1))
    os.link(first, tmp_path / "two" / "a.mmstats")
    link = tmp_path / "stats"
    link.symlink_to("one")
    with Directory(link) as stats:
        stats.poll()
        kept = stats._files["a.mmstats"]
        stats.poll()
        assert stats._files["a.mmstats"] is kept
        link.unlink()
        link.symlink_to("two")
        assert stats.poll().total("m") == 1
        assert stats._files["a.mmstats"] is not kept


def test_malformed_and_unreadable_files_are_errors_and_everything_else_goes_on(
    tmp_path: Path, stats: Directory
) -> None:
    put(tmp_path, counter("m", 1), counter("m", 2))
    (tmp_path / "c.mmstats").write_bytes(b"\2")
    (tmp_path / "d.mmstats").write_bytes(b"")
    os.mkfifo(tmp_path / "e.mmstats")
    (tmp_path / "gone.mmstats").symlink_to("nowhere")
    with within(20):
        view = stats.poll()
    assert view.total("m") == 3
    errors = {Path(path).name: error for path, error in view.errors.items()}
    assert sorted(errors) == ["c.mmstats", "d.mmstats", "e.mmstats"]
    assert {getattr(errors[f"{name}.mmstats"], "code", None) for name in "cd"} == {"truncated"}
    assert isinstance(errors["e.mmstats"], OSError)
    assert all(getattr(error, "filename", None) == path for path, error in view.errors.items())


def test_a_file_that_turns_malformed_and_is_mended_leaves_and_comes_back(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, counter("m", 1), counter("m", 2))
    assert stats.poll().total("m") == 3
    path = tmp_path / "b.mmstats"
    good = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(96)
        file.write(b"\7")
    view = stats.poll()
    assert view.total("m") == 1
    error = view.errors[str(path)]
    assert isinstance(error, FormatError)
    assert (error.code, error.offset) == ("bad-control", 96)
    with path.open("r+b") as file:
        file.write(good)
    assert stats.poll().total("m") == 3


def test_a_file_that_is_emptied_and_written_anew_as_another_version_is_read(tmp_path: Path, stats: Directory) -> None:
    """V2-X2: the original takes names from existing files."""
    path = write2(tmp_path / "a.mmstats", counter("m", 1))
    assert stats.poll().total("m") == 1
    write(path, two("m", "Q", 2))
    assert stats.poll().total("m") == 2
    write2(path, counter("m", 3), gauge("g", 1))
    assert stats.poll().total("m") == 3


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_of_two_files_of_one_writer_one_counts(tmp_path: Path, stats: Directory, link: Any) -> None:
    """V2-R8: a file under two names; and a copy of it."""
    put(tmp_path, counter("m", 1), counter("m", 2))
    link(tmp_path / "a.mmstats", tmp_path / "c.mmstats")
    (tmp_path / "d.mmstats").write_bytes((tmp_path / "b.mmstats").read_bytes())
    view = stats.poll()
    assert view.total("m") == 3
    assert [Path(process.path).name for process in view.processes] == ["a.mmstats", "b.mmstats"]


def test_of_a_version_1_file_under_two_names_one_counts(tmp_path: Path, stats: Directory) -> None:
    """V2-R8 in spirit: it has no id, but it is one file."""
    write(tmp_path / "a.mmstats", two("m", "Q", 5))
    os.link(tmp_path / "a.mmstats", tmp_path / "b.mmstats")
    assert stats.poll().total("m") == 5


def test_at_most_half_of_the_descriptors_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond that a file is opened each time, and says the same."""
    for number in range(20):
        write2(tmp_path / f"{number:02}.mmstats", counter("m", number), **myself())
    before = len(descriptors())
    with open(os.devnull) as lowest:
        most = 2 * (lowest.fileno() + 10)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (most, 4096))
    with Directory(tmp_path) as stats:
        for _ in range(3):
            view = stats.poll()
            assert view.total("m") == 190
            assert len(view.processes) == 20
            kept = len(descriptors()) - before
            assert 0 < kept <= 10
        write2(tmp_path / "new", counter("m", 100)).replace(tmp_path / "19.mmstats")
        assert stats.poll().total("m") == 271
    assert len(descriptors()) == before


@pytest.mark.parametrize("mapped", [False, True])
def test_a_file_that_is_cut_is_an_error_and_no_signal(tmp_path: Path, mapped: bool) -> None:
    """V2-R1: mapped or not; only while it is read a mapping must not be cut."""
    path = write2(tmp_path / "a.mmstats", *(counter(f"m{number}", 1) for number in range(200)))
    with Directory(tmp_path, mapped=mapped) as stats:
        stats.poll()
        good = path.read_bytes()
        os.truncate(path, 4096)
        for _ in range(2):
            error = stats.poll().errors[str(path)]
            assert getattr(error, "code", None) == "truncated"
        os.truncate(path, 0)
        assert str(path) in stats.poll().errors
        with path.open("r+b") as file:
            file.write(good)
        assert stats.poll().total("m0") == 1


@pytest.mark.parametrize("mapped", [False, True])
def test_closing_gives_up_every_descriptor(tmp_path: Path, mapped: bool) -> None:
    put(tmp_path, counter("m", 1), counter("m", 2))
    before = descriptors()
    with Directory(tmp_path, mapped=mapped) as stats:
        stats.poll()
        assert len(descriptors()) > len(before)
    assert descriptors() == before
    stats.poll()
    del stats
    assert descriptors() == before


def test_mappings_and_calls_say_the_same(tmp_path: Path) -> None:
    some = (counter("m", 1), gauge("g", 2), histogram("h", (1.0,), (1, 2)), text("t", "x"), last("l", 4, 2.0))
    put(tmp_path, some, some)
    with Directory(tmp_path, mapped=True) as mapped, Directory(tmp_path) as called:
        for number in range(3):
            one, other = list(mapped.poll()), list(called.poll())
            assert [family[:11] for family in one] == [family[:11] for family in other]
            assert one[0].name == "g"
            put(tmp_path, (*some, counter("new", number)), some)


# --- Rates.


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the reader believes; a second pass at each poll."""
    now = [1000.0]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            now[0] += 1
            return now[0]

        @staticmethod
        def time_ns() -> int:
            return int(now[0] * 10**9)

    monkeypatch.setattr(_directory, "time", Clock)
    return now


def test_a_rate_is_the_growth_since_the_poll_before(tmp_path: Path, stats: Directory, clock: list[float]) -> None:
    put(tmp_path, counter("m", 5), counter("m", 7))
    view = stats.poll()
    assert math.isnan(view.rate("m"))
    put_value(tmp_path / "a.mmstats", 9)
    assert stats.poll().rate("m") == 4
    assert stats.poll().rate("m") == 0
    clock[0] += 3
    put_value(tmp_path / "b.mmstats", 11)
    assert stats.poll().rate("m") == 1
    assert math.isnan(view.rate("m")), "a view does not change"


def put_value(path: Path, value: int) -> None:
    """Store the only word of a file."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size - 8)
        file.write(struct.pack("<Q", value))


def test_what_vanishes_or_begins_anew_makes_no_rate_negative(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    put(tmp_path, counter("m", 5), counter("m", 7))
    write(tmp_path / "c.mmstats", two("m", "Q", 50))
    stats.poll()
    (tmp_path / "a.mmstats").unlink()
    put_value(tmp_path / "b.mmstats", 8)
    assert stats.poll().rate("m") == 1
    write(tmp_path / "c.mmstats", two("m", "Q", 2))  # the same file, of a writer that began anew
    assert stats.poll().rate("m") == 2


def test_a_file_that_is_new_counts_from_zero_and_one_that_is_old_begins_to_count(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    put(tmp_path, counter("m", 5))
    stats.poll()
    write2(tmp_path / "new.mmstats", counter("m", 3), created=int(clock[0] * 10**9))
    write2(tmp_path / "old.mmstats", counter("m", 1000), created=1)
    assert stats.poll().rate("m") == 3
    put_value(tmp_path / "old.mmstats", 1004)
    assert stats.poll().rate("m") == 4


def test_rates_of_histograms_and_summaries_are_those_of_their_counts(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    put(tmp_path, (histogram("h", (1.0,), (1, 2)), summary("s", 2, 1.0, 1.0, 1.0, 1.0)))
    stats.poll()
    data = (tmp_path / "a.mmstats").read_bytes()
    new = data.replace(struct.pack("<QQ", 1, 2), struct.pack("<QQ", 4, 3))
    with (tmp_path / "a.mmstats").open("r+b") as file:
        file.write(new)
    view = stats.poll()
    assert (view.rate("h"), view.rate("s")) == (4, 0)


def test_a_rate_by_labels_is_that_of_those_series(tmp_path: Path, stats: Directory, clock: list[float]) -> None:
    put(tmp_path, labelled(counter("m"), ("l",), (("x",), counter("m", 1)), (("y",), counter("m", 1))))
    stats.poll()
    put_value(tmp_path / "a.mmstats", 6)
    view = stats.poll()
    assert (view.rate("m"), view.rate("m", l="x"), view.rate("m", l="y")) == (5, 0, 5)
    with pytest.raises(KeyError):
        view.rate("m", l="z")
    with pytest.raises(KeyError, match="near: 'm'"):
        view.rate("mm")


def test_what_does_not_only_grow_has_no_rate(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, gauge("m", 1))
    with pytest.raises(ValueError, match="'m' is a gauge, and has no rate"):
        stats.poll().rate("m")


# --- Archives.

ARCHIVE = {"incompatible": 1, "state": 2, "pid": 0}


def identity(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_an_archive_s_counts_are_in_the_total_and_those_of_its_files_not_again(
    tmp_path: Path, stats: Directory, clock: list[float]
) -> None:
    """V2-F1, V2-F2: whatever the order of the names; and folding is no growth."""
    for number, name in enumerate("az"):
        metrics = (counter("m", 10 + number), gauge("g", 1))
        write2(tmp_path / f"{name}.mmstats", *metrics, writer_id=identity(number + 77), **myself())
    assert stats.poll().total("m") == 21
    folded = (identity(77), identity(78))
    write2(tmp_path / ".new", counter("m", 24), gauge("g", 5), folded=folded[:1], **ARCHIVE)
    (tmp_path / ".new").replace(tmp_path / "shop.archive.mmstats")
    view = stats.poll()
    assert view.total("m") == 24 + 11
    assert view.rate("m") == 24 - 10
    assert view.total("g") == 1, "its writer is dead"
    assert [Path(process.path).name for process in view.processes] == ["z.mmstats"]
    write2(tmp_path / ".new", counter("m", 40), folded=folded, **ARCHIVE)
    (tmp_path / ".new").replace(tmp_path / "shop.archive.mmstats")
    view = stats.poll()
    assert (view.total("m"), view.rate("m")) == (40, 40 - 24 - 11)
    for name in "az":
        (tmp_path / f"{name}.mmstats").unlink()
    view = stats.poll()
    assert (view.total("m"), view.rate("m")) == (40, 0)


def test_another_user_s_archive_takes_no_file_away(tmp_path: Path, stats: Directory) -> None:
    """V2-F1, V2-F2: FORMAT.md 3.17."""
    if os.geteuid():
        skip_or_fail("only the superuser can give a file to another user")
    write2(tmp_path / "a.mmstats", counter("m", 10), writer_id=identity(77), **myself())
    archive = write2(tmp_path / "evil.archive.mmstats", counter("m", 1), folded=(identity(77),), **ARCHIVE)
    os.chown(archive, 65534, 65534)
    assert stats.poll().total("m") == 11
    os.chown(tmp_path / "a.mmstats", 65534, 65534)
    with Directory(tmp_path) as fresh:
        assert fresh.poll().total("m") == 1


def test_a_file_that_is_folded_while_the_directory_is_listed_counts_once(
    tmp_path: Path, stats: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-R9, V2-F4: the list has the file still, and its archive, which has forgotten it, already."""
    write2(tmp_path / "a.mmstats", counter("m", 10), state=2)
    write2(tmp_path / "b.mmstats", counter("m", 1))
    assert stats.poll().total("m") == 11
    list_ = Directory._list

    def slowly(self: Directory) -> dict[str, os.DirEntry[str]]:
        early = list_(self)
        clean(tmp_path, fold=True)
        return {**early, **list_(self)}

    monkeypatch.setattr(Directory, "_list", slowly)
    view = stats.poll()
    assert view.complete
    assert view.total("m") == 11


@pytest.mark.parametrize("step", ["before", "between"])
def test_a_fold_while_a_pass_is_made_is_seen_in_whole(
    tmp_path: Path, stats: Directory, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """V2-F4: the archive is replaced, and the source removed, after the archives were read or the files listed."""
    write2(tmp_path / "a.mmstats", counter("m", 10), writer_id=identity(77), **myself())
    archive = tmp_path / "shop.archive.mmstats"
    write2(archive, counter("m", 1), **ARCHIVE)
    stats.poll()
    real, calls = _directory._read, []

    def fold_meanwhile(files: Any, errors: Any) -> Any:
        calls.append(len(files))
        if len(calls) == (1 if step == "before" else 2):
            write2(tmp_path / ".new", counter("m", 11), folded=(identity(77),), **ARCHIVE).replace(archive)
            (tmp_path / "a.mmstats").unlink()
        return real(files, errors)

    monkeypatch.setattr(_directory, "_read", fold_meanwhile)
    view = stats.poll()
    assert view.total("m") == 11
    assert view.complete
    assert len(calls) == 4, "it started over once"


@pytest.mark.parametrize("before", [True, False])
def test_where_archives_never_settle_the_last_complete_pass_is_given_and_marked(
    tmp_path: Path, stats: Directory, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    """V2-F4: after a bounded number of times; where there is none, what was read last is marked."""
    archive = tmp_path / "shop.archive.mmstats"
    write2(archive, counter("m", 1), **ARCHIVE)
    if before:
        assert stats.poll().total("m") == 1
    real, passes = _directory._read, []

    def replace(files: Any, errors: Any) -> Any:
        passes.append(1)
        write2(tmp_path / ".new", counter("m", 1 + len(passes)), **ARCHIVE).replace(archive)
        return real(files, errors)

    monkeypatch.setattr(_directory, "_read", replace)
    view = stats.poll()
    assert not view.complete
    assert len(passes) == 10, "five passes over archives and files"
    assert (view.total("m") == 1) is before
    monkeypatch.undo()
    settled = stats.poll()
    assert settled.complete
    assert settled.total("m") == 11


def test_an_archive_that_appears_or_vanishes_meanwhile_is_seen(
    tmp_path: Path, stats: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-F4."""
    write2(tmp_path / "a.mmstats", counter("m", 10), writer_id=identity(77), **myself())
    archive = tmp_path / "shop.archive.mmstats"
    real = _directory._read
    changes: list[Any] = [
        lambda: write2(archive, counter("m", 10), folded=(identity(77),), **ARCHIVE),
        lambda: archive.unlink(),
    ]

    def change(files: Any, errors: Any) -> Any:
        found = real(files, errors)
        if changes:
            changes.pop(0)()
        return found

    monkeypatch.setattr(_directory, "_read", change)
    view = stats.poll()
    assert (view.total("m"), view.complete, changes) == (10, True, [])


# --- Views.


def test_a_view_s_families_are_sorted_and_found_by_name(tmp_path: Path, stats: Directory) -> None:
    put(tmp_path, (counter("web.hits", 1), counter("b", 2, unit="bytes", help="what it is")), counter("a", 3))
    view = stats.poll()
    assert names_of(view) == ["a", "b", "web.hits"]
    assert len(view) == 3
    assert "b" in view
    assert "c" not in view
    family = view["b"]
    assert (family.kind, family.type, family.combination) == ("counter", "unsigned", "sum")
    assert (family.unit, family.help, family.labels, family.series) == ("bytes", "what it is", (), {(): 2})
    with pytest.raises(KeyError, match=r"no metric 'web\.hit'; near: 'web\.hits'"):
        view["web.hit"]
    with pytest.raises(TypeError):
        family.series[()] = 3  # type: ignore[index]
    assert repr(view) == "<View of 2 files: 3 metrics, 0 errors>"


def test_a_histogram_has_quantiles_and_nothing_else_has(tmp_path: Path, stats: Directory) -> None:
    one = histogram("h", (1.0, 2.0), (1, 0, 0))
    other = histogram("h", (1.0, 2.0), (0, 1, 0))
    put(tmp_path, labelled(one, ("l",), (("x",), one), (("y",), other)), labelled(one, ("l",), (("x",), one)))
    view = stats.poll()
    assert view["h"].quantile(1.0) == 2.0
    assert view["h"].quantile(0.5) == 0.75
    assert view.total("h", l="x").quantile(0.5) == 0.5
    put(tmp_path, counter("c", 1))
    with pytest.raises(ValueError, match="'c' is a counter, and has no quantiles"):
        stats.poll()["c"].quantile(0.5)


def test_processes_say_who_writes(tmp_path: Path, stats: Directory) -> None:
    write2(tmp_path / "a.mmstats", counter("m"), app="jobs", host="box 2", thread_id=7, created=8, **myself())
    before = time.time()
    (process,) = stats.poll().processes
    assert process[:7] == (str(tmp_path / "a.mmstats"), 2, "jobs", "box 2", os.getpid(), 7, 8)
    assert (process.state, process.namespace) == ("live", myself()["pid_namespace"])
    assert process.boot == myself()["boot_id"].hex()
    assert len(process.writer_id) == 32
    assert before > 0


def test_a_path_that_is_no_directory_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", write2(tmp_path / "x", counter("m"))):
        with pytest.raises(OSError, match=r"."), Directory(path) as stats:
            stats.poll()
