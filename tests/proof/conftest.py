"""What the tests of the long proofs share: running one in its short form."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.running import HANG_SECONDS, environment

ROOT = Path(__file__).parents[2]


@pytest.fixture
def prove() -> Callable[..., Any]:
    """Run ``python -m proofs`` with these arguments; gives what it has printed."""

    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "proofs", *arguments],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=2 * HANG_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run
