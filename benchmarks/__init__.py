"""Speed beside that of others, all measured in one run: ``python -m benchmarks``; see `benchmarks.__main__`."""

import sys
from pathlib import Path

# `mmstats_testing`, which knows where the original package is and counts system calls.
sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
