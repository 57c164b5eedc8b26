"""``cleanstats``: remove what dead writers left, or fold it into archives first.

``--json`` gives ``{"files": [{"path", "state", "reason", "action", "archive"}, ...]}``, with ``--every`` one document a
line for each round in which something was done.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence

from mmstats_format.cli import complain, end_by_sigterm, neutral, run

from ._clean import Cleaned, clean, rounds
from ._finding import statistics_files

#: What is done with a file, and how a dry run says it.
_DONE = {"removed": "would remove", "folded": "would fold"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Clean what the arguments name; see ``cleanstats --help``.

    Returns:
        0 when all went well, 1 when something failed or there is no file.
    """
    return run(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="cleanstats",
        description="Remove the statistics files of programs that are dead. What a program still writes, and whatever "
        "cannot be told to be dead, is kept; so are archives.",
        epilog="Without FILE: what MMSTATS_GLOB matches, else the *.mmstats files of MMSTATS_PATH, else those of the "
        "temporary directory. Status: 0 done, or ended by SIGTERM, 1 something failed or there is no file, 2 wrong "
        "arguments.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a file, or a directory for its *.mmstats files")
    parser.add_argument(
        "--fold",
        action="store_true",
        help="add the counts of version 2 files to the archive of their application before they go; version 1 files "
        "are removed all the same",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--every", type=_seconds, metavar="SECONDS", help="do it again and again, until interrupted")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    return _clean(options) if options.every is None else _repeat(options)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError
    return seconds


def _clean(options: argparse.Namespace) -> int:
    done = _round(options)
    if not done:
        complain(f"cleanstats: no statistics files in {statistics_files(options.files)[1]}")
    if options.json:
        _print_json(done, indent=1)
    else:
        for cleaned in done:
            _print(cleaned, options.dry_run)
        counts = Counter(cleaned.action for cleaned in done)
        print(", ".join(f"{counts[action]} {action}" for action in ("removed", "folded", "kept", "failed")))
    return int(not done or _complain([cleaned for cleaned in done if cleaned.action == "failed"]))


def _repeat(options: argparse.Namespace) -> int:
    end_by_sigterm()
    complained: set[Cleaned] = set()
    for done in rounds(options.every, lambda: _round(options)):
        failed = {cleaned for cleaned in done if cleaned.action == "failed"}
        _complain(sorted(failed - complained))
        complained = failed
        done = [cleaned for cleaned in done if cleaned.action in _DONE]
        if options.json and done:
            _print_json(done)
        elif not options.json:
            for cleaned in done:
                _print(cleaned, options.dry_run)
        sys.stdout.flush()
    return 0


def _round(options: argparse.Namespace) -> list[Cleaned]:
    return clean(*options.files, fold=options.fold, dry_run=options.dry_run)


def _print(cleaned: Cleaned, dry_run: bool) -> None:
    if cleaned.action == "failed":
        return  # `_complain` says it
    action = f"{_DONE[cleaned.action]} " if dry_run and cleaned.action in _DONE else f"{cleaned.action} "
    into = f", into {cleaned.archive}" if cleaned.archive else ""
    print(neutral(f"{action}{cleaned.path}{into}: {cleaned.state}, {cleaned.reason}"))


def _print_json(done: Sequence[Cleaned], indent: int | None = None) -> None:
    print(json.dumps({"files": [cleaned._asdict() for cleaned in done]}, indent=indent))


def _complain(failed: Sequence[Cleaned]) -> bool:
    for cleaned in failed:
        complain(f"cleanstats: {cleaned.path}: {cleaned.reason}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
