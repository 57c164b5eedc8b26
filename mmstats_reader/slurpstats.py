"""``slurpstats``: print what statistics files say.

``--json`` gives ``{"files": [{"path", "version", "stats": {label: value}} or {"path", "error"}, ...]}``. There a label
of version 2 is the full name, unset is null, a summary ``{"count", "sum", "min", "max", "last"}``, and a histogram
``{"count", "sum", "bounds", "counts"}`` with the counts of its buckets each by itself.

``--doctor --json`` gives ``{"findings": [{"path", "problem", "what", "remedy"}, ...], "fine": number of files}``.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase

from mmstats_format import FormatError
from mmstats_format.cli import complain, neutral, run

from ._doctor import examine
from ._finding import statistics_files
from ._reader import read
from ._snapshot import Stat
from ._values import Histogram, Summary, Value


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the files that the arguments name; see ``slurpstats --help``.

    Returns:
        0 when all could be read, 1 when one could not or there is none; with ``--doctor`` 1 when something was found.
    """
    return run(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="slurpstats",
        description="Print the statistics that running programs publish in files.",
        epilog="Without FILE: what MMSTATS_GLOB matches, else the *.mmstats files of MMSTATS_PATH, else those of the "
        "temporary directory. Status: 0 done, 1 a file could not be read, there is none, or --doctor found something, "
        "2 wrong arguments.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a file, or a directory for its *.mmstats files")
    parser.add_argument("-f", "--filter", metavar="GLOB", help="only the labels that match")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--doctor", action="store_true", help="say what is wrong with the files and their directories, and what helps"
    )
    options = parser.parse_args(arguments)
    if options.doctor:
        if options.filter is not None:
            parser.error("argument --filter: not allowed with argument --doctor")
        return _examine(options.files, options.json)
    return _slurp(options.files, options.filter, options.json)


def _slurp(arguments: Sequence[str], pattern: str | None, as_json: bool) -> int:
    files, looked = statistics_files(arguments)
    if not files:
        complain(f"slurpstats: no statistics files in {looked}")
    documents: list[dict[str, object]] = []
    failed = not files
    for path in files:
        try:
            snapshot = read(path)
        except (FormatError, OSError) as error:
            failed = True
            reason = _reason(error)
            complain(f"slurpstats: {path}: {reason}")
            documents.append({"path": path, "error": reason})
            continue
        stats = [stat for stat in snapshot if pattern is None or fnmatchcase(stat.label, pattern)]
        if as_json:
            values = {label: _json(value) for label, value in stats}
            documents.append({"path": path, "version": snapshot.version, "stats": values})
        else:
            _print(path, stats)
    if as_json:
        print(json.dumps({"files": documents}, indent=1, allow_nan=False))
    return int(failed)


def _examine(arguments: Sequence[str], as_json: bool) -> int:
    findings, fine = examine(arguments)
    if as_json:
        print(json.dumps({"findings": [finding._asdict() for finding in findings], "fine": fine}, indent=1))
    elif findings:
        for path, _, what, remedy in findings:
            print(neutral(f"{path}: {what}; {remedy}"))
    else:
        print(f"{fine} {'file is' if fine == 1 else 'files are'} fine")
    return int(bool(findings))


def _print(path: str, stats: Sequence[Stat]) -> None:
    lines = [(neutral(label), "-" if value is None else neutral(str(value))) for label, value in stats]
    width = max((len(label) for label, _ in lines), default=0)
    print(f"==> {neutral(path)}")
    for label, value in lines:
        print(f"  {label:<{width}} {value}")
    print()


def _reason(error: FormatError | OSError) -> str:
    if isinstance(error, FormatError):
        error.filename = None  # it stands at the beginning of the line
        return str(error)
    return error.strerror or str(error)


def _json(value: Value) -> object:
    """A value in strict JSON, which has no NaN and no infinities; a summary or histogram is an object."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
        case Summary():
            return {name: _json(getattr(value, name)) for name in ("count", "sum", "min", "max", "last")}
        case Histogram():
            lists = {"bounds": [_json(bound) for bound in value.bounds], "counts": list(value.counts)}
            return {"count": value.count, "sum": _json(value.sum), **lists}
    return value


if __name__ == "__main__":
    sys.exit(main())
