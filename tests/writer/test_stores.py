"""Which words of the file an update changes, and no others (V2-W1 to V2-W5)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.steps import changed, slots, steps

from mmstats_writer import (
    BaseMmStats,
    BoolField,
    ByteField,
    CounterField,
    DoubleField,
    Field,
    GaugeField,
    HistogramField,
    MovingAverageField,
    StateField,
    StringField,
    SummaryField,
    TextField,
    TimerField,
)

Update = Callable[[Any, int], Any]

WORDS: list[tuple[Field[Any], Update]] = [
    (CounterField(), lambda x, n: x.inc(n)),
    (CounterField(type=float), lambda x, n: x.inc(n / 2)),
    (GaugeField(), lambda x, n: x.set(n)),
    (GaugeField(combine="sum", type=int), lambda x, n: x.dec(n)),
    (MovingAverageField(), lambda x, n: x.add(n * n)),
    (StateField(states=["a", "b", "c", "d"]), lambda x, n: x.set("abcd"[n])),
    (ByteField(), lambda x, n: x.set(n)),
    (DoubleField(), lambda x, n: x.set(n)),
    (BoolField(), lambda x, n: x.set(n % 2)),
]
LATCHES: list[tuple[Field[Any], Update]] = [
    (GaugeField(combine="last"), lambda x, n: x.set(n)),
    (SummaryField(), lambda x, n: x.observe(n)),
    (HistogramField(bounds=(1, 2)), lambda x, n: x.observe(n)),
    (TimerField(bounds=(1, 2)), lambda x, n: x.observe(n / 2)),
    (TextField(), lambda x, n: x.set("text " * n)),
    (StringField(), lambda x, n: x.set("text " * n)),
]


def kinds(cases: list[tuple[Field[Any], Update]]) -> list[str]:
    return [type(field).__name__ for field, _ in cases]


class Updated:
    """A metric between two others, and the file's content around each of its updates."""

    def __init__(self, field: Field[Any]) -> None:
        kind: Any = type("Model", (BaseMmStats,), {"before": CounterField(), "x": field, "after": SummaryField()})
        self.stats = kind()
        self.slot = list(slots(self.content()))[1]

    def content(self) -> bytes:
        return Path(self.stats.filename).read_bytes()

    def by(self, update: Update, number: int) -> tuple[bytes, bytes]:
        before = self.content()
        update(self.stats._metrics["x"], number)
        return before, self.content()


@pytest.mark.parametrize(("field", "update"), WORDS, ids=kinds(WORDS))
def test_an_update_of_a_word_stores_that_word_alone(field: Field[Any], update: Update) -> None:
    """V2-W1."""
    updated = Updated(field)
    for number in (1, 2, 3):
        before, after = updated.by(update, number)
        assert changed(before, after) == [updated.slot.place]
        assert steps(before, after) == {"W1.1"}


@pytest.mark.parametrize(("field", "update"), LATCHES, ids=kinds(LATCHES))
def test_an_update_of_a_latch_leaves_the_published_buffer_as_it_was(field: Field[Any], update: Update) -> None:
    """V2-W2."""
    updated = Updated(field)
    size = len(updated.slot.content)
    for number in (1, 2, 3):
        before, after = updated.by(update, number)
        assert steps(before, after) == {"W2.3", "W2.5"}
        assert all(0 <= place - updated.slot.place < size for place in changed(before, after))
        sequence = [int.from_bytes(content[updated.slot.place :][:8], "little") for content in (before, after)]
        assert sequence[1] == sequence[0] + 1


def test_nothing_that_is_published_changes_as_a_file_grows() -> None:
    """V2-W5: what leads to new records and extents, and the room for them, is all that does. V2-W3, V2-W4."""

    class Growing(BaseMmStats):
        hits = CounterField(labelnames=("number",))
        sizes = SummaryField(labelnames=("number",))

    stats = Growing()
    path, seen = Path(stats.filename), set()
    for number in range(40):
        before = path.read_bytes()
        stats.hits.labels(number=f"{number:0100}")
        stats.sizes.labels(number=number)
        after = path.read_bytes()
        assert len(after) >= len(before)
        seen |= steps(before, after)
    # Their first values are zeros, but for what is unset.
    assert seen == {"W3.1", "W3.2", "W3.4", "W4.1", "W4.2", "W4.4"}
