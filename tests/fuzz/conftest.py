"""Makes `fuzz` importable where an installed distribution is tested; behind it, so that the tree's packages are not."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
