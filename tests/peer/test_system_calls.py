"""Updates make no system call."""

from __future__ import annotations

import pytest
from mmstats_testing.original import Missing
from mmstats_testing.running import skip_or_fail
from mmstats_testing.system_calls import UPDATES, count

COUNTER_UPDATES = 1_000_000
OTHER_UPDATES = 100_000


@pytest.mark.parametrize("version", UPDATES)
def test_updates_make_no_system_call(version: int) -> None:
    """The promise of `mmstats_writer`: an update is a few stores to memory, no lock, no system call."""
    times = dict.fromkeys(UPDATES[version], OTHER_UPDATES) | {"counter": COUNTER_UPDATES}
    try:
        calls = count(version, times)
    except Missing as missing:
        skip_or_fail(str(missing))
    assert calls == {kind: [] for kind in UPDATES[version]}
