"""Coverage-guided fuzzing of schema and readers: ``python -m fuzz --help``; see `fuzz.targets` and `fuzz.mutating`.

Only `fuzz.worker` needs atheris: what was found is looked at, and tested, without it.
"""

import sys
from pathlib import Path

# `mmstats_testing`, which compares schema and reader, and sets checks right.
sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
