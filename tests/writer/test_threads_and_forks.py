"""One file for each thread of each process; none writes another's (V2-W12, V2-W13)."""

from __future__ import annotations

import gc
import itertools
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.written import bits, canonical, number, values

from mmstats_writer import (
    AverageField,
    BaseMmStats,
    BoolField,
    CounterField,
    DoubleField,
    GaugeField,
    HistogramField,
    MovingAverageField,
    StateField,
    StaticUInt64Field,
    StringField,
    SummaryField,
    TextField,
    UIntField,
    Writer,
    _file,
)

InChild = Callable[[Callable[[], Any]], Any]
InThread = Callable[[Callable[[], Any]], Any]


class Stats(BaseMmStats):
    hits = CounterField()
    seconds = CounterField(type=float)
    jobs = GaugeField(combine="sum")
    ratio = GaugeField()
    least = GaugeField(combine="min", type=int)
    last = GaugeField(combine="last")
    mean = AverageField()
    moving = MovingAverageField(size=3)
    sizes = HistogramField(bounds=(1.0,))
    phase = StateField(states=("begin", "end"))
    name = TextField()
    plain = UIntField()
    level = DoubleField()
    ready = BoolField(initial=True)
    text = StringField()
    pid = StaticUInt64Field("sys.pid", value=os.getpid)
    thread = StaticUInt64Field("sys.tid", value=threading.get_native_id)


def use(stats: Any) -> None:
    """One update of each metric that counts, and a value for each of the others."""
    stats.hits.inc()
    stats.seconds.inc(0.5)
    stats.jobs.inc()
    stats.ratio = 0.25
    stats.least = 7
    stats.last = 8
    stats.mean.add(4)
    stats.moving.add(9)
    stats.sizes.observe(1)
    stats.phase = "end"
    stats.name = "x"
    stats.plain = 3
    stats.level = 2.5
    stats.ready = False
    stats.text = "y"


def said(path: str) -> dict[str, Any]:
    """What a file says, without moments."""
    found = values(path)
    if found["last"] is not None:
        found["last"] = found["last"]["value"]
    return found


ONCE = {
    "hits": "1",
    "seconds": bits(0.5),
    "jobs": bits(1.0),
    "mean": {"count": "1", "sum": bits(4.0), "min": bits(4.0), "max": bits(4.0), "last": bits(4.0)},
    "sizes": {"sum": bits(1.0), "counts": ["1", "0"]},
}
SET = {
    "ratio": bits(0.25),
    "least": "7",
    "last": bits(8.0),
    "moving": bits(9.0),
    "phase": "end",
    "name": "x",
    "plain": "3",
    "level": bits(2.5),
    "ready": False,
    "text": "y",
}
#: What a file begins with: unset, or what the field says.
NOTHING = {
    "hits": "0",
    "seconds": bits(0.0),
    "jobs": None,
    "mean": {"count": "0", "sum": bits(0.0), "min": None, "max": None, "last": None},
    "sizes": {"sum": bits(0.0), "counts": ["0", "0"]},
    "ratio": None,
    "least": None,
    "last": None,
    "moving": None,
    "phase": "begin",
    "name": None,
    "plain": "0",
    "level": bits(0.0),
    "ready": True,
    "text": "",
}


def whose(pid: int, thread: int) -> dict[str, str]:
    return {"sys.pid": str(pid), "sys.tid": str(thread)}


def totals(directory: Path, name: str = "hits") -> list[int]:
    return sorted(int(values(path)[name]) for path in directory.iterdir())


