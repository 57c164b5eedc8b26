"""`Collector` in a registry of `prometheus_client`."""

from __future__ import annotations

import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import counter, gauge, myself, put, unknown, write2
from mmstats_testing.forking import in_child
from mmstats_testing.pages import Values, checked, parsed, parsed_text
from mmstats_testing.running import HANG_SECONDS, python, within
from prometheus_client import CollectorRegistry, make_wsgi_app

from mmstats_reader import Directory, View
from mmstats_reader.prometheus import Collector

PROCESS = (
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_start_time_seconds",
)


def page(*where: Path, **options: Any) -> Values:
    """What a collector of some places gives now."""
    return checked(Collector(*where, **options).collect())


def value(values: Values, name: str, **labels: str) -> float | None:
    """The value of a sample; None where there is none."""
    return values.get((name, frozenset(labels.items())))


def writers(values: Values, name: str = PROCESS[0]) -> set[tuple[str | None, str]]:
    """Of which processes a metric tells: application and pid."""
    found = [dict(labels) for metric, labels in values if metric == name]
    return {(labels.get("app"), labels["pid"]) for labels in found}


@pytest.fixture
def sleeping() -> Iterator[int]:
    """A process that has three descriptors and does nothing for long."""
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_registering_reads_nothing_and_a_directory_may_come_later(tmp_path: Path) -> None:
    place = tmp_path / "stats"
    registry = CollectorRegistry(auto_describe=True)
    registry.register(Collector(place))
    assert checked(registry.collect()) == {("mmstats_errors", frozenset()): 1}
    place.mkdir()
    put(place, counter("m", 3), counter("m", 4))
    values = checked(registry.collect())
    assert (value(values, "m_total"), value(values, "mmstats_errors")) == (7, 0)


def test_page_is_what_the_scraper_asks_for(tmp_path: Path) -> None:
    put(tmp_path, counter("m", 3))
    registry = CollectorRegistry()
    registry.register(Collector(tmp_path))
    application = make_wsgi_app(registry)
    for accept, type_, parse in [
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0", parsed),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4", parsed_text),
    ]:
        headers: list[tuple[str, str]] = []
        request = {"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "HTTP_ACCEPT": accept, "wsgi.input": io.BytesIO()}
        (body,) = application(request, lambda status, given, headers=headers: headers.extend(given))
        assert dict(headers)["Content-Type"].startswith(type_)
        assert value(parse(body.decode()), "m_total") == 3


def test_options_are_those_of_a_directory(tmp_path: Path) -> None:
    fields = two("ok", "Q", 3), one("hits", "I", 4)
    write(tmp_path / "x.mmstats", *fields)
    values = page(tmp_path, mapped=True, rate=["hits"], value=["ok"])
    assert (value(values, "hits_total"), value(values, "ok", pid="0", thread="0")) == (4, 3)


def test_what_cannot_be_read_is_counted_and_keeps_nothing_else_away(tmp_path: Path) -> None:
    put(tmp_path, counter("m", 3))
    (tmp_path / "bad.mmstats").write_bytes(b"\2")
    (tmp_path / "empty.mmstats").touch()
    values = page(tmp_path, tmp_path / "missing")
    assert (value(values, "mmstats_errors"), value(values, "m_total")) == (3, 3)


def test_files_are_counted_by_the_state_of_their_writers(tmp_path: Path) -> None:
    put(tmp_path, counter("m", 1), counter("m", 2))
    write2(tmp_path / "dead.mmstats", counter("m", 4), gauge("g", 1), **{**myself(), "process_start": 1})
    write2(tmp_path / "unknown.mmstats", counter("m", 8))
    values = page(tmp_path)
    assert [value(values, "mmstats_files", state=state) for state in ("live", "dead", "unknown")] == [2, 1, 1]
    assert (value(values, "m_total"), value(values, "g")) == (15, None)


def test_live_processes_are_told_of_once_each(tmp_path: Path, sleeping: int) -> None:
    put(tmp_path, counter("m"), counter("m"), thread_id=7)
    write2(tmp_path / "other.mmstats", counter("m"), app="jobs", **myself(sleeping))
    write2(tmp_path / "dead.mmstats", counter("m"), app="dead", **{**myself(sleeping), "process_start": 1})
    write2(tmp_path / "unknown.mmstats", counter("m"), app="unknown", pid=sleeping)
    values = page(tmp_path)
    for name in PROCESS:
        assert writers(values, name) == {("shop", str(os.getpid())), ("jobs", str(sleeping))}
    mine = {"app": "shop", "pid": str(os.getpid())}
    started = value(values, "process_start_time_seconds", **mine)
    assert started is not None
    assert started < time.time()
    seconds = value(values, "process_cpu_seconds_total", **mine)
    assert seconds is not None
    assert 0 < seconds <= time.process_time() + 1
    memory = value(values, "process_resident_memory_bytes", **mine)
    assert memory is not None
    assert memory > 1 << 20
    assert value(values, "process_open_fds", app="jobs", pid=str(sleeping)) == 3


def test_pid_of_another_namespace_is_nobody_here(tmp_path: Path) -> None:
    path = write2(tmp_path / "x.mmstats", counter("m"), **{**myself(), "pid_namespace": 1})
    with path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)  # by which another process would know that it lives
        values = in_child(lambda: page(tmp_path))
    assert value(values, "mmstats_files", state="live") == 1
    assert writers(values) == set()


