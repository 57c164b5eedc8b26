"""Any sequence of declarations, label sets, updates, threads and forks leaves in the files what a plain model says."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from mmstats_testing.written import bits, canonical

from mmstats_format import UpdateError
from mmstats_writer import Writer

BOUNDS = (-1.0, 2.5)
STATES = ("begin", "middle", "end")
TEXT_SIZE = 7
MOST_SERIES = 3

numbers = st.integers(-1000, 1000)
names = st.sampled_from(["a", "b", "c"])
values = st.sampled_from(["", "x", "y", "é", "z"])

Labels = tuple[str, ...]


class Model:
    """One series as it should be."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.total = 0
        self.observed: list[float] = []
        self.current: Any = STATES[0] if kind == "state" else None

    def forget(self) -> None:
        """As a thread's file is handed over (V2-W13)."""
        self.current = None

    def said(self) -> Any:
        """As the canonical document has it."""
        observed, total = self.observed, float(sum(self.observed))
        match self.kind:
            case "counter":
                return str(self.total % 2**64)
            case "gauge" | "shared":
                return None if self.current is None else bits(float(self.current))
            case "summary":
                parts = (min(observed), max(observed), observed[-1]) if observed else ()
                named = dict(zip(("min", "max", "last"), map(bits, parts), strict=False)) or dict.fromkeys(
                    ("min", "max", "last")
                )
                return {"count": str(len(observed)), "sum": bits(total)} | named
            case "histogram":
                below = [sum(value <= bound for value in observed) for bound in BOUNDS]
                counts = [below[0], below[1] - below[0], len(observed) - below[1]]
                return {"sum": bits(total), "counts": [str(count) for count in counts]}
        return self.current

    def update(self, metric: Any, amount: int, text: str) -> None:
        """The same to the metric and to this."""
        match self.kind:
            case "counter":
                metric.inc(abs(amount) * 2**60)
                self.total += abs(amount) * 2**60
            case "gauge":
                metric.set(amount)
                self.current = float(amount)
            case "shared":
                metric.inc(amount)
                self.current = (self.current or 0.0) + amount
            case "summary" | "histogram":
                metric.observe(amount)
                self.observed.append(float(amount))
            case "state":
                metric.set(STATES[amount % 3])
                self.current = STATES[amount % 3]
            case _:
                metric.set(text)
                self.current = text
                while len(self.current.encode()) > TEXT_SIZE:
                    self.current = self.current[:-1]


KINDS: dict[str, Callable[[Writer, str, Labels], Any]] = {
    "counter": lambda writer, name, labels: writer.counter(name, labelnames=labels, max_series=MOST_SERIES),
    "gauge": lambda writer, name, labels: writer.gauge(name, labelnames=labels, max_series=MOST_SERIES),
    "shared": lambda writer, name, labels: writer.gauge(name, labelnames=labels, combine="sum", max_series=MOST_SERIES),
    "summary": lambda writer, name, labels: writer.summary(name, labelnames=labels, max_series=MOST_SERIES),
    "histogram": lambda writer, name, labels: writer.histogram(
        name, labelnames=labels, bounds=BOUNDS, max_series=MOST_SERIES
    ),
    "state": lambda writer, name, labels: writer.state(name, STATES, labelnames=labels, max_series=MOST_SERIES),
    "text": lambda writer, name, labels: writer.text(name, TEXT_SIZE, labelnames=labels, max_series=MOST_SERIES),
}


