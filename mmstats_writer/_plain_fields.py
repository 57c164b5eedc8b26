"""Fields of plain values, set by assignment: the original's, and constants.

Rule 1: each has a counterpart of its name in version 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mmstats_format import DeclarationError
from mmstats_format.declaration import Declaration

from ._family import Behaviour
from ._fields import Field
from ._given import check_size, encoded
from ._latches import Text
from ._words import Plain

if TYPE_CHECKING:
    from . import _version1
    from ._model import BaseMmStats

T = TypeVar("T")


class PlainField(Field[T]):
    """A value that is set by assignment.

    Attributes:
        type: value type of FORMAT.md 3.6.
        bits: width at which whole numbers wrap.
    """

    plain = True
    type = "unsigned"
    bits = 64

    def __init__(self, name: str | None = None, help: str = "", unit: str = "") -> None:
        super().__init__(name, help, unit)

    def initial(self) -> Any:
        """The first value of each file."""
        return 0

    def declared(self, name: str) -> Declaration:
        return self._declare(name, "unknown", self.type, "all")

    def behaviour(self) -> Behaviour:
        return Behaviour(Plain, initial=self.initial, bits=self.bits)

    def version1(self) -> _version1.Field[Any] | None:
        from . import _version1

        counterpart: type[_version1.Field[Any]] | None = getattr(_version1, self._known(), None)
        return None if counterpart is None else counterpart(self.name)

    def _known(self) -> str:
        """The name of this field's class in the other version: its own, or that of what it is derived from."""
        return next(kind.__name__ for kind in type(self).__mro__ if kind.__module__ == __name__)

    if TYPE_CHECKING:

        def __set__(self, instance: BaseMmStats, value: T) -> None: ...


class UInt64Field(PlainField[int]):
    """An unsigned integer of 64 bits."""


class UIntField(PlainField[int]):
    """An unsigned integer of 32 bits."""

    bits = 32


class IntField(PlainField[int]):
    """A signed integer of 32 bits."""

    type = "signed"
    bits = 32


class ShortField(PlainField[int]):
    """A signed integer of 16 bits."""

    type = "signed"
    bits = 16


class UShortField(PlainField[int]):
    """An unsigned integer of 16 bits."""

    bits = 16


class ByteField(PlainField[int]):
    """A signed integer of 8 bits."""

    type = "signed"
    bits = 8


class DoubleField(PlainField[float]):
    """A float of 64 bits."""

    type = "float"


class FloatField(PlainField[float]):
    """A float; in version 1 of 32 bits."""

    type = "float"


class BoolField(PlainField[bool]):
    """True or false; whatever is assigned counts by its truth."""

    type = "boolean"

    def __init__(self, name: str | None = None, initial: bool = False, help: str = "") -> None:
        super().__init__(name, help)
        self._initial = initial

    def initial(self) -> Any:
        return self._initial

    def version1(self) -> _version1.Field[Any] | None:
        from . import _version1

        return _version1.BoolField(self.name, self._initial)


class StringField(PlainField[str]):
    """Text of at most `size` bytes in UTF-8, set by assignment; what is longer is cut after a whole character."""

    def __init__(self, name: str | None = None, size: int = 255, help: str = "") -> None:
        super().__init__(name, help)
        check_size(size, least=1)
        self.size = size

    def initial(self) -> Any:
        return ""

    def declared(self, name: str) -> Declaration:
        return self._declare(name, "text", "text", "all", capacity=self.size)

    def behaviour(self) -> Behaviour:
        return Behaviour(Text, initial=self.initial)

    def version1(self) -> _version1.Field[Any] | None:
        from . import _version1

        return _version1.StringField(self.name, self.size)


class StaticField(PlainField[T]):
    """A value that is given with the declaration and never changes."""

    if not TYPE_CHECKING:
        __set__ = None

    def __init__(self, name: str | None = None, value: object = None, help: str = "", unit: str = "") -> None:
        """Declare a constant.

        Args:
            name: as for every field.
            value: the value, or a callable that is asked for it whenever a file is made.
            help: as for every field.
            unit: as for every field.
        """
        super().__init__(name, help, unit)
        self.value = value

    def initial(self) -> Any:
        value = self.value() if callable(self.value) else self.value
        if value is None:
            raise DeclarationError("no-value", self.name or "", "a static field has a value")
        return value

    def version1(self) -> _version1.Field[Any] | None:
        from . import _version1

        counterpart: type[_version1.StaticField[Any]] | None = getattr(_version1, self._known(), None)
        return None if counterpart is None or not counterpart.signature else counterpart(self.name, self.value)


class StaticUIntField(StaticField[int]):
    """A constant unsigned integer of 32 bits."""

    bits = 32


class StaticInt64Field(StaticField[int]):
    """A constant signed integer of 64 bits."""

    type = "signed"


class StaticUInt64Field(StaticField[int]):
    """A constant unsigned integer of 64 bits."""


class StaticFloatField(StaticField[float]):
    """A constant float; in version 1 of 32 bits."""

    type = "float"


class StaticDoubleField(StaticField[float]):
    """A constant float of 64 bits."""

    type = "float"


class StaticTextField(StaticField[str]):
    """A constant text of at most 256 bytes in UTF-8."""

    size = 256

    def initial(self) -> Any:
        value = super().initial()
        if isinstance(value, str) and len(encoded(value)) > self.size:
            raise DeclarationError("text-too-long", self.name or "", f"the text has more than {self.size} bytes")
        return value

    def declared(self, name: str) -> Declaration:
        return self._declare(name, "text", "text", "all", capacity=self.size)

    def behaviour(self) -> Behaviour:
        return Behaviour(Text, initial=self.initial)
