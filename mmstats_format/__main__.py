"""``python -m mmstats_format check|dump FILE…``: files against the specification, by the schema."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ._codec import parse
from .errors import FormatError


def main(arguments: Sequence[str] | None = None) -> int:
    """Check files, or print their canonical JSON documents.

    Returns:
        0 when all are valid, 1 when one is not or cannot be read.
    """
    parser = argparse.ArgumentParser(
        prog="python -m mmstats_format",
        description="Hold files to the specification: strictly, by the schema.",
        epilog="Status: 0 all valid, 1 one is not or cannot be read, 2 wrong arguments.",
    )
    parser.add_argument("command", choices=["check", "dump"], help="say valid or the error; print the JSON document")
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args(arguments)
    # What the terminal's encoding lacks is shown escaped.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    failed = False
    for name in options.files:
        try:
            document = parse(Path(name).read_bytes())
        except FormatError as error:
            failed = True
            sys.stdout.write(f"{_shown(name)}: {error}\n")
        except OSError as error:
            failed = True
            sys.stderr.write(f"{_shown(name)}: {error.strerror}\n")
        else:
            answer = f"{_shown(name)}: valid, version {document.version}, {len(document.fields)} fields"
            sys.stdout.write((answer if options.command == "check" else json.dumps(document.canonical())) + "\n")
    return int(failed)


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)


if __name__ == "__main__":
    sys.exit(main())
