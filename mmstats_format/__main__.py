"""``python -m mmstats_format check|dump FILE…``: files against the specification, by the schema."""

from __future__ import annotations

import argparse
import errno
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ._codec import parse
from ._document import Document
from ._document2 import Document2
from .cli import complain, neutral, run
from .declaration import Declaration
from .errors import FormatError


def main(arguments: Sequence[str] | None = None) -> int:
    """Check files, or print their canonical JSON documents.

    Returns:
        0 when all are valid, 1 when one is not or cannot be read.
    """
    return run(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mmstats_format",
        description="Hold files to the specification: strictly, by the schema.",
        epilog="Status: 0 all valid, 1 one is not or cannot be read, 2 wrong arguments.",
    )
    parser.add_argument("command", choices=["check", "dump"], help="say valid or the error; print the JSON document")
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args(arguments)
    failed = False
    for name in options.files:
        shown = neutral(name)
        try:
            document = parse(_content(Path(name)))
        except FormatError as error:
            failed = True
            print(f"{shown}: {error}")
        except OSError as error:
            failed = True
            complain(f"{name}: {error.strerror}")
        else:
            number, what = _extent(document)
            valid = f"{shown}: valid, version {document.version}, {number} {what}"
            print(valid if options.command == "check" else json.dumps(document.canonical()))
    return int(failed)


def _extent(document: Document | Document2) -> tuple[int, str]:
    """How much a document says: a number, and of what."""
    if isinstance(document, Document):
        return len(document.fields), "fields"
    return sum(isinstance(record, Declaration) for record in document.records), "families"


def _content(path: Path) -> bytes:
    # Opening a named pipe waits for its writer, and a device may have no end.
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
