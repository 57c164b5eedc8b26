"""Updates that interrupt others of the same metric, or break them off, and what has to be published then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from math import inf
from typing import Any, NamedTuple

from mmstats_writer import (
    BaseMmStats,
    CounterField,
    Field,
    GaugeField,
    HistogramField,
    MovingAverageField,
    StateField,
    StringField,
    SummaryField,
    TextField,
    UInt64Field,
)

from .interrupting import traced, within
from .slots import Slot
from .written import number


class Stop(ValueError, TypeError, OverflowError, KeyError, AttributeError):
    """What breaks an update off: of every class that an update itself has to do with."""


class Kind(NamedTuple):
    """A sort of update.

    Attributes:
        field: what is declared.
        update: does one more to the metric; those of a setting one have a number of their own each.
        seen: how many updates made the published value, or of a setting one the number of the last; an assertion fails
            where no number of whole updates made it.
        sets: whether the last update counts and not their number.
    """

    field: Callable[[], Field[Any]]
    update: Callable[[Any, int], None]
    seen: Callable[[Any], int]
    sets: bool = False


def whole(value: float) -> int:
    assert value == int(value)
    return int(value)


def in_summary(value: dict[str, Any]) -> int:
    seen = int(value["count"])
    assert number(value["sum"]) == seen
    assert [value[part] for part in ("min", "max", "last")] == ([None] * 3 if not seen else ["3ff0000000000000"] * 3)
    return seen


def in_histogram(value: dict[str, Any]) -> int:
    below, exact, above = map(int, value["counts"])
    assert (below, above) == (0, 0)
    assert number(value["sum"]) == exact
    return exact


def in_timed(value: dict[str, Any]) -> int:
    return whole(number(value["value"]))


def in_text(value: str | None) -> int:
    if not value:
        return 0
    first, second = value.split("-")
    assert first == second
    return int(first)


def in_average(mean: str) -> int:
    """The first value was 1, the others 0."""
    return whole(round(1 / number(mean), 6))


STATES = [str(number) for number in range(64)]

KINDS = {
    "counter": Kind(CounterField, lambda metric, _: metric.inc(), int),
    "counter by more": Kind(CounterField, lambda metric, _: metric.inc(3), lambda value: whole(int(value) / 3)),
    "counter that wraps": Kind(CounterField, lambda metric, _: metric.inc(2**64 - 1), lambda v: -int(v) % 2**64),
    "float counter": Kind(
        lambda: CounterField(type=float), lambda metric, _: metric.inc(0.5), lambda v: whole(2 * number(v))
    ),
    "gauge up": Kind(
        lambda: GaugeField(combine="sum"), lambda metric, _: metric.inc(), lambda v: whole(number(v))
    ),
    "gauge down": Kind(
        lambda: GaugeField(type=int), lambda metric, _: metric.dec(), lambda v: -int(v)
    ),
    "gauge set": Kind(
        GaugeField, lambda metric, n: metric.set(float(n)), lambda v: whole(number(v)), sets=True
    ),
    "gauge set to a whole number": Kind(
        lambda: GaugeField(type=int), lambda metric, n: metric.set(n), lambda v: int(v), sets=True
    ),
    "gauge set beyond its width": Kind(
        lambda: GaugeField(type=int),
        lambda metric, n: metric.set(2**64 + n),
        lambda v: int(v),
        sets=True,
    ),
    "timed gauge up": Kind(lambda: GaugeField(combine="last"), lambda metric, _: metric.inc(), in_timed),
    "timed gauge set": Kind(
        lambda: GaugeField(combine="last"), lambda metric, n: metric.set(float(n)), in_timed, sets=True
    ),
    "summary": Kind(SummaryField, lambda metric, _: metric.observe(1.0), in_summary),
    "histogram": Kind(lambda: HistogramField(bounds=(0.5, 1.0)), lambda metric, _: metric.observe(1.0), in_histogram),
    "histogram of whole numbers": Kind(
        lambda: HistogramField(bounds=(0.5, 1.0)), lambda metric, _: metric.observe(1), in_histogram
    ),
    "moving average": Kind(
        lambda: MovingAverageField(size=100), lambda metric, n: metric.add(1.0 if n == 1 else 0.0), in_average
    ),
    "text": Kind(lambda: TextField(size=50), lambda metric, n: metric.set(f"{n}-{n}"), in_text, sets=True),
    "plain": Kind(UInt64Field, lambda metric, n: metric.set(n), int, sets=True),
    "plain text": Kind(lambda: StringField(size=50), lambda metric, n: metric.set(f"{n}-{n}"), in_text, sets=True),
    "state": Kind(lambda: StateField(states=STATES), lambda metric, n: metric.set(STATES[n]), int, sets=True),
}  # fmt: skip


Schedule = Mapping[int, Callable[["Stage"], None]]


class Stage:
    """A metric, and the updates that were made of it."""

    def __init__(self, kind: Kind) -> None:
        """Make one update, so that a value is there."""
        self._kind = kind
        self._model = type("Model", (BaseMmStats,), {"x": kind.field()})()
        self._metric = self._model._metrics["x"]
        self._slot = Slot(self._model.filename, "x")
        self._clock = count()
        #: When each began, and when it ended normally.
        self._begun: dict[int, int] = {}
        self._ended: dict[int, int] = {}
        self._seen = 0
        self.update({})

    def update(self, schedule: Schedule, how: Callable[[Callable[[], Any], Any], int] = traced) -> None:
        """One update, in which things happen at the instructions that the schedule names."""
        number = len(self._begun) + 1
        self._begun[number] = next(self._clock)
        stopped: list[Stop] = []

        def at(instruction: int) -> None:
            self.look()
            try:
                schedule.get(instruction, nothing)(self)
            except Stop as stop:
                stopped.append(stop)
                raise

        how(lambda: self._kind.update(self._metric, number), at)
        assert not stopped, "the exception is lost"
        self._ended[number] = next(self._clock)

    def look(self) -> None:
        """What is published is the work of whole updates; of counting ones it never is less than before."""
        seen = self._number()
        if self._kind.sets:
            assert seen == 0 or seen in self._begun
        else:
            assert self._seen <= seen <= len(self._begun)
            self._seen = seen

    def check(self, since: float = inf) -> int:
        """Each update that ended counts once, each that was broken off at most once; gives the number published.

        Of setting ones none counts that ended before another one began; but for those from the number `since` on.
        """
        self.look()
        seen = self._number()
        if self._kind.sets:
            end = self._ended.get(seen) if seen < since else None
            assert end is None or not any(self._begun[number] > end for number in self._ended)
        else:
            assert len(self._ended) <= seen <= len(self._begun)
        return seen

    def _number(self) -> int:
        value = self._slot.value
        return 0 if value is None else self._kind.seen(value)

    @property
    def begun(self) -> int:
        """How many updates there were."""
        return len(self._begun)

    @property
    def full(self) -> bool:
        """Whether another one is to be taken."""
        return len(self._begun) > 50


def nothing(stage: Stage) -> None:
    pass


def stop(stage: Stage) -> None:
    raise Stop


def nested(schedule: Schedule) -> Callable[[Stage], None]:
    return lambda stage: stage.update(schedule, within)


def caught(action: Callable[[Stage], None]) -> Callable[[Stage], None]:
    def catch(stage: Stage) -> None:
        with suppress(Stop):
            action(stage)

    return catch


def both(first: Callable[[Stage], None], second: Callable[[Stage], None]) -> Callable[[Stage], None]:
    def do(stage: Stage) -> None:
        first(stage)
        second(stage)

    return do


#: What may happen at one instruction.
ONE: dict[str, Callable[[Stage], None]] = {
    "interrupted": nested({}),
    "broken off": stop,
    "interrupted, then broken off": both(nested({}), stop),
    "interrupted by one after another": both(nested({}), nested({})),
}

#: What may happen at two: one of the update, and another one of it or of the update that interrupts it.
TWO: dict[str, Callable[[int, int], Schedule]] = {
    "interrupted by one that is interrupted": lambda k, j: {k: nested({j: nested({})})},
    "interrupted by one that is broken off": lambda k, j: {k: caught(nested({j: stop}))},
    "interrupted by one that is interrupted and broken off": lambda k, j: {
        k: caught(nested({j: both(nested({}), stop)}))
    },
    "broken off with one that interrupts it": lambda k, j: {k: nested({j: stop})},
    "interrupted, and later broken off": lambda k, j: {k: nested({}), k + j: stop},
    "interrupted, and later interrupted and broken off": lambda k, j: {k: nested({}), k + j: both(nested({}), stop)},
    "interrupted twice": lambda k, j: {k: nested({}), k + j: nested({})},
    "broken off, and later interrupted": lambda k, j: {k: stop, k + j: nested({})},
    "interrupted by one that is broken off, and later interrupted": (
        lambda k, j: {k: caught(nested({j: stop})), k + j: nested({})}
    ),
}

#: In which of these two updates interrupt one, and of settings either may be the last.
UNORDERED = {"interrupted twice", "interrupted, and later interrupted and broken off"}


def stages(kind: Kind) -> Iterator[Stage]:
    """The same one again until it is full."""
    stage = Stage(kind)
    while True:
        yield stage
        if stage.full:
            stage = Stage(kind)


def untraced(function: Callable[[], Any], at: Callable[[int], None]) -> int:
    """Nothing happens."""
    function()
    return 0


def play(stage: Stage, what: str, schedule: Schedule) -> None:
    """One update that goes by the schedule, and two that nothing happens to."""
    first = stage.begun + 1
    with suppress(Stop):
        stage.update(schedule)
    stage.check(first if what in UNORDERED else inf)
    stage.update({}, untraced)
    after = stage.check()
    stage.update({}, untraced)
    # Nothing is left over that would count only now.
    assert stage.check() == after + 1


def length(stage: Stage) -> int:
    """How many instructions an update has."""
    found: list[int] = []

    def measure(function: Callable[[], Any], at: Callable[[int], None]) -> int:
        found.append(traced(function, at))
        return found[0]

    stage.update({}, measure)
    return found[0]