class TestThreads:
    def test_each_has_a_file_by_itself(self, directory: Path, in_thread: InThread) -> None:
        stats = Stats()
        use(stats)
        here = Path(stats.filename).read_bytes()

        def other() -> tuple[str, int]:
            assert stats.hits.value == 0
            assert (stats.text, stats.name.value, stats.plain) == ("", None, 0)
            use(stats)
            return stats.filename, threading.get_native_id()

        path, thread = in_thread(other)
        assert said(path) == ONCE | SET | whose(os.getpid(), thread)
        assert canonical(path)["writer"]["thread"] == str(thread)
        assert Path(stats.filename).read_bytes() == here
        assert said(stats.filename) == ONCE | SET | whose(os.getpid(), threading.get_native_id())
        assert len(os.listdir(directory)) == 2

    def test_a_method_and_a_metric_kept_from_another_thread_write_the_thread_that_uses_them(
        self, in_thread: InThread
    ) -> None:
        stats = Stats()
        increment, metric, child = stats.hits.inc, stats.sizes, stats.mean.observe
        for _ in range(2):
            increment()
        metric.observe(1)

        def other() -> dict[str, Any]:
            for _ in range(5):
                increment()
                metric.observe(1)
                child(1)
            return values(stats.filename)

        found = in_thread(other)
        assert (found["hits"], found["sizes"]["counts"], found["mean"]["count"]) == ("5", ["5", "0"], "5")
        found = values(stats.filename)
        assert (found["hits"], found["sizes"]["counts"], found["mean"]["count"]) == ("2", ["1", "0"], "0")

    def test_a_metric_that_was_made_in_a_thread_that_has_ended_works(self, in_thread: InThread) -> None:
        writer = Writer()
        hits = in_thread(lambda: writer.counter("hits"))
        hits.inc(3)
        assert values(writer.filename) == {"hits": "3"}

    def test_many_that_update_one_kept_child_count_exactly(self, directory: Path) -> None:
        class Labelled(BaseMmStats):
            hits = CounterField(labelnames=("a",))
            sizes = SummaryField(labelnames=("a",))

        stats = Labelled()
        hits, sizes = stats.hits.labels(a="x"), stats.sizes.labels(a="x")
        begin = threading.Barrier(8)

        def work() -> None:
            begin.wait()
            for _ in range(2000):
                hits.inc()
                sizes.observe(1)

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
        found = [canonical(path)["families"] for path in directory.iterdir()]
        one = [[family["series"][0]["value"] for family in families if family["series"]] for families in found]
        assert sum(int(one_hits) for one_hits, _ in one) == 16_000
        assert sum(int(summary["count"]) for _, summary in one) == 16_000
        assert sum(number(summary["sum"]) for _, summary in one) == 16_000.0

    def test_one_that_is_new_comes_while_another_adds_a_label_set(self, in_thread: InThread) -> None:
        """Wherever that may be: a collection of garbage can let another thread run."""
        writer = Writer()
        hits = writer.counter("hits", labelnames=("number",), max_series=10_000)
        children = [hits.labels(number=number) for number in range(5000)]
        numbers = itertools.count()

        def other(*_: object) -> None:
            if not gc.isenabled():
                return
            gc.disable()  # or it would never end
            hits.labels(number=f"other {next(numbers)}")
            gc.enable()

        def arrive() -> None:
            gc.callbacks.append(other)
            threshold = gc.get_threshold()
            gc.set_threshold(50)
            try:
                children[0].inc()
            finally:
                gc.set_threshold(*threshold)
                gc.callbacks.remove(other)

        in_thread(arrive)
        assert next(numbers) > 0

    def test_flushing_goes_on_while_others_come(self) -> None:
        """So do removing and the end: whoever looks through the files finds those that were there."""
        writer = Writer()
        hits = writer.counter("hits")
        writer.flush(wait=False)
        done = threading.Event()

        def others() -> None:
            begin = threading.Barrier(150)
            threads = [threading.Thread(target=lambda: (hits.inc(), begin.wait())) for _ in range(150)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            done.set()

        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            coming = threading.Thread(target=others)
            coming.start()
            while not done.is_set():
                writer.flush(wait=False)
            coming.join()
        finally:
            sys.setswitchinterval(before)
        assert len(_file.known(writer._file._files)) == 151

    def test_two_instances_in_one_thread_have_a_file_each(self, directory: Path) -> None:
        """V1-W4, V2-W9."""
        first, second = Stats(), Stats()
        first.hits.inc(2)
        second.hits.inc(3)
        assert totals(directory) == [2, 3]
        assert first.filename != second.filename


class TestHandingOver:
    """V2-W13: a thread that ends hands its file to a new one of the same process."""

    def test_counts_go_on_and_what_is_a_threads_own_is_unset(self, directory: Path, in_thread: InThread) -> None:
        stats = Stats()

        def first() -> tuple[str, int]:
            use(stats)
            return stats.filename, threading.get_native_id()

        def second() -> tuple[str, int, dict[str, Any]]:
            return stats.filename, threading.get_native_id(), said(stats.filename)

        path, thread = in_thread(first)
        assert said(path) == ONCE | SET | whose(os.getpid(), thread)
        before = canonical(path)["writer"]
        same, other, found = in_thread(second)
        assert same == path
        assert other != thread
        # A state set has no first state of its own; what a field gives it gives again.
        assert found == NOTHING | ONCE | {"phase": None} | whose(os.getpid(), other)
        assert canonical(path)["writer"] == before | {"thread": str(other)}

    def test_what_is_kept_stays_until_the_next_one_sets_it(self, directory: Path, in_thread: InThread) -> None:
        class Kept(BaseMmStats):
            peak = GaugeField(combine="max", kept=True)
            last = GaugeField(combine="last", type=int, kept=True)
            phase = StateField(states=("begin", "end"), kept=True)
            release = TextField(kept=True)
            own = TextField()

        stats = Kept()

        def first() -> str:
            stats.peak.set(2.5)
            stats.last.set(7)
            stats.phase.set("end")
            stats.release.set("a")
            stats.own.set("x")
            return stats.filename

        def second() -> tuple[str, dict[str, Any], dict[str, Any]]:
            before = said(stats.filename)
            stats.release.set("b")
            return stats.filename, before, said(stats.filename)

        path = in_thread(first)
        kept = {"peak": bits(2.5), "last": "7", "phase": "end", "release": "a", "own": None}
        assert in_thread(second) == (path, kept, kept | {"release": "b"})

    def test_the_next_one_counts_on_in_it(self, directory: Path, in_thread: InThread) -> None:
        stats = Stats()
        for _ in range(3):
            in_thread(lambda: use(stats))
        (path,) = (path for path in directory.iterdir() if str(path) != stats.filename)
        found = said(str(path))
        assert (found["hits"], found["seconds"], found["jobs"]) == ("3", bits(1.5), bits(3.0))
        assert (found["mean"]["count"], found["sizes"]["counts"]) == ("3", ["3", "0"])
        assert {name: found[name] for name in SET} == SET

    def test_label_sets_and_their_numbers_go_along(self, directory: Path, in_thread: InThread) -> None:
        class Labelled(BaseMmStats):
            hits = CounterField(labelnames=("a",))
            ratio = GaugeField(labelnames=("a",))

        stats = Labelled()

        def work(name: str) -> None:
            stats.hits.labels(a=name).inc()
            stats.ratio.labels(a="same").set(1)

        in_thread(lambda: work("x"))
        in_thread(lambda: work("y"))
        in_thread(lambda: stats.hits.labels(a="x").inc())
        (path,) = (path for path in directory.iterdir() if str(path) != stats.filename)
        hits, ratio = canonical(path)["families"]
        assert {one["labels"][0]: one["value"] for one in hits["series"]} == {"x": "2", "y": "1"}
        assert [one["value"] for one in ratio["series"]] == [None]

    def test_no_more_files_than_threads_at_once(self, directory: Path) -> None:
        stats = Stats()
        for _ in range(50):
            begin = threading.Barrier(4)
            threads = [threading.Thread(target=lambda begin=begin: (stats.hits.inc(), begin.wait())) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(os.listdir(directory)) == 5
        assert sum(totals(directory)) == 200

    def test_a_file_of_a_thread_that_has_ended_is_another_instances_never(
        self, directory: Path, in_thread: InThread
    ) -> None:
        first, second = Stats(), Stats()
        in_thread(lambda: first.hits.inc(5))
        in_thread(lambda: second.hits.inc(7))
        assert totals(directory) == [0, 0, 5, 7]

    def test_a_method_kept_by_a_thread_that_has_ended_still_works(self, in_thread: InThread) -> None:
        stats = Stats()
        kept = in_thread(lambda: (stats.hits.inc(), stats.hits.labels, stats.hits)[2])
        kept.inc(3)
        in_thread(lambda: kept.inc(4))
        assert values(stats.filename)["hits"] == "3"


class TestForks:
    """V2-W12: a forked child never writes to its parent's file, and has an id of its own."""

    def test_its_file_appears_with_its_first_update_and_begins_anew(self, directory: Path, in_child: InChild) -> None:
        stats = Stats()
        use(stats)
        here = Path(stats.filename).read_bytes()

        def child() -> tuple[Any, ...]:
            idle = len(os.listdir(directory))
            seen = stats.hits.value, stats.ratio.value, stats.mean.count, stats.text, stats.pid == os.getpid()
            still_idle = len(os.listdir(directory))
            stats.hits.inc(2)
            return idle, seen, still_idle, said(stats.filename), canonical(stats.filename)["writer"], os.getpid()

        idle, seen, still_idle, found, writer, pid = in_child(child)
        assert (idle, seen, still_idle) == (1, (0, None, 0, "", True), 1)
        assert found == NOTHING | {"hits": "2"} | whose(pid, pid)
        assert Path(stats.filename).read_bytes() == here
        mine = canonical(stats.filename)["writer"]
        assert (writer["pid"], writer["thread"]) == (str(pid), str(pid))
        assert writer["id"] != mine["id"]
        assert [writer[name] for name in ("app", "host", "boot")] == [mine[name] for name in ("app", "host", "boot")]
        assert len(os.listdir(directory)) == 2

    @pytest.mark.parametrize(
        ("name", "update"),
        [
            ("hits", lambda stats: stats.hits.inc()),
            ("seconds", lambda stats: stats.seconds.inc(0.5)),
            ("jobs", lambda stats: stats.jobs.inc()),
            ("ratio", lambda stats: stats.ratio.set(0.25)),
            ("least", lambda stats: stats.least.set(7)),
            ("last", lambda stats: stats.last.set(8)),
            ("mean", lambda stats: stats.mean.add(4)),
            ("moving", lambda stats: stats.moving.add(9)),
            ("sizes", lambda stats: stats.sizes.observe(1)),
            ("phase", lambda stats: stats.phase.set("end")),
            ("name", lambda stats: stats.name.set("x")),
            ("plain", lambda stats: setattr(stats, "plain", 3)),
            ("level", lambda stats: setattr(stats, "level", 2.5)),
            ("ready", lambda stats: setattr(stats, "ready", False)),
            ("text", lambda stats: setattr(stats, "text", "y")),
        ],
    )
    def test_every_kind_of_first_update_makes_it(
        self, directory: Path, in_child: InChild, name: str, update: Callable[[Any], None]
    ) -> None:
        """Also where it is the only one, and comes with the constants of the child."""
        stats = Stats()
        use(stats)

        def child() -> tuple[dict[str, Any], int]:
            update(stats)
            (path,) = (path for path in directory.iterdir() if str(path) != parents)
            return said(str(path)), os.getpid()

        parents = stats.filename
        found, pid = in_child(child)
        assert found == NOTHING | {name: (ONCE | SET)[name]} | whose(pid, pid)

    @pytest.mark.parametrize("ask", ["filename", "size", "flush"])
    def test_asking_for_its_file_makes_it(self, directory: Path, in_child: InChild, ask: str) -> None:
        stats = Stats()

        def child() -> int:
            asked = getattr(stats, ask)
            if callable(asked):
                asked()
            return len(os.listdir(directory))

        assert in_child(child) == 2

    def test_methods_kept_from_before_write_it(self, in_child: InChild) -> None:
        stats = Stats()
        increment, observe, time = stats.hits.inc, stats.mean.observe, stats.sizes
        increment(3)

        def child() -> dict[str, Any]:
            increment()
            observe(8)
            time.observe(1)
            increment(9)
            return values(stats.filename)

        found = in_child(child)
        assert (found["hits"], found["mean"]["count"], found["sizes"]["counts"]) == ("10", "1", ["1", "0"])
        assert said(stats.filename)["hits"] == "3"

    def test_grandchildren(self, directory: Path, in_child: InChild) -> None:
        stats = Stats()
        stats.hits.inc(1)

        def child() -> None:
            stats.hits.inc(10)
            in_child(lambda: stats.hits.inc(100))
            in_child(lambda: in_child(lambda: stats.hits.inc(1000)))
            stats.hits.inc(10)

        in_child(child)
        stats.hits.inc(1)
        assert totals(directory) == [2, 20, 100, 1000]

    def test_threads_of_the_child_have_files_of_the_child(
        self, directory: Path, in_child: InChild, in_thread: InThread
    ) -> None:
        stats = Stats()
        in_thread(lambda: stats.hits.inc(5))

        def child() -> None:
            for _ in range(3):
                in_thread(lambda: stats.hits.inc(10))
            stats.hits.inc(100)

        in_child(child)
        assert totals(directory) == [0, 5, 30, 100]

    def test_a_fork_from_a_thread_while_others_update(self, directory: Path, in_child: InChild) -> None:
        class Busy(BaseMmStats):
            hits = CounterField()
            by_number = CounterField(labelnames=("number",))

        stats = Busy()
        stop = threading.Event()
        counted: list[int] = []

        def busy() -> None:
            done = 0
            while not stop.is_set():
                stats.hits.inc()
                stats.by_number.labels(number=done % 700).inc()
                done += 1
            counted.append(done)

        def child() -> None:
            stats.hits.inc(1000)
            for label in range(50):
                stats.by_number.labels(number=label).inc(20)

        def forks() -> None:
            for _ in range(5):
                in_child(child)

        threads = [threading.Thread(target=busy) for _ in range(2)]
        for thread in threads:
            thread.start()
        forker = threading.Thread(target=forks)
        forker.start()
        forker.join()
        stop.set()
        for thread in threads:
            thread.join()
        expected = sum(counted) + 5 * 1000
        families = [canonical(path)["families"] for path in directory.iterdir()]
        for place in range(2):
            assert sum(int(one["value"]) for family in families for one in family[place]["series"]) == expected

    def test_one_inside_an_update_leaves_both_files_right(self, directory: Path, in_child: InChild) -> None:
        """A signal handler may fork; the update that it interrupts goes on in both."""
        stats = Stats()
        stats.mean.add(1)
        children: list[dict[str, Any]] = []

        class Forking:
            def __float__(self) -> float:
                def child() -> dict[str, Any]:
                    stats.mean.add(1)
                    stats.mean.add(1)
                    return values(stats.filename)

                children.append(in_child(child))
                return 1.0

        stats.mean.add(Forking())  # type: ignore[arg-type]  # the point
        stats.mean.add(1)
        assert values(stats.filename)["mean"]["count"] == "3"
        assert [child["mean"]["count"] for child in children] == ["2"]
