"""What an update costs beside those of other libraries, by kind: each where it is present, in the same turns.

Rule 1: a peer is used as its own documentation says: handles are looked up once and kept, and nobody listens.
Rule 2: what is not there is named, and not guessed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from .figures import _EMPTY as EMPTY_SETUP
from .figures import _MODEL, _PROMETHEUS, EMPTY
from .figures import _memory as memory
from .measure import Effort, Statement, Value, in_turns, value
from .report import Figure

SINGLE = "prometheus_client, one process"
OPENTELEMETRY = "opentelemetry-sdk"
STATSD = "statsd client, UDP to loopback"
PCP = "PCP's Python binding (MMV)"
#: Debian's python3-pcp is for the system's own interpreter.
SYSTEM = "/usr/bin/python3"

_OPENTELEMETRY = """
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
meter = MeterProvider(metric_readers=[InMemoryMetricReader()]).get_meter("benchmarks")
counter = meter.create_counter("counter")
histogram = meter.create_histogram("histogram")
gauge = meter.create_gauge("gauge")
routed = {"method": "GET", "status": "200"}
"""
_STATSD = """
import socket
from statsd import StatsClient
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("127.0.0.1", 0))
client = StatsClient("127.0.0.1", listener.getsockname()[1])
"""
_PCP = """
import os
os.makedirs(os.environ["PCP_TMP_DIR"] + "/mmv", exist_ok=True)
from cmmv import MMV_SEM_COUNTER, MMV_SEM_INSTANT, MMV_TYPE_U64
from pcp import mmv
from pcp.pmapi import pmUnits
values = mmv.MemoryMappedValues("benchmarks")
values.add_metrics([
    mmv.mmv_metric("counter", 1, MMV_TYPE_U64, MMV_SEM_COUNTER, pmUnits(0, 0, 1, 0, 0, 0), 0, "counted", "counted"),
    mmv.mmv_metric("gauge", 2, MMV_TYPE_U64, MMV_SEM_INSTANT, pmUnits(0, 0, 1, 0, 0, 0), 0, "set", "set"),
])
values.start()
counter, gauge = (values.lookup_mapping(name, None) for name in ("counter", "gauge"))
"""

#: By kind, ours first: what is timed, and of whom.
_KINDS: dict[str, dict[str, Statement]] = {
    "counter": {
        "ours": Statement(_MODEL, "stats", "stats.requests.inc()"),
        SINGLE: Statement(_PROMETHEUS, "counter", "counter.inc()"),
        OPENTELEMETRY: Statement(_OPENTELEMETRY, "counter", "counter.add(1)"),
        STATSD: Statement(_STATSD, "client", 'client.incr("counter")'),
        PCP: Statement(_PCP, "values, counter", "values.inc(counter)"),
        EMPTY: Statement(EMPTY_SETUP, "method", "method()"),
    },
    "gauge": {
        "ours": Statement(_MODEL, "stats", "stats.queued.set(3)"),
        SINGLE: Statement(_PROMETHEUS, "gauge", "gauge.set(3)"),
        OPENTELEMETRY: Statement(_OPENTELEMETRY, "gauge", "gauge.set(3)"),
        STATSD: Statement(_STATSD, "client", 'client.gauge("gauge", 3)'),
        PCP: Statement(_PCP, "values, gauge", "values.set(gauge, 3)"),
        EMPTY: Statement(EMPTY_SETUP, "method", "method()"),
    },
    "histogram": {
        "ours": Statement(_MODEL, "stats", "stats.body.observe(0.3)"),
        SINGLE: Statement(_PROMETHEUS, "histogram", "histogram.observe(0.3)"),
        OPENTELEMETRY: Statement(_OPENTELEMETRY, "histogram", "histogram.record(0.3)"),
        STATSD: Statement(_STATSD, "client", 'client.timing("histogram", 0.3)'),
        EMPTY: Statement(EMPTY_SETUP, "method", "method()"),
    },
    "label set, kept": {
        "ours": Statement(_MODEL, "child", "child.inc()"),
        SINGLE: Statement(_PROMETHEUS, "child", "child.inc()"),
        OPENTELEMETRY: Statement(_OPENTELEMETRY, "counter, routed", "counter.add(1, routed)"),
        EMPTY: Statement(EMPTY_SETUP, "method", "method()"),
    },
}


def peers(effort: Effort, notes: list[str]) -> Iterator[Figure]:
    """Nanoseconds of an update by kind, ours and theirs."""
    missing = _missing()
    notes += [f"{peer} is missing: {why}" for peer, why in missing.items()]
    with tempfile.TemporaryDirectory(dir=memory()) as directory:
        measures = {
            f"{kind}/{who}": partial(
                statement._replace(python=SYSTEM if who == PCP else None).times,
                effort.seconds,
                effort.values,
                **_variables(who, directory),
            )
            for kind, statements in _KINDS.items()
            for who, statement in statements.items()
            if who not in missing
        }
        found = in_turns(effort.rounds, measures)
    keys = {f"{kind}/{who}": (kind, who) for kind, statements in _KINDS.items() for who in statements}
    times: dict[tuple[str, str], Value] = {
        keys[name]: value([seconds * 1e9 for run in runs for seconds in run]) for name, runs in found.items()
    }
    for kind, statements in _KINDS.items():
        for who in statements:
            if who != "ours":
                yield Figure(f"an update of a {kind}", "ns", times[kind, "ours"], who, times.get((kind, who)))


def _variables(who: str, directory: str) -> dict[str, str]:
    return {"PCP_TMP_DIR": str(Path(directory) / "pcp")} if who == PCP else {"MMSTATS_PATH": directory}


def _missing() -> dict[str, str]:
    missing = {}
    try:
        import statsd  # noqa: F401
    except ImportError:
        missing[STATSD] = "the package statsd is not installed"
    probe = [SYSTEM, "-c", "import pcp.mmv"]
    if not shutil.which(SYSTEM) or subprocess.run(probe, capture_output=True, check=False).returncode:
        missing[PCP] = "Debian's package python3-pcp is not installed"
    return missing
