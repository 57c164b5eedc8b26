"""What can go wrong, as exceptions.

Rule 1: the codes and their rules are those of FORMAT.md, section 1.3; a test compares the two.
Rule 2: a place is attributes (``offset``, ``path``, ``filename``), not only text.
"""

from __future__ import annotations


class MmstatsError(Exception):
    """Base of every error of this project. Raised only as one of its subclasses."""


class FormatError(MmstatsError, ValueError):
    """A file, or a document that is to become one, breaks a rule of FORMAT.md.

    Raised by `parse`, `build` and the readers, always as one of the subclasses below.

    Attributes:
        code: one of `CODES`.
        rule: id of the broken rule in FORMAT.md, such as ``"V1-5"``.
        offset: bytes from the beginning of the file, as FORMAT.md 1.3 defines it for the code; None for a document.
        path: the element of the document, such as ``"fields[3].signature"``; None where none is meant.
        detail: what is wrong, in words.
        filename: the file that was read; None where the bytes came from elsewhere.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        rule: str | None = None,
        offset: int | None = None,
        path: str | None = None,
        filename: str | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.rule = rule or CODES[code][1]
        self.offset = offset
        self.path = path
        self.detail = detail
        self.filename = filename

    def __str__(self) -> str:
        where = [f"rule {self.rule}"]
        if self.offset is not None:
            where.append(f"offset {self.offset}")
        if self.path is not None:
            where.append(self.path)
        file = f"{self.filename}: " if self.filename is not None else ""
        return f"{file}{self.code}: {self.detail} ({', '.join(where)})"


class UnsupportedVersion(FormatError):
    """The first byte is not a version that this software knows."""


class Truncated(FormatError, EOFError):
    """The input ends before one of its elements does."""


class Corrupt(FormatError):
    """The input, or a document, says something that the format does not allow."""


class DeclarationError(MmstatsError, ValueError):
    """A model, field or file name that no file can be made of. Raised where the application makes a writer.

    Attributes:
        code: short and stable, such as ``"duplicate-label"``.
        name: the field, label or template meant.
    """

    def __init__(self, code: str, name: str, detail: str) -> None:
        super().__init__(code, name, detail)
        self.code = code
        self.name = name

    def __str__(self) -> str:
        return f"{self.code}: {self.args[2]} ({self.name!r})"


class UpdateError(MmstatsError, TypeError, ValueError):
    """An update that a metric cannot do. Raised by the update; the metric stays as it was.

    Attributes:
        code: short and stable, such as ``"negative-increment"``.
        name: the metric's full name.
    """

    def __init__(self, code: str, name: str, detail: str) -> None:
        super().__init__(code, name, detail)
        self.code = code
        self.name = name

    def __str__(self) -> str:
        return f"{self.code}: {self.args[2]} ({self.name!r})"


class ClosedError(MmstatsError, ValueError):
    """A model was used after its ``remove()``."""


class UnsupportedHost(MmstatsError, OSError):
    """This machine cannot write mmstats files. Raised when a model is made."""


#: Every error code: its class, and the rule that it stands for unless the raiser names another.
CODES: dict[str, tuple[type[FormatError], str]] = {
    "truncated": (Truncated, "V1-10"),
    "unsupported-version": (UnsupportedVersion, "G-1"),
    "unknown-type": (Corrupt, "V1-5"),
    "bad-index": (Corrupt, "V1-6"),
    "trailing-bytes": (Corrupt, "V1-9"),
    "bad-magic": (Corrupt, "V2-5"),
    "bad-crc": (Corrupt, "V2-6"),
    "bad-control": (Corrupt, "V2-3"),
    "bad-header": (Corrupt, "V2-7"),
    "unsupported-feature": (UnsupportedVersion, "V2-8"),
    "bad-extent": (Corrupt, "V2-14"),
    "bad-record": (Corrupt, "V2-18"),
    "unsupported-record": (UnsupportedVersion, "V2-21"),
    "bad-text": (Corrupt, "V2-23"),
    "bad-family": (Corrupt, "V2-25"),
    "bad-series": (Corrupt, "V2-28"),
    "bad-label": (Corrupt, "V1-4"),
    "bad-value": (Corrupt, "V1-6"),
    "bad-size": (Corrupt, "V1-10"),
}


#: Characters of a detail: it may quote a signature of 65,535 bytes.
_LONGEST_DETAIL = 200


def fault(
    code: str, detail: str, offset: int | None = None, path: str | None = None, rule: str | None = None
) -> FormatError:
    """The error for `code`, of its class, to be raised by the caller."""
    if len(detail) > _LONGEST_DETAIL:
        detail = detail[:_LONGEST_DETAIL] + "..."
    return CODES[code][0](code, detail, rule=rule, offset=offset, path=path)
