"""Bytes to document and back, whatever the version.

Rule 1: the first byte chooses the schema (G-1); the schema does the rest.
Rule 2: a schema is imported when it is first used: `construct` costs more than a reader's whole start-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import layout
from .errors import fault

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ._document import Document
    from ._document2 import Document2


def parse(data: Buffer) -> Document | Document2:
    """Read the bytes of a file, strictly (FORMAT.md, all rules on files).

    Args:
        data: the whole content of a file: bytes, or anything with the buffer protocol.

    Returns:
        The document that the bytes say.

    Raises:
        FormatError: the input breaks a rule; always a subclass, with code, rule, offset and path.
        TypeError: `data` has no bytes.
    """
    content = bytes(memoryview(data))
    if not content:
        raise fault("truncated", "the file is empty", 0, "version", rule="G-1")
    if content[0] == layout.V1_VERSION:
        from . import schema1

        return schema1.parse(content)
    if content[0] == layout.V2_VERSION:
        from . import schema2

        return schema2.parse(content)
    raise fault("unsupported-version", f"version byte {content[0]:#04x} is not known", 0, "version")


def build(document: Document | Document2) -> bytes:
    """Write a document as the bytes of a file; the inverse of `parse`.

    Args:
        document: what the file is to say. Of version 1, without a size, the file ends at the next multiple of 4096
            bytes.

    Returns:
        The whole content of the file.

    Raises:
        FormatError: the document cannot be a file; the code is one of FORMAT.md 1.3's second table.
    """
    from ._document import Document
    from ._document2 import Document2

    if isinstance(document, Document) and document.version == layout.V1_VERSION:
        from . import schema1

        return schema1.build(document)
    if isinstance(document, Document2) and document.version == layout.V2_VERSION:
        from . import schema2

        return schema2.build(document)
    raise fault("unsupported-version", f"version {document.version} is not known", path="version")
