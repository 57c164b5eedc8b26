"""A real Prometheus that scrapes mmash while workers fork, are killed, and are folded."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.mmashing import mmash
from mmstats_testing.running import HANG_SECONDS, environment, skip_or_fail
from mmstats_testing.scraping import Prometheus, prometheus, until
from mmstats_testing.vectors import DIRECTORY, DIRECTORY2
from mmstats_testing.written import number
from prometheus_client import CollectorRegistry, generate_latest, start_http_server

from mmstats_format import parse
from mmstats_reader import clean
from mmstats_reader.prometheus import Collector, textfile

GENERATIONS = 10
WORKERS = 4
#: The parent of a pre-forking server. A line lets it fork workers, which count until another line lets it kill them.
PARENT = f"""
import os, signal, sys, time
from mmstats_writer import CounterField, GaugeField, HistogramField, MmStats

class Web(MmStats):
    requests = CounterField("http.requests", labelnames=("method",))
    busy = CounterField(unit="seconds", type=float)
    latency = HistogramField(unit="seconds", bounds=(0.25, 1.0))
    inflight = GaugeField(combine="sum")

web = Web(path=sys.argv[1], app="shop")
web.inflight.set(0)
get = web.requests.labels(method="GET")
while sys.stdin.readline():
    workers = []
    for _ in range({WORKERS}):
        pid = os.fork()
        if not pid:
            web.inflight.set(1)
            while True:
                get.inc()
                web.busy.inc(0.5)
                web.latency.observe(0.25)
                time.sleep(0.001)
        workers.append(pid)
    print(*workers, flush=True)
    sys.stdin.readline()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    print(flush=True)
"""


class Server:
    """A pre-forking server whose workers come and go.

    Attributes:
        counted: what all workers that have gone had counted, by the names of the samples.
    """

    def __init__(self, directory: Path, process: subprocess.Popen[str]) -> None:
        self.counted: dict[str, float] = {}
        self._directory, self._process = directory, process

    def fork(self) -> set[str]:
        """Have new workers; gives their pids."""
        return set(self._next().split())

    def kill(self, workers: set[str]) -> None:
        """Kill the workers wherever they are, and look what each had counted: with the format's schema alone."""
        self._next()
        for pid in workers:
            (path,) = self._directory.glob(f"*-{pid}-*.mmstats")
            document: Any = parse(path.read_bytes()).canonical()
            requests, busy, latency, _ = [family["series"][0]["value"] for family in document["families"]]
            below, within, above = map(int, latency["counts"])
            self._add('http_requests_total{method="GET"}', int(requests))
            self._add("busy_seconds_total", number(busy))
            self._add("latency_seconds_sum", number(latency["sum"]))
            for bound, count in [("0.25", below), ("1.0", below + within), ("+Inf", below + within + above)]:
                self._add(f'latency_seconds_bucket{{le="{bound}"}}', count)
            self._add("latency_seconds_count", below + within + above)

    def _add(self, name: str, count: float) -> None:
        self.counted[name] = self.counted.get(name, 0) + count

    def _next(self) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "stats").mkdir()
    return tmp_path / "stats"


@pytest.fixture
def server(place: Path) -> Iterator[Server]:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    ) as process:
        try:
            yield Server(place, process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def scraper(place: Path, tmp_path: Path) -> Iterator[Prometheus]:
    """Prometheus, which scrapes an mmash that reads the place."""
    with mmash(place) as web, prometheus(tmp_path / "prometheus", {"mmash": (web.port, "200ms")}) as scraper:
        yield scraper


def test_what_prometheus_has_is_what_was_counted_and_never_falls(
    server: Server, scraper: Prometheus, place: Path
) -> None:
    """Also while workers are forked, killed at any moment, and folded."""
    for _ in range(GENERATIONS):
        workers = server.fork()
        until(workers.issubset, partial(live, scraper))
        server.kill(workers)
        assert {cleaned.action for cleaned in clean(place, fold=True)} == {"folded", "kept"}
        until(workers.isdisjoint, partial(live, scraper))
    for series, count in server.counted.items():
        assert count > 0
        until(partial(eq, count), partial(scraper.value, series))
        (values,) = scraper.query(f"{series}[5m]").values()
        assert values == sorted(values)
        assert len(set(values)) >= GENERATIONS  # it was seen to grow
        assert scraper.value(f"resets({series}[5m])") == 0
    assert scraper.value("inflight") == 0
    assert scraper.value("mmstats_errors") == 0
    assert scraper.ask("metadata", metric="latency_seconds")["latency_seconds"] == [
        {"type": "histogram", "help": "", "unit": "seconds"}  # the unit is only said in OpenMetrics
    ]


def live(scraper: Prometheus) -> set[str]:
    """The processes that Prometheus knows to live."""
    return {dict(series)["pid"] for series in scraper.query("process_start_time_seconds")}


@pytest.fixture
def everything() -> CollectorRegistry:
    """All that the vectors say, of both versions, valid and invalid."""
    registry = CollectorRegistry()
    registry.register(Collector(DIRECTORY, DIRECTORY2))
    return registry


@pytest.mark.long
def test_prometheus_reads_what_all_vectors_say(everything: CollectorRegistry, tmp_path: Path) -> None:
    web, thread = start_http_server(0, "127.0.0.1", everything)
    try:
        with prometheus(tmp_path / "prometheus", {"vectors": (web.server_port, "2s")}) as scraper:
            until(partial(eq, 1), partial(scraper.value, "up"))
            scraped = scraper.value("scrape_samples_scraped")
    finally:
        web.shutdown()
        web.server_close()
        thread.join(HANG_SECONDS)
    assert scraped == sum(len(metric.samples) for metric in everything.collect())


def test_node_exporters_parser_reads_what_all_vectors_say(everything: CollectorRegistry) -> None:
    """Promtool has the same parser; what else it finds fault with is that metrics have no help."""
    program = shutil.which("promtool")
    if program is None:
        skip_or_fail("there is no promtool (Debian: prometheus)")
    for page in generate_latest(everything), textfile(list(everything.collect())):
        done = subprocess.run([program, "check", "metrics"], input=page, capture_output=True, check=False)
        assert done.returncode in (0, 3), done.stderr
