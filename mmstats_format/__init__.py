"""The mmstats file format: schema, document model, registry of types, errors and settings.

`parse` and `build` are the executable form of ``spec/FORMAT.md``: strict, declarative and slow. Writers and readers
take what they need of the layout from `mmstats_format.layout`, which is generated from the schema, so that importing
this package does not import `construct`.
"""

from typing import TYPE_CHECKING, Any

from ._codec import build, parse
from .declaration import Declaration
from .errors import (
    CODES,
    ClosedError,
    Corrupt,
    DeclarationError,
    FormatError,
    MmstatsError,
    Truncated,
    UnsupportedHost,
    UnsupportedVersion,
    UpdateError,
)

if TYPE_CHECKING:
    from ._document import Document, Field
    from ._document2 import Document2, Extent, Folded, Header, Origin, Series, Unknown

__version__ = "1.0.0a1"

__all__ = [
    "CODES",
    "ClosedError",
    "Corrupt",
    "Declaration",
    "DeclarationError",
    "Document",
    "Document2",
    "Extent",
    "Field",
    "Folded",
    "FormatError",
    "Header",
    "MmstatsError",
    "Origin",
    "Series",
    "Truncated",
    "Unknown",
    "UnsupportedHost",
    "UnsupportedVersion",
    "UpdateError",
    "build",
    "parse",
]


def __getattr__(name: str) -> Any:
    # `dataclasses` would be half of a writer's import time, and a writer has no documents.
    if name in ("Document", "Field"):
        from . import _document

        return getattr(_document, name)
    if name in __all__:
        from . import _document2

        return getattr(_document2, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
