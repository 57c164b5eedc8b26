"""Proofs that take long, with real processes: ``python -m proofs --help``; see `proofs.kills` and `proofs.stress`.

`make test` runs both in a short form.
"""

import sys
from pathlib import Path

# `mmstats_testing`, which knows the steps of FORMAT.md and looks at locks.
sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
