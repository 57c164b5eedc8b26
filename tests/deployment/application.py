"""An application as web servers run it, which answers who counted the request: process and thread.

Where the server imports it before it forks, the instance and all that is kept of it are the parent's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from mmstats_testing.counted import here

from mmstats_writer import CounterField, GaugeField, MmStats, TimerField, after_fork


class Shop(MmStats):
    """Counters of each sort of slot, and a gauge that is nothing in the end."""

    imports = CounterField()
    requests = CounterField()
    by_method = CounterField(labelnames=("method",))
    inflight = GaugeField(combine="sum")
    latency = TimerField()


shop = Shop(app="shop")
shop.imports.inc()
count, get, inflight, timed = shop.requests.inc, shop.by_method.labels(method="GET"), shop.inflight, shop.latency.time

if os.environ.get("TOLD_OF_FORKS"):
    from uwsgidecorators import postfork

    postfork(after_fork)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Count the request, amid which other threads and greenlets have their turn."""
    inflight.inc()
    with timed():
        time.sleep(0.001)
        get.inc()
    count()
    inflight.dec()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [here().encode()]
