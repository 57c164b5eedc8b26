"""What is published in a soak, made so that a value that is read tells by itself whether it is whole.

Every observation is 1, a text has two equal halves, and a gauge is set to a time before that of its setting.
"""

from __future__ import annotations

import random
import time
from typing import Any

from mmstats_reader import Histogram, Summary
from mmstats_writer import CounterField, GaugeField, HistogramField, MmStats, SummaryField, TextField

from . import accounts
from .accounts import Words

#: The metrics that count, in the order of their words in an account.
COUNTING = ("requests", "sizes", "latency")

#: Values of the label, and how long they are: with them a file grows to more than one extent.
_PATHS, _LONG = 10, 60
#: Rounds of updates at most before a pause, and how often a text's half says its number at most.
_ROUNDS, _REPEATED = 12, 100


class Stats(MmStats):
    """A metric of each sort."""

    format = 2

    requests = CounterField()
    sizes = SummaryField()
    latency = HistogramField(labelnames=["path"], bounds=[1, 2])
    page = TextField(size=1000)
    beat = GaugeField(combine="last", type=int)


def update(stats: Stats, account: Words, chance: random.Random, torn: bool = False) -> None:
    """Some rounds of updates of all metrics in the calling thread, whose account this is."""
    for number in range(chance.randint(1, _ROUNDS)):
        accounts.do(account, accounts.REQUESTS, stats.requests.inc)
        accounts.do(account, accounts.SIZES, stats.sizes.observe, 1)
        latency = stats.latency.labels(path=f"/{number % _PATHS:0{_LONG}}")  # which the file may have to grow for
        accounts.do(account, accounts.LATENCY, latency.observe, 1)
        half = f"{number}|" * chance.randint(1, _REPEATED)
        accounts.do(account, accounts.OTHER, stats.page.set, half + (half[1:] if torn else half))
        accounts.do(account, accounts.OTHER, stats.beat.set, time.time_ns())


def count(value: int | Summary | Histogram | None) -> int:
    """How many updates a value is of; None is that of a metric that has no series yet."""
    if value is None:
        return 0
    return value if isinstance(value, int) else value.count


def whole(value: Any, when: int | None) -> bool:
    """Whether this is of one update each, or of any number where it counts; `when` is of a gauge when it was set."""
    match value:
        case Summary(count=0):
            return value == Summary(0, 0, None, None, None)
        case Summary():
            return value == Summary(value.count, value.count, 1, 1, 1)
        case Histogram():
            return value.sum == value.count == max(value.counts)
        case str():
            return value == value[: len(value) // 2] * 2
        case int():
            return when is None or value <= when
    return value is None
