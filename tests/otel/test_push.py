"""Pushing to a real collector, while writers die and are folded, the collector fails, and directories come and go."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents2 import counter, put
from mmstats_testing.receiving import Collector, collector
from mmstats_testing.running import HANG_SECONDS, environment, python
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from mmstats_reader import clean
from mmstats_reader.otel import push_every
from mmstats_writer import Writer

#: So often that a test need not wait, and so seldom that there is one push at the beginning and one at the end.
OFTEN, SELDOM = 0.02, 1000.0

# Counts as much as each line says.
WORKER = """
import sys
from mmstats_writer import CounterField, GaugeField, HistogramField, MmStats, SummaryField

class Shop(MmStats):
    orders = CounterField(labelnames=("status",))
    amount = SummaryField()
    weight = HistogramField(bounds=(1.0, 2.0))
    inflight = GaugeField(combine="sum")

shop = Shop(path=sys.argv[1], app="shop", prefix="shop.")
for line in sys.stdin:
    for number in range(int(line)):
        shop.orders.labels(status=str(number % 2)).inc()
        shop.amount.observe(number)
        shop.weight.observe(number % 3)
    shop.inflight.set(1)
    print("done", flush=True)
"""


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment but that the collector is on this machine."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def listening() -> Iterator[Collector]:
    with collector() as it:
        yield it


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "stats"
    directory.mkdir()
    return directory


@contextmanager
def pushing(seconds: float, *where: Path, **options: Any) -> Iterator[None]:
    """Push in this process."""
    end = push_every(seconds, *where, **options)
    try:
        yield
    finally:
        end()


def to(listening: Collector, timeout: float = 10) -> OTLPMetricExporter:
    return OTLPMetricExporter(endpoint=f"{listening.endpoint}/v1/metrics", timeout=timeout)


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + HANG_SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def command(*arguments: str | Path, **changes: str) -> Iterator[subprocess.Popen[str]]:
    """The program; it is killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "mmstats_reader.otel", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**changes),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def worker(directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def work(process: subprocess.Popen[str], number: int) -> None:
    """Have a worker count that much, and wait until it has."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{number}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"


def test_totals_are_true_and_never_fall_while_workers_are_killed_and_folded(
    directory: Path, listening: Collector
) -> None:
    counts: list[int] = []
    workers = [worker(directory) for _ in range(4)]
    try:
        with pushing(OFTEN, directory, exporter=to(listening)):
            for number, process in enumerate(workers, 1):
                counts.append(10 * number)
                work(process, counts[-1])
                found = listening.more()[-1].services["shop"]
                assert sum(found["shop.orders"].values.values()) == sum(counts)
                assert found["shop.inflight"].values == {(): 1.0}, "those that were killed have nothing in flight"
                process.kill()
                process.communicate()
                if number % 2:
                    assert "folded" in {cleaned.action for cleaned in clean(directory, fold=True)}
    finally:
        for process in workers:
            process.kill()
            process.communicate()
    pushes = [push.services["shop"] for push in listening.pushes if "shop" in push.services]
    found = pushes[-1]
    halves = [sum(-(-count // 2) for count in counts), sum(count // 2 for count in counts)]
    assert found["shop.orders"].values == {(("status", str(number)),): half for number, half in enumerate(halves)}
    assert found["shop.amount.count"].values == {(): sum(counts)}
    assert found["shop.amount.sum"].values == {(): sum(sum(range(count)) for count in counts)}
    assert (found["shop.amount.min"].values, found["shop.amount.max"].values) == ({(): 0.0}, {(): max(counts) - 1.0})
    weights = [[sum(number % 3 == rest for number in range(count)) for count in counts] for rest in range(3)]
    buckets = (sum(weights[0]) + sum(weights[1]), sum(weights[2]), 0)
    total = sum(weights[1]) + 2.0 * sum(weights[2])
    assert found["shop.weight"].values == {(): (sum(counts), total, (1.0, 2.0), buckets)}
    for name in ("shop.orders", "shop.amount.count", "shop.weight"):
        points = [point for push in pushes if name in push for point in push[name].points.items()]
        for attributes in {attributes for attributes, _ in points}:
            series = [point for those, point in points if those == attributes]
            assert len({point.start for point in series}) == 1, f"{name} begins anew"
            assert [point.value for point in series] == sorted(point.value for point in series), f"{name} falls"
            assert [point.time for point in series] == sorted({point.time for point in series})


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["terminated", "Ctrl-C"]
)
def test_the_program_pushes_a_last_time_and_ends_quietly(
    number: signal.Signals, status: int, directory: Path, listening: Collector
) -> None:
    writer = Writer(directory, app="shop")
    done = writer.counter("done", unit="bytes")
    with command(
        "--every", str(SELDOM), "--endpoint", listening.endpoint, directory, OTEL_EXPORTER_OTLP_COMPRESSION="gzip"
    ) as process:
        listening.wait(1)
        done.inc(5)
        process.send_signal(number)
        assert (*process.communicate(timeout=HANG_SECONDS), process.returncode) == ("", "", status)
    writer.remove()
    first, last = listening.pushes
    assert last.headers["content-encoding"] == "gzip"
    assert [push.services["shop"]["done"].values for push in (first, last)] == [{(): 0}, {(): 5}]


def test_the_environment_says_where_the_collector_is_and_how_often(directory: Path, listening: Collector) -> None:
    """A collector that fails for a while is told of in two lines, and misses no count."""
    put(directory, counter("n", 5))
    listening.status = 503
    with command(
        directory,
        OTEL_EXPORTER_OTLP_ENDPOINT=listening.endpoint,
        OTEL_EXPORTER_OTLP_TIMEOUT="2",
        OTEL_METRIC_EXPORT_INTERVAL="50",
    ) as process:
        listening.wait(asked=4)
        listening.status = 200
        pushes = listening.wait(2)
        process.terminate()
        _, errors = process.communicate(timeout=HANG_SECONDS)
    assert {said.values[()] for push in pushes for said in push.services["shop"].values()} == {5}
    failed, again = errors.splitlines()
    assert failed.startswith("mmstats_reader.otel: the collector: ")
    assert "Service Unavailable" in failed
    assert again == "mmstats_reader.otel: the collector: it takes metrics again"


def test_a_collector_that_is_not_there_is_told_of_once(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines: list[str] = []
    put(directory, counter("n", 5))
    exporter = OTLPMetricExporter(endpoint=f"http://127.0.0.1:{port}/v1/metrics", timeout=0.1)
    rounds = _counted(exporter)
    with pushing(OFTEN, directory, exporter=exporter, report=lines.append):
        until(lambda: rounds[0] > 2)
    assert [line.partition(": ")[0] for line in lines] == ["the collector"]


def test_a_collector_that_does_not_answer_in_time_is_asked_again(directory: Path, listening: Collector) -> None:
    lines: list[str] = []
    put(directory, counter("n", 5))
    listening.seconds = 1.0
    with pushing(OFTEN, directory, exporter=to(listening, timeout=0.1), report=lines.append):
        until(lambda: bool(lines))
        listening.seconds = 0.0
        until(lambda: len(lines) == 2)
        assert listening.more()[-1].services["shop"]["n"].values == {(): 5}
    assert [line.partition(": ")[0] for line in lines] == ["the collector"] * 2


def _counted(exporter: OTLPMetricExporter) -> list[int]:
    """How often it was asked to push."""
    rounds, export = [0], exporter.export

    def counting(*arguments: Any, **named: Any) -> MetricExportResult:
        rounds[0] += 1
        return export(*arguments, **named)

    exporter.export = counting  # type: ignore[method-assign]
    return rounds


class Scripted(MetricExporter):
    """An exporter that waits for leave, and does then as it is told: what it returns, or raises."""

    def __init__(self, *answers: MetricExportResult | Exception) -> None:
        super().__init__()
        self.answers, self.asked, self.ended = list(answers), 0, False
        self.began, self.leave = threading.Event(), threading.Event()

    def export(self, metrics_data: MetricsData, timeout_millis: float = 0, **named: Any) -> MetricExportResult:
        self.asked += 1
        self.began.set()
        assert self.leave.wait(HANG_SECONDS)
        answer = self.answers.pop(0) if self.answers else MetricExportResult.SUCCESS
        if isinstance(answer, Exception):
            raise answer
        return answer

    def force_flush(self, timeout_millis: float = 0) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 0, **named: Any) -> None:
        self.ended = True


@pytest.mark.parametrize(
    ("answer", "asked"), [(MetricExportResult.SUCCESS, 2), (MetricExportResult.FAILURE, 1)], ids=["taken", "failed"]
)
def test_at_the_end_there_is_a_last_push_unless_the_one_before_was_still_failing(
    answer: MetricExportResult, asked: int, directory: Path
) -> None:
    put(directory, counter("n", 5))
    exporter = Scripted(answer)
    end = push_every(SELDOM, directory, exporter=exporter)
    assert exporter.began.wait(HANG_SECONDS)
    ending = threading.Thread(target=end)
    ending.start()
    until(lambda: ending.is_alive())
    time.sleep(0.1)  # until it waits
    exporter.leave.set()
    ending.join(HANG_SECONDS)
    assert (exporter.asked, exporter.ended) == (asked, True)


def test_an_exporter_that_raises_is_told_of_and_asked_again(directory: Path) -> None:
    put(directory, counter("n", 5))
    exporter, lines = Scripted(RuntimeError("no credentials")), list[str]()
    exporter.leave.set()
    with pushing(OFTEN, directory, exporter=exporter, report=lines.append):
        until(lambda: len(lines) == 2)
    assert lines == [
        "the collector: RuntimeError: no credentials; it is tried again, and no count is lost",
        "the collector: it takes metrics again",
    ]


def test_what_cannot_be_read_is_told_of_once_and_the_rest_is_pushed(tmp_path: Path, listening: Collector) -> None:
    directory, bad = tmp_path / "stats", tmp_path / "stats" / "bad.mmstats"
    lines: list[str] = []
    with pushing(OFTEN, directory, exporter=to(listening), report=lines.append):
        until(lambda: len(lines) == 1)
        directory.mkdir()
        until(lambda: len(lines) == 2)
        put(directory, counter("n", 5))
        bad.write_bytes(b"\x02 is no statistics file")
        until(lambda: len(lines) == 3)
        pushes = listening.more()
    assert pushes[-1].services["shop"]["n"].values == {(): 5}
    assert lines[:2] == [f"{directory}: No such file or directory", f"no statistics files in {directory}"]
    assert lines[2].startswith(f"{bad}: truncated")
    assert len(lines) == 3


@pytest.mark.parametrize(
    "arguments",
    [["--every", "0"], ["--every", "nan"], ["--every", "often"], ["--endpoint", "localhost:4318"], ["--delta"]],
    ids=" ".join,
)
def test_wrong_arguments_are_status_2(arguments: list[str]) -> None:
    done = python("-m", "mmstats_reader.otel", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: " in done.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    package = tmp_path / "opentelemetry"
    package.mkdir()
    package.joinpath("__init__.py").touch()
    done = python("-m", "mmstats_reader.otel", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mmstats_reader.otel: it needs an extra: pip install 'mmstats-format[otel]'\n"
