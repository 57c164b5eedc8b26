"""``pollstats``: a line each interval, as vmstat.

    fields ──► columns (looked for at each line) ──► cells ──► text, JSON or CSV

Rule 1: line n is due n intervals after the first, whatever a look takes; lines that would be late are left out.
Rule 2: rates are over the time that truly passed between two looks.
Rule 3: a field that no file has is named once, and its cells are empty until one has it; columns of what vanished stay.
Rule 4: files that cannot be read, and those that declare a shown metric differently (V2-C3), are said once.

``--json`` prints ``{"time", "seconds", "values": {column: value}}`` a line; what is unset is null.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mmstats_format import FormatError, __version__
from mmstats_format.cli import complain, neutral, run

from ._columns import QUANTILES, Column, Field, has, split
from ._directory import Directory
from ._families import Family
from ._json import json_value
from ._snapshot import Snapshot
from ._values import Histogram, Summary
from ._view import View

_LEAST_WIDTH = 5
#: A longer text is printed whole, but widens only its own line.
_WIDEST = 40
#: A sleep takes no more than some billions.
_LONGEST_DELAY = 10**9

#: What a cell of a counter shows.
_RATE, _DELTA, _ABSOLUTE = "rate", "delta", "absolute"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print lines until interrupted; see ``pollstats --help``.

    Returns:
        0 when all lines were printed, 1 when there is no file or no field is there.
    """
    return run(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options = parser.parse_intermixed_args(arguments)  # options may stand between FIELDS and the files
    fields = [Field(text, options.prefix) for text in split(options.fields)]
    if not fields:
        parser.error("argument FIELDS: there is none")
    only = _filter(options.filter) if options.filter else None
    with Directory(*options.files, rate=options.rate, value=options.value, only=only) as stats:
        return _Lines(options, fields, stats).run(time.monotonic, time.sleep)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pollstats",
        description="Print a line each interval: counters as rates a second, everything else as its value. The first "
        "line is the average since the programs began.",
        epilog="Without FILE: what MMSTATS_GLOB matches, else the *.mmstats files of MMSTATS_PATH, else those of the "
        "temporary directory. Status: 0 done, 1 there is no file, or none has any of the fields, 2 wrong arguments.",
    )
    parser.add_argument(
        "fields",
        metavar="FIELDS",
        help="names of metrics, with commas between them; patterns; labels as in 'http.requests{status=\"200\"}'",
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="a file, a directory for its *.mmstats files, a pattern"
    )
    parser.add_argument("-c", "--count", type=_count, metavar="COUNT", help="end after so many lines")
    parser.add_argument(
        "-d", "--delay", type=_seconds, default=1.0, metavar="SECONDS", help="from one line to the next (1)"
    )
    parser.add_argument(
        "-f",
        "--filter",
        action="append",
        metavar="KEY[=VALUE]",
        help="only files that have a label that begins with KEY, or one that has that value",
    )
    parser.add_argument(
        "-n",
        "--headers",
        type=_headers,
        default=20,
        metavar="LINES",
        help="lines between headers (20); 0 for one header",
    )
    parser.add_argument("-p", "--prefix", default="", metavar="PREFIX", help="what all fields begin with")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument(
        "--delta", action="store_const", dest="mode", const=_DELTA, help="counters as differences a line"
    )
    shown.add_argument("--absolute", action="store_const", dest="mode", const=_ABSOLUTE, help="counters as totals")
    parser.set_defaults(mode=_RATE)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON document a line")
    form.add_argument("--csv", action="store_true", help="print comma-separated values")
    parser.add_argument(
        "--rate", action="append", default=[], metavar="GLOB", help="version 1 labels whose numbers are counters"
    )
    parser.add_argument(
        "--value", action="append", default=[], metavar="GLOB", help="version 1 labels whose numbers are no counters"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="say on standard error which files are read")
    parser.add_argument("--version", action="version", version=f"pollstats {__version__}")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= _LONGEST_DELAY:
        raise argparse.ArgumentTypeError(f"it is more than 0 seconds, and {_LONGEST_DELAY} at most")
    return seconds


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it is 1 or more")
    return number


