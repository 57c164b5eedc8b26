"""Several writers' values together (FORMAT.md 3.10), of version 1 too."""

from __future__ import annotations

import math
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
    put,
    states,
    summary,
    text,
    unknown,
    write2,
)

from mmstats_reader import Directory, Histogram, Summary, View, _kept, _liveness

CLOSED = {"state": 2}
NAN = math.nan


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


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ((1e308, 1e308, -1e308), 1e308),
        ((1e308, 1e308), math.inf),
        ((-1e308, -1e308), -math.inf),
        ((1e308, 1e308, -math.inf), -math.inf),
        ((math.inf, -math.inf), NAN),
        ((1e16, 1.0, -1e16), 1.0),
    ],
)
def test_a_sum_of_floats_is_exact_though_sums_between_are_too_large(
    tmp_path: Path, stats: Directory, values: tuple[float, ...], total: float
) -> None:
    """V2-C1."""
    put(tmp_path, *(gauge("m", value, "sum", "float") for value in values))
    assert stats.poll().total("m") == pytest.approx(total, rel=0, abs=0, nan_ok=True)


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