class Place:
    """What one file should say: its series, by family and label values."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, Labels], Model] = {}


class Writing(RuleBasedStateMachine):
    """Two files: of the main thread, and of threads of which each lives for one update and hands its file on."""

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.writer = Writer(path=self.directory.name)
        self.kinds: dict[str, tuple[str, bool]] = {}
        self.metrics: dict[str, Any] = {}
        self.known: dict[str, set[Labels]] = {}
        self.here, self.there = Place(), Place()
        self.other: str | None = None

    def teardown(self) -> None:
        if hasattr(self, "writer"):
            self.fork()
            self.writer.remove()
            assert not os.listdir(self.directory.name)
            self.directory.cleanup()

    @rule(kind=st.sampled_from(sorted(KINDS)), labelled=st.booleans())
    def declare(self, kind: str, labelled: bool) -> None:
        if len(self.kinds) < 6:
            name = f"{kind} {len(self.kinds)}"
            self.metrics[name] = KINDS[kind](self.writer, name, ("one", "two") if labelled else ())
            self.kinds[name] = kind, labelled
            self.known[name] = set()
            if not labelled:
                self.here.series[name, ()] = Model(kind)

    def update(self, place: Place, name: str, labels: Labels, amount: int, text: str) -> None:
        """One update of a family, or of the child with these label values, of which there may be too many."""
        metric, (kind, labelled) = self.metrics[name], self.kinds[name]
        if labelled:
            metric = metric.labels(one=labels[0], two=labels[1])
            if labels not in self.known[name] and len(self.known[name]) >= MOST_SERIES:
                labels = ("__overflow__", "__overflow__")
            else:
                self.known[name].add(labels)
        else:
            labels = ()
        place.series.setdefault((name, labels), Model(kind)).update(metric, amount, text)

    @precondition(lambda self: self.kinds)
    @rule(data=st.data(), labels=st.tuples(values, values), amount=numbers, text=st.text("aé€😀", max_size=9))
    def update_here(self, data: st.DataObject, labels: Labels, amount: int, text: str) -> None:
        self.update(self.here, data.draw(st.sampled_from(sorted(self.kinds))), labels, amount, text)

    @precondition(lambda self: self.kinds)
    @rule(data=st.data(), labels=st.tuples(values, values), amount=numbers, text=st.text("aé€😀", max_size=9))
    def update_in_a_thread(self, data: st.DataObject, labels: Labels, amount: int, text: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.kinds)))
        for (family, _), model in self.there.series.items():
            if self.kinds[family][0] in ("gauge", "state", "text"):
                model.forget()
        errors: list[BaseException] = []

        def work() -> None:
            try:
                self.update(self.there, name, labels, amount, text)
                self.other = self.writer.filename
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert not errors, errors

    @precondition(lambda self: any(kind == "counter" for kind, _ in self.kinds.values()))
    @rule(amount=numbers.filter(lambda amount: amount < 0))
    def refuse(self, amount: int) -> None:
        name = next(name for name, (kind, _) in self.kinds.items() if kind == "counter")
        refused = False
        try:
            self.metrics[name].inc(amount)
        except UpdateError:
            refused = True
        assert refused

    @rule(wait=st.booleans())
    def flush(self, wait: bool) -> None:
        self.writer.flush(wait=wait)

    def fork(self) -> None:
        """A child counts from zero in a file of its own."""
        before = {path: path.read_bytes() for path in Path(self.directory.name).iterdir()}
        pid = os.fork()
        if not pid:
            status = 1
            try:
                child = Place()
                for name, (kind, labelled) in self.kinds.items():
                    if not labelled:
                        child.series[name, ()] = Model(kind)
                for name in self.kinds:
                    self.update(child, name, ("x", "y"), 5, "text")
                check(child, self.writer.filename)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        assert {path: path.read_bytes() for path in before} == before
        for path in set(Path(self.directory.name).iterdir()) - set(before):
            path.unlink()

    @invariant()
    def the_files_say_what_the_model_says(self) -> None:
        if hasattr(self, "writer"):
            check(self.here, self.writer.filename)
            if self.other is not None:
                check(self.there, self.other)


def check(place: Place, path: str) -> None:
    found = {
        (family["name"], tuple(one["labels"])): one["value"]
        for family in canonical(path)["families"]
        for one in family["series"]
    }
    expected = {key: model.said() for key, model in place.series.items()}
    assert {key: found.get(key) for key in expected} == expected
    # Nothing else, but what was declared and never updated in this file.
    for key, value in found.items():
        assert key in expected or value in (None, Model(key[0].split()[0]).said())


TestWriting = Writing.TestCase
TestWriting.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
