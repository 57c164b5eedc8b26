"""Label sets: a child for each, of a bounded number; one more for all that are beyond it (V2-W14)."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmstats_testing.written import bits, values

from mmstats_format import UpdateError
from mmstats_writer import (
    BaseMmStats,
    CounterField,
    Field,
    GaugeField,
    HistogramField,
    MovingAverageField,
    StateField,
    SummaryField,
    TextField,
    TimerField,
    Writer,
)

InChild = Callable[[Callable[[], Any]], Any]
InThread = Callable[[Callable[[], Any]], Any]


class Web(BaseMmStats):
    requests = CounterField(labelnames=("method", "status"))


def requests(stats: BaseMmStats) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = values(stats.filename)["requests"]
    return found


def test_equal_values_give_the_same_child_whatever_the_order_of_the_words() -> None:
    stats = Web()
    child = stats.requests.labels(method="GET", status="200")
    assert stats.requests.labels(status="200", method="GET") is child
    assert stats.requests.labels(method="GET", status="404") is not child
    child.inc(2)
    stats.requests.labels(status="200", method="GET").inc()
    assert requests(stats) == {("GET", "200"): "3", ("GET", "404"): "0"}
    assert child.value == 3


@pytest.mark.parametrize(("given", "shown"), [(200, "200"), (None, "None"), (True, "True"), (1.5, "1.5"), ([1], "[1]")])
def test_a_value_that_is_no_text_is_taken_as_str_gives_it(given: object, shown: str) -> None:
    stats = Web()
    stats.requests.labels(method="GET", status=given).inc()
    stats.requests.labels(method="GET", status=shown).inc()
    assert requests(stats) == {("GET", shown): "2"}


def test_equal_numbers_of_different_text_are_different() -> None:
    stats = Web()
    for status in (1, True, 1.0, "1"):
        stats.requests.labels(method="GET", status=status).inc()
    assert requests(stats) == {("GET", "1"): "2", ("GET", "True"): "1", ("GET", "1.0"): "1"}


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=8))
def test_any_text_is_a_value(given: list[tuple[str, str]]) -> None:
    """What is no UTF-8 is escaped, and the file stays valid."""
    stats = Web()
    expected: dict[tuple[str, ...], int] = {}
    for method, status in given:
        stats.requests.labels(method=method, status=status).inc()
        shown = tuple(text.encode("utf-8", "backslashreplace").decode() for text in (method, status))
        expected[shown] = expected.get(shown, 0) + 1
    assert requests(stats) == {labels: str(count) for labels, count in expected.items()}
    stats.remove()


def test_values_that_no_record_can_tell_apart_are_counted_together() -> None:
    """V2-29: a lone surrogate and its escape are the same bytes, and so are long texts with the same beginning."""
    stats = Web()
    for method in ("\udcff", "\\udcff", "x" * 70_000, "x" * 70_001):
        stats.requests.labels(method=method, status="").inc()
    assert requests(stats) == {("\\udcff", ""): "2", ("x" * 65_535, ""): "2"}


@pytest.mark.parametrize(
    "labels", [{}, {"method": "GET"}, {"method": "GET", "status": "1", "more": ""}, {"a": 1, "b": 2}]
)
def test_other_label_names_are_an_error(labels: dict[str, object]) -> None:
    stats = Web()
    with pytest.raises(UpdateError) as refusal:
        stats.requests.labels(**labels)
    assert (refusal.value.code, refusal.value.name) == ("wrong-labels", "requests")
    assert requests(stats) == {}


def test_labels_of_a_metric_without_any_are_an_error() -> None:
    class Plain(BaseMmStats):
        hits = CounterField()

    with pytest.raises(UpdateError, match="wrong-labels: its labels are none; not a"):
        Plain().hits.labels(a="b")


@pytest.mark.parametrize(
    ("field", "use"),
    [
        (CounterField, lambda metric: metric.inc()),
        (CounterField, lambda metric: metric.value),
        (GaugeField, lambda metric: metric.set(1)),
        (GaugeField, lambda metric: metric.inc()),
        (GaugeField, lambda metric: metric.dec()),
        (GaugeField, lambda metric: metric.value),
        (HistogramField, lambda metric: metric.observe(1)),
        (HistogramField, lambda metric: metric.counts),
        (SummaryField, lambda metric: metric.observe(1)),
        (SummaryField, lambda metric: metric.count),
        (MovingAverageField, lambda metric: metric.add(1)),
        (TextField, lambda metric: metric.set("x")),
        (TextField, lambda metric: metric.value),
        (lambda **named: StateField(states=("a",), **named), lambda metric: metric.set("a")),
        (lambda **named: CounterField(type=float, **named), lambda metric: metric.inc()),
        (lambda **named: GaugeField(combine="last", **named), lambda metric: metric.set(1)),
    ],
)
def test_the_parent_has_no_value(field: Callable[..., Field[Any]], use: Callable[[Any], object]) -> None:
    stats: Any = type("Model", (BaseMmStats,), {"x": field(labelnames=("a",))})()
    with pytest.raises(UpdateError) as refusal:
        use(stats.x)
    assert (refusal.value.code, refusal.value.name) == ("no-labels", "x")
    assert values(stats.filename)["x"] == {}


def test_leaving_a_timed_block_of_the_parent_is_an_error() -> None:
    class Timed(BaseMmStats):
        x = TimerField(labelnames=("a",))

    stats = Timed()
    with pytest.raises(UpdateError, match="no-labels"), stats.x.time():
        pass


class TestTheLimit:
    """V2-W14: further label sets are counted in one series whose label values are all `__overflow__`."""

    def test_further_sets_are_counted_together_with_one_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        class Few(BaseMmStats):
            requests = CounterField("requests", labelnames=("method", "status"), max_series=3)

        stats = Few(prefix="p.")
        with caplog.at_level(logging.WARNING, "mmstats"):
            for status in range(10):
                stats.requests.labels(method="GET", status=status).inc()
                stats.requests.labels(method="GET", status=str(status)).inc()
            stats.requests.labels(method="GET", status=0).inc()
        assert values(stats.filename)["p.requests"] == {
            ("GET", "0"): "3",
            ("GET", "1"): "2",
            ("GET", "2"): "2",
            ("__overflow__", "__overflow__"): "14",
        }
        (record,) = caplog.records
        assert record.name == "mmstats"
        assert record.getMessage() == (
            "p.requests: more than 3 sets of labels; further ones are counted as __overflow__"
        )

    def test_it_is_one_thousand_unless_told_otherwise(self, caplog: pytest.LogCaptureFixture) -> None:
        stats = Web()
        for status in range(1005):
            stats.requests.labels(method="GET", status=status).inc()
        found = requests(stats)
        assert len(found) == 1001
        assert found["__overflow__", "__overflow__"] == "5"
        assert len(caplog.records) == 1

    def test_it_holds_over_all_threads(self, in_thread: InThread, caplog: pytest.LogCaptureFixture) -> None:
        class Few(BaseMmStats):
            requests = CounterField(labelnames=("status",), max_series=2)

        stats = Few()
        stats.requests.labels(status=1).inc()

        def other() -> dict[tuple[str, ...], str]:
            for status in (2, 3, 4, 1):
                stats.requests.labels(status=status).inc()
            return requests(stats)

        assert in_thread(other) == {("2",): "1", ("__overflow__",): "2", ("1",): "1"}
        assert requests(stats) == {("1",): "1"}
        assert len(caplog.records) == 1

    def test_families_and_instances_have_limits_of_their_own(self) -> None:
        writer = Writer()
        first, second = (writer.counter(name, labelnames=("a",), max_series=1) for name in "xy")
        first.labels(a="1").inc()
        second.labels(a="2").inc()
        assert values(writer.filename)["x"] == {("1",): "1"}
        assert values(writer.filename)["y"] == {("2",): "1"}


class TestThreads:
    def test_the_same_sets_from_many_threads_at_once(self, directory: Path) -> None:
        stats = Web()
        begin = threading.Barrier(8)

        def work() -> None:
            begin.wait()
            for number in range(300):
                stats.requests.labels(method="GET", status=number % 30).inc()

        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)
        totals: dict[tuple[str, ...], int] = {}
        for path in directory.iterdir():
            for labels, count in values(path)["requests"].items():
                totals[labels] = totals.get(labels, 0) + int(count)
        assert totals == {("GET", str(status)): 80 for status in range(30)}

    def test_a_kept_child_writes_the_file_of_the_thread_that_uses_it(
        self, directory: Path, in_thread: InThread
    ) -> None:
        stats = Web()
        child = stats.requests.labels(method="GET", status="200")
        increment = child.inc
        increment()

        def other() -> tuple[str, dict[tuple[str, ...], str], int | float]:
            increment(5)
            child.inc(6)
            return stats.filename, requests(stats), child.value

        path, found, value = in_thread(other)
        assert (found, value) == ({("GET", "200"): "11"}, 11)
        assert path != stats.filename
        assert (requests(stats), child.value) == ({("GET", "200"): "1"}, 1)

    def test_a_kept_child_writes_the_file_of_the_forked_child(self, in_child: InChild) -> None:
        """V2-W12."""
        stats = Web()
        child = stats.requests.labels(method="GET", status="200")
        increment = child.inc
        increment()

        def other() -> dict[tuple[str, ...], str]:
            increment(5)
            stats.requests.labels(method="GET", status="404").inc()
            return requests(stats)

        assert in_child(other) == {("GET", "200"): "5", ("GET", "404"): "1"}
        assert requests(stats) == {("GET", "200"): "1"}

    def test_every_kind_has_children(self) -> None:
        fields: dict[str, Field[Any]] = {
            "counter": CounterField(labelnames=("a",)),
            "gauge": GaugeField(labelnames=("a",), combine="max"),
            "moving": MovingAverageField(labelnames=("a",)),
            "summary": SummaryField(labelnames=("a",)),
            "histogram": HistogramField(labelnames=("a",), bounds=(1.0,)),
            "state": StateField(labelnames=("a",), states=("on", "off")),
            "text": TextField(labelnames=("a",)),
        }
        stats: Any = type("Model", (BaseMmStats,), fields)()
        stats.counter.labels(a=1).inc()
        stats.gauge.labels(a=1).set(2)
        stats.moving.labels(a=1).add(3)
        stats.summary.labels(a=1).observe(4)
        stats.histogram.labels(a=1).observe(5)
        stats.state.labels(a=1).set("off")
        stats.text.labels(a=1).set("x")
        found = {name: values(stats.filename)[name]["1",] for name in fields}
        assert found.pop("summary")["sum"] == bits(4.0)
        assert found == {
            "counter": "1",
            "gauge": bits(2.0),
            "moving": bits(3.0),
            "histogram": {"sum": bits(5.0), "counts": ["0", "1"]},
            "state": "off",
            "text": "x",
        }
