"""What holds for all tests."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# So that `benchmarks`, `fuzz`, `interop` and `proofs` can be imported where an installed distribution is tested; behind
# it, so that the tree's packages are not.
sys.path.append(str(Path(__file__).parents[1]))

# A machine that is busy with something else is no fault: what hangs is caught elsewhere.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