def _headers(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("it is 0 or more")
    return number


def _filter(wanted: Sequence[str]) -> Callable[[Snapshot], bool]:
    """Whether a file is one that the filters mean; all of them must."""

    def one(snapshot: Snapshot, wanted: str) -> bool:
        key, equals, value = wanted.partition("=")
        return any(stat.label.startswith(key) and (not equals or str(stat.value) == value) for stat in snapshot)

    return lambda snapshot: all(one(snapshot, each) for each in wanted)


class _Lines:
    """What is printed."""

    def __init__(self, options: argparse.Namespace, fields: Sequence[Field], stats: Directory) -> None:
        self._options, self._fields, self._stats = options, fields, stats
        self._said: set[object] = set()
        self._titles: list[str] = []
        self._widths: dict[str, int] = {}
        self._since_header = 0

    def run(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> int:
        """Print line after line."""
        delay, printed, begin = self._options.delay, 0, clock()
        while True:
            status = self._line(first=not printed)
            if status:
                return status
            printed += 1
            if printed == self._options.count:
                return 0
            passed = clock() - begin
            sleep(delay - passed % delay)

    def _line(self, first: bool) -> int:
        view = None
        try:
            view = self._stats.poll()
        except OSError as error:
            self._say(f"{error.filename}: {error.strerror}")
            if first and len(self._stats.where) > 1:
                self._say(f"no statistics files in {self._looked}")
        columns = self._columns(view, first) if view is not None else []
        if first and not columns:
            return 1
        found = {column.title: self._cell(view, column, first) for column in columns if view is not None}
        cells = {title: found.get(title) for field in self._fields for title in field.titles}
        if self._options.json:
            self._print_json(view, cells)
        elif self._options.csv:
            self._print_csv(cells)
        else:
            self._print(cells)
        return 0

    @property
    def _looked(self) -> str:
        return ", ".join(self._stats.where)

    def _columns(self, view: View, first: bool) -> list[Column]:
        """The columns that there are; what is missing is said, once."""
        for path, error in view.errors.items():
            reason = getattr(error, "strerror", None) or str(error)
            self._say(str(error) if isinstance(error, FormatError) else f"{path}: {reason}")
        if self._options.verbose:
            for snapshot in view.snapshots:
                self._say(f"reads {snapshot.path}")
        if first and not view.snapshots:
            which = " that --filter chooses" if self._options.filter else " that can be read" if view.errors else ""
            self._say(f"no statistics files{which} in {self._looked}")
            return []
        columns = []
        for field in self._fields:
            found = field.columns(view)
            if found:
                field.titles = [column.title for column in found]
            else:
                self._say(f"no metric {field.text!r} in {self._looked}")
            columns += found
        names = {column.name for column in columns}
        for conflict in view.conflicts:
            if conflict.name in names:
                self._say(f"{conflict}; shown is what most files have", about=(conflict.name, conflict.differs))
        return columns

    def _say(self, what: str, about: object = None) -> None:
        """Say it, but nothing twice, nor two things about the same."""
        if (about or what) not in self._said:
            self._said.add(about or what)
            complain(f"pollstats: {what}")

    def _cell(self, view: View, column: Column, first: bool) -> Any:
        family = view[column.name]
        if family.kind not in ("counter", "summary", "histogram"):
            return _present(family, view, column.labels)
        mode = self._options.mode
        total = first or mode == _ABSOLUTE
        if not column.part and mode == _RATE:
            return view.average(column.name, **column.labels) if first else view.rate(column.name, **column.labels)
        grown: Any = view.total(column.name, **column.labels) if total else view.growth(column.name, **column.labels)
        if isinstance(grown, Histogram | Summary):
            if not column.part:
                return grown.count
            if not grown.count:
                return None
            if isinstance(grown, Summary):
                return grown.sum / grown.count
            return grown.quantile(QUANTILES[column.part])
        return grown

    def _print_json(self, view: View | None, cells: Mapping[str, Any]) -> None:
        values = {title: json_value(value) for title, value in cells.items()}
        when = time.time() if view is None else view.time
        seconds = None if view is None or math.isnan(view.seconds) else view.seconds
        print(json.dumps({"time": when, "seconds": seconds, "values": values}, allow_nan=False), flush=True)

    def _print_csv(self, cells: Mapping[str, Any]) -> None:
        if not self._titles:
            self._titles = list(cells)
            print(_csv(map(neutral, self._titles)))
        values = [cells.get(title) for title in self._titles]
        print(_csv("" if value is None else neutral(str(value)) for value in values), flush=True)

    def _print(self, cells: Mapping[str, Any]) -> None:
        shown = {title: _shown(value) for title, value in cells.items()}
        wider = False
        for title, text in shown.items():
            width = max(self._widths.get(title, 0), min(len(text), _WIDEST), len(neutral(title)), _LEAST_WIDTH)
            wider |= width != self._widths.get(title)
            self._widths[title] = width
        every = self._options.headers
        if list(shown) != self._titles or (every and (wider or self._since_header >= every)):
            self._titles, self._since_header = list(shown), 0
            header = "  ".join(neutral(title).rjust(self._widths[title]) for title in shown)
            print(f"\033[1m{header}\033[0m" if _coloured() else header)
        self._since_header += 1
        print("  ".join(text.rjust(self._widths[title]) for title, text in shown.items()), flush=True)


def _csv(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _coloured() -> bool:
    return sys.stdout is not None and sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _present(family: Family, view: View, labels: Mapping[str, str]) -> Any:
    """What something that does not only grow is now."""
    if family.combination != "all":
        return view.total(family.name, **labels)
    pairs = [pair for values, those in family.series.items() if has(family, values, labels) for pair in those]
    values = [value for _, value in pairs]
    if family.type in ("unsigned", "signed", "float", "boolean") and family.kind in ("gauge", "unknown"):
        if not values:
            return None
        # The original added up; of version 2's, whoever wants a sum says so. Of booleans it is how many are true.
        added = family.type == "boolean" or pairs[0][0].version == 1
        return sum(values) if added else sum(values) / len(values)
    distinct = set(values)
    return next(iter(distinct), None) if len(distinct) < 2 else f"{len(distinct)} different"


def _shown(value: Any) -> str:
    """A value in a few characters."""
    if value is None or value != value:
        return "-"
    if isinstance(value, float) and math.isfinite(value):
        if value == int(value) and abs(value) < 1e15:
            return str(int(value))
        size = abs(value)
        return f"{value:{'.3g' if size < 9.95 or size >= 1e21 else '.1f' if size < 99.95 else '.0f'}}"
    return neutral(str(value))


if __name__ == "__main__":
    sys.exit(main())
