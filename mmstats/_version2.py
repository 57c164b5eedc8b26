"""The original's fields in version 2 of the format."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from mmstats_format import DeclarationError
from mmstats_format.declaration import Declaration
from mmstats_format.types import type_of
from mmstats_writer import MovingAverage, Text
from mmstats_writer._family import Behaviour
from mmstats_writer._latches import Summary
from mmstats_writer._publisher import Publisher
from mmstats_writer._version1.metrics import Stopwatch
from mmstats_writer._words import Counter, Plain

from . import fields


class Timer(Stopwatch, MovingAverage):
    """The mean of the last timings, by ``with``, or ``start`` and ``stop``."""

    def _reset(self) -> None:
        super()._reset()
        self._blocks = []
        self._last = None

    @property
    def timer(self) -> Callable[[], float]:  # type: ignore[override]  # it cannot be set
        """The clock."""
        return self._family.clock  # type: ignore[no-any-return]


def publisher(
    path: str | os.PathLike[str] | None,
    filename: str | os.PathLike[str] | None,
    app: str | None,
    class_name: str,
    declared: dict[str, tuple[str, Any]],
) -> tuple[Publisher, dict[str, Any]]:
    """Make the calling thread's file, with a metric for each field.

    Args:
        path: as for a model.
        filename: as for a model.
        app: as for a model of `mmstats_writer`.
        class_name: what ``{CLASS}`` stands for.
        declared: full names and fields, by attribute.

    Returns:
        What publishes them, and the metrics by attribute.

    Raises:
        DeclarationError: a field or a name that version 2 cannot carry.
        OSError: the file cannot be made.
    """
    made = Publisher(path, filename, app, class_name)
    metrics = {key: made.declare(*_version2(name, field)) for key, (name, field) in declared.items()}
    made.open()
    return made, metrics


def _version2(name: str, field: Any) -> tuple[Declaration, Behaviour]:
    match field:
        case fields.CounterField():
            return Declaration(name, "counter", "unsigned", "sum"), Behaviour(Counter)
        case fields.AverageField():
            return Declaration(name, "summary", "float", "sum"), Behaviour(Summary)
        case fields.TimerField():
            return Declaration(name, "gauge", "float", "all"), Behaviour(Timer, window=field.size, clock=field.timer)
        case fields.MovingAverageField():
            return Declaration(name, "gauge", "float", "all"), Behaviour(MovingAverage, window=field.size)
    if field.metric is not None:
        raise DeclarationError("not-in-version-2", name, "an object of the application's own has no kind in version 2")
    kind = type_of(field.signature)
    if kind.kind == "text":
        capacity = max(1, kind.size)
        return Declaration(name, "text", "text", "all", capacity=capacity), Behaviour(Text, field.initial_value)
    return Declaration(name, "unknown", kind.kind, "all"), Behaviour(Plain, field.initial_value, 8 * kind.size)
