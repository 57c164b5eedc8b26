"""Kill writers, or read from busy ones, and print what was seen as JSON; the status is 1 where something was wrong."""

from __future__ import annotations

import argparse
import json
import random
import shlex
import sys
from pathlib import Path
from typing import Any

from benchmarks.report import about

from . import kills, stress


def main() -> int:
    """Run; see ``python -m proofs --help``."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description="Prove with real processes what files say.")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="also write what was seen there, with commit, date and machine"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    killing = commands.add_parser("kills", help="kill writers at random moments, and read their files")
    killing.add_argument("--runs", type=int, default=1000, help="how many (1000)")
    killing.add_argument("--seed", type=int, help="of the random moments")
    stressing = commands.add_parser("stress", help="read from busy writers, and count torn values")
    stressing.add_argument(
        "--reads",
        type=int,
        default=1_000_000,
        help="values of latches to accept with this project's reader, in all (1000000); "
        "100000000 takes a quarter of an hour",
    )
    options = parser.parse_args()
    facts = about(shlex.join(["python", "-m", "proofs", *sys.argv[1:]]))  # of the code that is about to run
    if options.command == "kills":
        seed = random.randrange(2**32) if options.seed is None else options.seed
        seen: dict[str, Any] = kills.run(options.runs, seed)
    else:
        seen = stress.run(options.reads)
    print(json.dumps(seen, indent=1))
    if options.output is not None:
        document = json.dumps(facts | seen, indent=1, ensure_ascii=False)
        options.output.write_text(document + "\n", encoding="utf-8")
    return 0 if seen["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
