"""What a program of several processes counts with: an instance made at import, which children inherit or make anew."""

from __future__ import annotations

import os
from pathlib import Path

from mmstats_testing.counted import here

from mmstats_writer import CounterField, MmStats


class Work(MmStats):
    """Counters of both sorts."""

    requests = CounterField()
    by_kind = CounterField(labelnames=("kind",))


work = Work(app="work")
count, kind = work.requests.inc, work.by_kind.labels(kind="any")


def do(amount: int) -> tuple[str, int, float, int]:
    """Count so much; gives who did, how many files and how much this process had before, and the amount."""
    files = len(list(Path(os.environ["MMSTATS_PATH"]).glob(f"work-{os.getpid()}-*")))
    before = work.requests.value
    for _ in range(amount):
        count()
    kind.inc(amount)
    return here(), files, before, amount
