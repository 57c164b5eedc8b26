"""Writers, cleaners and readers all at once for some minutes; prints as JSON what was done and counted.

The status is 1 where an update is lost or counted twice, a total went down, a file could not be read, or a value was
torn. See `tests.soak.run`.
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import sys
from pathlib import Path

from benchmarks.report import about

from .run import PLANTS, run


def main() -> int:
    """Run; see ``python -m tests.soak --help``."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="Have writers, cleaners and readers run together, and count."
    )
    parser.add_argument("--minutes", type=float, default=2, help="for how long (2)")
    parser.add_argument("--seed", type=int, help="of the random moments")
    parser.add_argument("--plant", choices=PLANTS, default="", help="have a fault, to show that it is seen")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="also write what was seen there, with commit, date and machine"
    )
    options = parser.parse_args()
    facts = about(shlex.join(["python", "-m", "tests.soak", *sys.argv[1:]]))  # of the code that is about to run
    seen = run(options.minutes, random.randrange(2**32) if options.seed is None else options.seed, options.plant)
    print(json.dumps(seen, indent=1))
    if options.output is not None:
        document = json.dumps(facts | seen, indent=1, ensure_ascii=False)
        options.output.write_text(document + "\n", encoding="utf-8")
    return 0 if seen["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
