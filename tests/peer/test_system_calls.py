"""Updates make no system call."""

from __future__ import annotations

from mmstats_testing.original import Missing
from mmstats_testing.running import skip_or_fail
from mmstats_testing.system_calls import UPDATES, count

COUNTER_UPDATES = 1_000_000
OTHER_UPDATES = 100_000


def test_updates_make_no_system_call() -> None:
    """The promise of `mmstats_writer`: an update is a few stores to memory, no lock, no system call."""
    times = dict.fromkeys(UPDATES, OTHER_UPDATES) | {"counter": COUNTER_UPDATES}
    try:
        calls = count(times)
    except Missing as missing:
        skip_or_fail(str(missing))
    assert calls == {kind: [] for kind in UPDATES}
