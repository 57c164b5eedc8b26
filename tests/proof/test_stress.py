"""No reader is shown a value that was never published, however busy the writer; `make stress` reads longer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmstats_testing.running import skip_or_fail


def test_no_value_of_version_2_is_torn_or_goes_back(prove: Callable[..., Any], tmp_path: Path) -> None:
    """R2, V2-R4, V2-R5: by calls and mapped, of a writer at full speed and of a slow one."""
    output = tmp_path / "stress.json"
    seen = prove("--output", str(output), "stress", "--reads", "200000")
    ours = [run for run in seen["runs"] if run["version"] == 2 and run["reading"] != "naive"]
    assert {(run["reading"], run["writer"]) for run in ours} == {
        (reading, writer)
        for reading in ("this project's, by calls", "this project's, mapped")
        for writer in ("as fast as it can", "1000 updates a second")
    }
    assert all(run["updates"] > 0 for run in ours)
    assert seen["version_2"]["accepted"] >= 200_000
    assert [(run["torn"], run["torn_unconfirmed"], run["older"]) for run in ours] == [(0, 0, 0)] * len(ours)
    assert json.loads(output.read_bytes()).items() >= seen.items()
    if not seen["shown"]:
        skip_or_fail("a naive reading has seen nothing torn here, so nothing is shown")
