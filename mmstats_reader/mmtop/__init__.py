"""``mmtop``: a live view of the full screen, on Textual (extra ``top``).

view ─► _rows: what there is ─► _samples: changes, averages ─► _table: which rows, in which order ─► _screen
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mmstats_format.cli import complain, run

from .._directory import Directory

#: Seconds between polls that can be asked for.
SHORTEST, LONGEST = 0.1, 3600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Show what the arguments name until it is left; see ``mmtop --help``.

    Returns:
        0 when it was left, 1 when there is nothing to show or no terminal, or the extra is missing.
    """
    return run(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="mmtop",
        description="Show the statistics of running programs on the full screen, live.",
        epilog="Without FILE: what MMSTATS_GLOB matches, else the *.mmstats files of MMSTATS_PATH, else those of the "
        "temporary directory. Status: 0 done, 1 nothing to show, no terminal, or the extra is missing, "
        "2 wrong arguments.",
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="a file, a directory for its *.mmstats files, a pattern"
    )
    parser.add_argument(
        "-i",
        "--interval",
        type=_seconds,
        default=1.0,
        metavar="SECONDS",
        help="from one look to the next; 1 by default",
    )
    parser.add_argument(
        "-f", "--filter", default="", metavar="GLOB", help="only the metrics that match; a key changes it"
    )
    parser.add_argument(
        "--rate", action="append", default=[], metavar="GLOB", help="version 1 labels whose numbers are counters"
    )
    parser.add_argument(
        "--value", action="append", default=[], metavar="GLOB", help="version 1 labels whose numbers are no counters"
    )
    options = parser.parse_args(arguments)
    try:
        from ._screen import Top
    except ImportError:
        complain("mmtop needs an extra: pip install 'mmstats-format[top]'")
        return 1
    with Directory(*options.files, rate=options.rate, value=options.value) as stats:
        try:
            view = stats.poll()
        except OSError as error:
            complain(f"mmtop: {error.filename}: {error.strerror}")
            return 1
        if not (view.processes or len(view) or view.errors):
            complain(f"mmtop: no statistics files in {', '.join(stats.where)}")
            return 1
        # Textual reads the first, and writes to the third.
        if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
            complain("mmtop: this is no terminal; slurpstats and pollstats need none")
            return 1
        app = Top(stats, options.interval, options.filter)
        app.run()
    return app.return_code or 0


def _seconds(text: str) -> float:
    seconds = float(text)
    if not SHORTEST <= seconds <= LONGEST:
        raise argparse.ArgumentTypeError(f"from {SHORTEST:g} to {LONGEST:g} seconds")
    return seconds
