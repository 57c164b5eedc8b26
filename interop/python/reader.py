"""The reader under the conformance kit (``spec/CONFORMANCE.md``, P-5 and P-6): ``reader.py [--poll] FILE``."""

from __future__ import annotations

import sys
from typing import Any

from canonical import document, error, put

from mmstats_format import FormatError
from mmstats_reader import Reader


def polled(reader: Reader) -> dict[str, Any]:
    """What the file says now, or why it says nothing."""
    try:
        return document(reader.poll())
    except (FormatError, OSError) as failure:
        return error(failure)


def main(arguments: list[str]) -> int:
    """Read once, or for each line of standard input."""
    reader = Reader(arguments[-1])
    if arguments[0] == "--poll":
        for _ in sys.stdin:
            put(polled(reader))
        return 0
    found = polled(reader)
    put(found)
    return int("error" in found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
