"""One field's place in a version 1 file: windows on its bytes, and how a value is published there.

    label_size │ label │ signature_size │ signature │ index │ buffer 0 │ buffer 1
    └─────────────────── prefix ────────────────────┘ index   └──── buffers ────┘

Rule 1: stores go through `memoryview` casts, one store for a whole value: `struct.pack_into` writes zeros first.
Rule 2: between the first and the last store of an update there is no call and no loop, since CPython runs signal
        handlers there (V1-W2).
Rule 3: windows are exchanged while the program runs (fork, removal), so nothing outside keeps one.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mmstats_format import ClosedError, DeclarationError, layout
from mmstats_format.types import Type, type_of

from .._given import cut, encoded, wrapped

if TYPE_CHECKING:
    from .fields import Field
    from .file import File

_LABEL_SIZE = struct.Struct(layout.V1_LABEL_SIZE)
_SIGNATURE_SIZE = struct.Struct(layout.V1_SIGNATURE_SIZE)
_INDEX = struct.Struct(layout.V1_INDEX)
_LONGEST_LABEL = 2 ** (8 * _LABEL_SIZE.size) - 1


class State:
    """Where one field of one instance is published; the subclasses differ in how.

    Attributes:
        field: the declaration.
        label: its label in the file.
        file: the file that it is part of. A state keeps its file alive, never the other way round.
        buffers: window on the one or two buffers: indexable, items of the field's type (single bytes for text).
        index: window on the write-buffer index.
        write: number of the buffer that the next update stores to.
        current: the value that a metric counts on from.
        metric: gives the object that the application updates, where that is not the plain value.
    """

    __slots__ = (
        "__weakref__",
        "_type",
        "buffers",
        "current",
        "field",
        "file",
        "fit",
        "index",
        "label",
        "metric",
        "prefix",
        "write",
    )

    # A window is a memoryview, or a stand-in while there is no file.
    buffers: Any
    index: Any
    count = 1
    initial_index = layout.V1_UNBUFFERED

    def __init__(self, field: Field[Any], label: str, file: File, kind: Type) -> None:
        self.field, self.label, self.file, self._type = field, label, file, kind
        self.prefix = _prefix(label, field.signature)
        self.fit = _fitter(kind)
        self.metric: Callable[[], Any] | None = None
        self.write = 0
        self.current: Any = 0

    @property
    def size(self) -> int:
        """Bytes of the whole field in the file."""
        return len(self.prefix) + _INDEX.size + self.count * self._type.size

    @property
    def value(self) -> Any:
        """The published value."""
        return self.buffers[self.write ^ (self.count - 1)]

    @value.setter
    def value(self, value: Any) -> None:
        self.set(value)

    def set(self, value: Any) -> None:
        """Publish a value as the application gives it."""
        raise NotImplementedError

    @property
    def _struct(self) -> State:
        """This state, under the name by which fields derived for the original package know it."""
        return self

    @property
    def write_buffer(self) -> int:
        """The write-buffer index: the one in the file, where `write` is the writer's own copy."""
        return int(self.index[0])

    @write_buffer.setter
    def write_buffer(self, index: int) -> None:
        self.write = self.index[0] = index

    def image(self) -> bytes:
        """The bytes of the whole field before its first update (V1-W1). A static field's value is asked for now."""
        return self.prefix + _INDEX.pack(self.initial_index) + self.initial_buffers()

    def initial_buffers(self) -> bytes:
        """The bytes of the buffers before the first update."""
        space = bytearray(self.count * self._type.size)
        value = self.field.initial_value()
        try:
            self.window(memoryview(space))[0] = self.fit(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise self.refusal(value) from error
        return bytes(space)

    def refusal(self, value: object) -> Exception:
        """What to raise for a value that the type cannot hold."""
        return TypeError(f"field {self.label!r}: {value!r} is no value for type {self.field.signature!r}")

    def window(self, buffers: memoryview) -> memoryview:
        """The buffers' bytes as items of the field's type."""
        return buffers.cast(self._type.code)  # type: ignore[call-overload,no-any-return]  # the code is no literal

    def attach(self, view: memoryview) -> None:
        """Publish from now on in `view`, this field's whole image in a fresh file."""
        place = len(self.prefix)
        self.index = view[place : place + _INDEX.size]
        self.buffers = self.window(view[place + _INDEX.size :])
        self.write = 0
        self.current = 0

    def wait(self) -> None:
        """Stand at the initial value, without a file; the first store makes one (V1-W7)."""
        self.buffers = self.index = _Waiting(self)
        self.write = 0
        self.current = 0

    def renew(self) -> None:
        """Have what a metric keeps beside the published value begin anew; its methods may be known already."""
        if self.metric is not None and (metric := self.metric()) is not None:
            try:
                metric.__init__(self)
            except TypeError:  # of a class that a function calls with more
                vars(metric).update(vars(self.field.metric(self)))  # type: ignore[misc]  # it has a metric

    def close(self) -> None:
        """Refuse every further use."""
        self.buffers = self.index = _Closed(self)


class Double(State):
    """Two buffers and an index."""

    __slots__ = ()
    count = 2
    initial_index = 0

    def initial_buffers(self) -> bytes:
        return bytes(self.count * self._type.size)

    def set(self, value: Any) -> None:
        write = self.write
        try:
            self.buffers[write] = value
        except ValueError:  # too large or too small
            value = self.fit(value)
            write = self.write  # a signal handler may have run meanwhile
            self.buffers[write] = value
        except TypeError:
            raise self.refusal(value) from None
        self.index[0] = self.write = 1 - write


class Single(State):
    """One buffer for a number or a boolean."""

    __slots__ = ()

    def set(self, value: Any) -> None:
        try:
            self.buffers[0] = value
        except ValueError:  # too large or too small
            self.buffers[0] = self.fit(value)
        except TypeError:
            raise self.refusal(value) from None


class Text(State):
    """One buffer of fixed size for text, filled up with zero bytes (V1-12)."""

    __slots__ = ()

    @property
    def value(self) -> str:
        return bytes(self.buffers[:]).split(b"\0", 1)[0].decode("utf-8", "backslashreplace")

    @value.setter
    def value(self, value: str | bytes) -> None:
        self.set(value)

    def set(self, value: str | bytes) -> None:
        if not isinstance(value, str | bytes):
            raise self.refusal(value)
        self.buffers[:] = self.fit(value)

    def initial_buffers(self) -> bytes:
        value = self.field.initial_value()
        if not isinstance(value, str | bytes):
            raise self.refusal(value)
        if len(_encoded(value)) > self._type.size:
            raise DeclarationError("text-too-long", self.label, f"the text has more than {self._type.size} bytes")
        return bytes(self.fit(value))

    def window(self, buffers: memoryview) -> memoryview:
        return buffers


class _Waiting:
    """Stands for a window while there is no file: shows the initial value, and makes the file at the first store."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __getitem__(self, key: Any) -> Any:
        return self._state.window(memoryview(self._state.initial_buffers()))[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._state.file.open()
        self._state.buffers[key] = value


class _Closed:
    """Stands for a window after `remove`."""

    def __init__(self, state: State) -> None:
        self._label = state.label

    def __getitem__(self, key: Any) -> Any:
        raise ClosedError(f"field {self._label!r}: its file was removed; make a new instance")

    def __setitem__(self, key: Any, value: Any) -> None:
        self[key]


def make(field: Field[Any], label: str, file: File) -> State:
    """The state for a field of this type.

    Raises:
        DeclarationError: the label or the type cannot be in a file (V1-W8).
        TypeError: the label is no text.
    """
    try:
        kind = type_of(field.signature)
    except KeyError:
        detail = f"type {field.signature!r} is not in the registry of version 1"
        raise DeclarationError("unknown-type", label, detail) from None
    if field.buffered:
        if kind.kind == "text":
            raise DeclarationError("unknown-type", label, "text has one buffer; do not derive it from a buffered field")
        return Double(field, label, file, kind)
    return (Text if kind.kind == "text" else Single)(field, label, file, kind)


def _prefix(label: str, signature: str) -> bytes:
    try:
        raw = label.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DeclarationError("bad-label", label, f"the label cannot be UTF-8: {error.reason}") from error
    if not 0 < len(raw) <= _LONGEST_LABEL:
        detail = f"a label has 1 to {_LONGEST_LABEL} bytes, not {len(raw)}"
        raise DeclarationError("bad-label", label[:60], detail)
    return _LABEL_SIZE.pack(len(raw)) + raw + _SIGNATURE_SIZE.pack(len(signature)) + signature.encode("ascii")


def _fitter(kind: Type) -> Callable[[Any], Any]:
    """What makes an item of this type out of what the application gives: integers wrap, text is cut (V1-W3)."""
    match kind.kind:
        case "unsigned" | "signed":
            return lambda value: wrapped(operator.index(value), kind.kind, 8 * kind.size)
        case "boolean":
            return bool
        case "text":
            return lambda value: cut(_encoded(value), kind.size).ljust(kind.size, b"\0")
        case _:
            return operator.pos


def _encoded(value: str | bytes) -> bytes:
    return encoded(value) if isinstance(value, str) else value
