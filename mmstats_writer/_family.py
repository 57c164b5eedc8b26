"""A metric as it is declared, with its children: one set of label values each.

Rule 1: a family belongs to one instance and to no thread; what it hands out finds the right file by itself.
Rule 2: a family has a bounded number of children; what is beyond is counted together (V2-W14).
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from mmstats_format import UpdateError, layout
from mmstats_format.declaration import Declaration

from . import _file, _records
from ._given import wrapped
from ._metric import Metric, foreign
from ._words import UNSET

if TYPE_CHECKING:
    from ._publisher import Publisher

OVERFLOW = "__overflow__"


class Behaviour(NamedTuple):
    """What a field says beside the declaration that stands in the file.

    Attributes:
        metric: class of the children.
        initial: gives the first value of each file; None for the one that FORMAT.md V2-31 gives.
        bits: width at which whole numbers wrap.
        max_series: children at most.
        clock: of a timer, in seconds.
        window: values that a moving average keeps; None for any number.
        seconds: how long it keeps them.
    """

    metric: type[Metric]
    initial: Callable[[], Any] | None = None
    bits: int = 64
    max_series: int = 1000
    clock: Callable[[], float] | None = None
    window: int | None = None
    seconds: float = float("inf")


class Family:
    """One metric of one instance."""

    def __init__(self, publisher: Publisher, declared: Declaration, behaviour: Behaviour) -> None:
        """Check the declaration.

        Raises:
            DeclarationError: no file can hold it.
        """
        self.publisher, self.declared, self._behaviour = publisher, declared, behaviour
        self.record = _records.family(declared)
        self.code = layout.V2_WORDS.get(declared.type, "Q")
        self.unset = UNSET.get(declared.type, b"")
        self.first = _first(declared, behaviour)
        self.clock: Any = behaviour.clock
        self.window, self.seconds = behaviour.window, behaviour.seconds
        self._children: dict[tuple[tuple[str, object], ...], Metric] = {}
        self._series: dict[tuple[bytes, ...], int] = {}
        self._came: dict[tuple[bytes, ...], None] = {}

    def begin(self) -> Metric:
        """What the attribute gives: the metric itself, or the parent of its children."""
        if self.declared.labels:
            return self._behaviour.metric(self)
        return self.publisher.metric(self._enter(())[0])

    def make(self, number: int, file: Any) -> Metric:
        """The metric of a series in a file."""
        return self._behaviour.metric(self, number, file)

    def initial(self) -> Any:
        """The first value where the field gives one, else None; asked for whenever a file is made."""
        initial = self._behaviour.initial
        return None if initial is None else initial()

    def child(self, labels: dict[str, object]) -> Metric:
        """The metric with these label values.

        Raises:
            UpdateError: other label names than the declared ones.
        """
        try:
            return self._children[tuple(labels.items())]
        except (KeyError, TypeError) as error:  # new, or a value that cannot be hashed
            if foreign(error):
                raise
        names = self.declared.labels
        if not names or labels.keys() != set(names):
            wanted = ", ".join(names) or "none"
            raise UpdateError("wrong-labels", self.declared.name, f"its labels are {wanted}; not {', '.join(labels)}")
        # As they stand in a record, where two texts can become one (V2-29).
        values = tuple(_records.label_value(str(labels[name])) for name in names)
        child = self.publisher.metric(self._number(values))
        # Only texts are looked up as they come: a number is equal to a boolean, and their texts differ.
        bounded = len(self._children) < 4 * self._behaviour.max_series
        if bounded and values in self._series and all(type(value) is str for value in labels.values()):
            self._children[tuple(labels.items())] = child
        return child

    def fit(self, value: Any) -> Any:
        """What the word holds for `value`: whole numbers wrap.

        Raises:
            UpdateError: it is of another type.
        """
        try:
            match self.declared.type:
                case "unsigned" | "signed":
                    return wrapped(operator.index(value), self.declared.type, self._behaviour.bits)
                case "boolean":
                    return int(bool(value))
            if isinstance(value, str | bytes):
                raise TypeError
            return float(value)
        except (TypeError, ValueError, OverflowError) as error:
            if foreign(error):
                raise
            detail = f"{value!r} is no value of the type {self.declared.type}"
            raise UpdateError("bad-value", self.declared.name, detail) from None

    def _number(self, values: tuple[bytes, ...]) -> int:
        """The number of a series: of one with these label values, or where there are too many of the common one."""
        number = self._series.get(values)
        if number is not None:
            return number
        # Those that came first have a series each. What they came as says the order, without a lock (see `Publisher`).
        came, most = self._came, self._behaviour.max_series
        if len(came) < most:
            came.setdefault(values)
        if values in came and (len(came) <= most or list(came).index(values) < most):
            return self._enter(values)[0]
        number, new = self._enter((OVERFLOW.encode(),) * len(values))
        if new:
            _file.warn(
                "%s: more than %d sets of labels; further ones are counted as %s", self.declared.name, most, OVERFLOW
            )
        return number

    def _enter(self, values: tuple[bytes, ...]) -> tuple[int, bool]:
        """The number of a series, and whether it is a new one."""
        number = self._series.get(values)
        if number is not None:
            return number, False
        number = self.publisher.add(self, values)
        entered = self._series.setdefault(values, number)
        return entered, entered == number


def _first(declared: Declaration, behaviour: Behaviour) -> bytes:
    """The bytes of a slot before the first update (V2-31)."""
    unset = UNSET.get(declared.type, b"")
    match declared.kind:
        case "text":
            unset = struct.pack(layout.V2_TEXT_HEAD, layout.V2_NO_TEXT)
            buffer = unset.ljust(declared.buffer, b"\0")
        case "summary":
            nothing = UNSET["float"]
            buffer = bytes(declared.buffer - 3 * len(nothing)) + 3 * nothing
        case "gauge" if declared.combination == "last":
            buffer = bytes(declared.buffer - len(unset)) + unset
        case "gauge":
            return unset
        case _:
            buffer = bytes(declared.buffer)
    return bytes(declared.slot - 2 * len(buffer)) + 2 * buffer if buffer else bytes(declared.slot)
