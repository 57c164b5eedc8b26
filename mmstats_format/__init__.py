"""The mmstats file format: schema, document model, registry of types, errors and settings.

`parse` and `build` are the executable form of ``spec/FORMAT.md``: strict, declarative and slow. Writers and readers
take what they need of the layout from `mmstats_format.layout`, which is generated from the schema, so that importing
this package does not import `construct`.
"""

from ._codec import build, parse
from ._document import Document, Field
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
)

__version__ = "1.0.0a1"

__all__ = [
    "CODES",
    "ClosedError",
    "Corrupt",
    "DeclarationError",
    "Document",
    "Field",
    "FormatError",
    "MmstatsError",
    "Truncated",
    "UnsupportedHost",
    "UnsupportedVersion",
    "build",
    "parse",
]