@pytest.mark.parametrize(
    ("pid", "created", "told"),
    [(os.getpid(), 2**33, True), (os.getpid(), 1, False), (2**40, 2**33, False)],
    ids=["itself", "another one by now", "none"],
)
def test_version_1_file_that_is_locked_tells_of_a_process_that_is_older(
    pid: int, created: float, told: bool, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.mmstats", one("sys.pid", "Q", pid), one("sys.created", "d", created))
    with path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        values = in_child(lambda: page(tmp_path))
    assert value(values, "mmstats_files", state="live") == 1
    assert writers(values) == ({(None, str(pid))} if told else set())


@pytest.mark.parametrize("error", [psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess])
def test_what_is_not_told_of_a_process_has_no_sample(
    error: type[psutil.Error], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(process: psutil.Process) -> int:
        raise error(process.pid)

    put(tmp_path, counter("m", 3))
    monkeypatch.setattr(psutil.Process, "num_fds", refuse)
    values = page(tmp_path)
    assert [len(writers(values, name)) for name in PROCESS] == [1, 1, 0, 1]


def test_process_that_has_gone_meanwhile_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(pid: int) -> psutil.Process:
        raise psutil.NoSuchProcess(pid)

    put(tmp_path, counter("m", 3))
    monkeypatch.setattr(psutil, "Process", gone)
    values = page(tmp_path)
    assert (value(values, "m_total"), writers(values)) == (3, set())


def test_names_of_its_own_are_no_others(tmp_path: Path) -> None:
    put(tmp_path, (counter("mmstats_files"), gauge("process_open_fds"), gauge("process_cpu_seconds_total")))
    values = page(tmp_path)
    names = {name for name, _ in values}
    assert names >= {"mmstats_files_2_total", "process_open_fds_2", "process_cpu_seconds_total_2"}


DEFAULT_REGISTRY = """
import json, sys
from mmstats_testing.pages import checked
from prometheus_client import PROCESS_COLLECTOR, REGISTRY, Counter, Gauge
from mmstats_reader.prometheus import Collector

Gauge("mine", "").set(9)
Counter("requests", "").inc()
REGISTRY.register(Collector(sys.argv[1]))
before = checked(REGISTRY.collect())
REGISTRY.unregister(PROCESS_COLLECTOR)
after = checked(REGISTRY.collect())
print(json.dumps([{name: value for (name, labels), value in page.items()} for page in (before, after)]))
"""


def test_page_of_the_default_registry_is_valid_beside_what_others_have_there(tmp_path: Path) -> None:
    metrics = counter("requests", 3), gauge("mine", 4), gauge("python_info", 5)
    put(tmp_path, metrics)
    support = Path(__file__).parents[1] / "support"
    done = python("-c", DEFAULT_REGISTRY, tmp_path, PYTHONPATH=str(support))
    assert done.stderr == ""
    before, after = json.loads(done.stdout)
    expected = {
        "requests_total": 1,
        "requests_2_total": 3,
        "mine": 9,
        "mine_2": 4,
        "python_info": 1,
        "python_info_2": 5,
    }
    assert before.items() >= expected.items()
    assert after.items() >= expected.items()
    # Both have these metrics: what the client library knows of the process that answers, or the live processes.
    assert [{"process_open_fds", "process_max_fds"} & page.keys() for page in (before, after)] == [
        {"process_open_fds", "process_max_fds"},
        {"process_open_fds"},
    ]


def test_any_thread_may_collect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `Directory` is used by one at a time."""
    put(tmp_path, (counter("m", 3), unknown("n", 1)), counter("m", 4))
    collector = Collector(tmp_path)
    polling: list[int] = []

    def poll(directory: Directory) -> View:
        polling.append(threading.get_ident())
        time.sleep(0.01)
        assert polling == [threading.get_ident()]
        view = original(directory)
        polling.clear()
        return view

    original = Directory.poll
    monkeypatch.setattr(Directory, "poll", poll)
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda _: checked(collector.collect()), range(16)))
    assert {value(values, "m_total") for values in pages} == {7}


def test_forked_process_collects_though_another_thread_did_so_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, counter("m", 3))
    collector = Collector(tmp_path)
    inside, done = threading.Event(), threading.Event()

    def slow(directory: Directory) -> View:
        inside.set()
        done.wait(HANG_SECONDS)
        return original(directory)

    original = Directory.poll
    with monkeypatch.context() as patched:
        patched.setattr(Directory, "poll", slow)
        thread = threading.Thread(target=collector.collect)
        thread.start()
        inside.wait(HANG_SECONDS)

    def collect() -> Values:
        signal.alarm(HANG_SECONDS)
        return checked(collector.collect())

    with within():
        values = in_child(collect)
    done.set()
    thread.join()
    assert value(values, "m_total") == 3
