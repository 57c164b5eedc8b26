"""Fuzz schema and readers, or look at what was found; the status is 1 where something is wrong."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.report import about

from . import campaign
from .targets import TARGETS, run_bounded


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; see ``python -m fuzz --help``."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz schema and readers.")
    parser.add_argument("target", choices=["all", *TARGETS], help="all: fuzz every target; one: run it with files")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="an input, such as one that was found")
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together (60)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time (one for each core)")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="also write what was seen there, with commit, date and machine"
    )
    options = parser.parse_args(arguments)
    if (options.target == "all") == bool(options.files):
        parser.error("give files to a single target, and none to all")
    if options.files:
        return max(_run(options.target, path) for path in options.files)
    facts = about(shlex.join(["python", "-m", "fuzz", *sys.argv[1:]]))  # of the code that is about to run
    seen = campaign.run(options.seconds, options.jobs)
    print(json.dumps(seen, indent=1))
    if options.output is not None:
        document = json.dumps(facts | {"atheris": version("atheris")} | seen, indent=1, ensure_ascii=False)
        options.output.write_text(document + "\n", encoding="utf-8")
    return 0 if seen["holds"] else 1


def _run(target: str, path: Path) -> int:
    """Run a target with a file."""
    try:
        run_bounded(TARGETS[target], path.read_bytes())
    except Exception:
        print(f"{path}: a fault", traceback.format_exc(), sep="\n")
        return 1
    print(f"{path}: no fault")
    return 0


if __name__ == "__main__":
    sys.exit(main())
