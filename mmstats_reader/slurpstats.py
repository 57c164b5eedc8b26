"""``slurpstats``: print what statistics files say.

``--json`` gives ``{"files": [{"path", "version", "stats": {label: value}} or {"path", "error"}, ...]}``. There a label
of version 2 is the full name, unset is null, a summary ``{"count", "sum", "min", "max", "last"}``, and a histogram
``{"count", "sum", "bounds", "counts"}`` with the counts of its buckets each by itself.

``--doctor --json`` gives ``{"findings": [{"path", "problem", "what", "remedy"}, ...], "fine": number of files}``.

``--openmetrics`` gives the totals of all files together in what OpenMetrics and the Prometheus text format have in
common, as node_exporter's textfile collector reads the latter alone: texts and state sets are gauges there, and what is
of unknown kind has no type.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase

from mmstats_format import FormatError
from mmstats_format.cli import complain, neutral, run

from ._directory import Directory
from ._doctor import examine
from ._finding import statistics_files
from ._json import json_value
from ._reader import read
from ._snapshot import Stat


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
    parser.add_argument(
        "--openmetrics",
        action="store_true",
        help="print the totals of all files together, for Prometheus and node_exporter's textfile collector",
    )
    for name, meaning in [("rate", "are counters"), ("value", "are of unknown kind, even counters")]:
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="GLOB",
            help=f"with --openmetrics: version 1 labels whose numbers {meaning}; may be repeated",
        )
    options = parser.parse_args(arguments)
    if options.openmetrics:
        for name in ("filter", "json", "doctor"):
            if getattr(options, name) not in (None, False):
                parser.error(f"argument --{name}: not allowed with argument --openmetrics")
        return _expose(options.files, options.rate, options.value)
    if options.rate or options.value:
        parser.error(f"argument --{'rate' if options.rate else 'value'}: only allowed with argument --openmetrics")
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
            values = {label: json_value(value) for label, value in stats}
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


def _expose(arguments: Sequence[str], rate: Sequence[str], value: Sequence[str]) -> int:
    try:
        from .prometheus import collected, textfile, unreadable
    except ImportError:
        complain("slurpstats: --openmetrics needs an extra: pip install 'mmstats-format[prometheus]'")
        return 1
    with Directory(*arguments, rate=rate, value=value) as stats:
        try:
            view = stats.poll()
        except OSError as error:
            complain(f"slurpstats: {error.filename}: {_reason(error)}")
            found, failed = [unreadable(len(stats.where))], True
        else:
            for path, failure in view.errors.items():
                complain(f"slurpstats: {path}: {_reason(failure)}")
            nothing = not (view.processes or len(view) or view.errors)
            if nothing:
                complain(f"slurpstats: no statistics files in {', '.join(stats.where)}")
            found, failed = collected(view, processes=False), nothing or bool(view.errors)
    page = textfile(found)
    if sys.stdout is not None and sys.stdout.isatty():
        print("\n".join(map(neutral, page.decode().split("\n"))), end="")  # people look at it
    elif sys.stdout is not None:
        sys.stdout.buffer.write(page)  # in UTF-8, whatever the locale has
    return int(failed)


def _print(path: str, stats: Sequence[Stat]) -> None:
    lines = [(neutral(label), "-" if value is None else neutral(str(value))) for label, value in stats]
    width = max((len(label) for label, _ in lines), default=0)
    print(f"==> {neutral(path)}")
    for label, value in lines:
        print(f"  {label:<{width}} {value}")
    print()


def _reason(error: Exception) -> str:
    if isinstance(error, FormatError):
        error.filename = None  # it stands at the beginning of the line
        return str(error)
    return getattr(error, "strerror", None) or str(error)


if __name__ == "__main__":
    sys.exit(main())
