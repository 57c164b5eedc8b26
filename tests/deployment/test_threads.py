"""Threads as programs really have them: short ones, pools, one for each request, tasks, greenlets (V2-W13)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.counted import counted, here
from mmstats_testing.running import HANG_SECONDS, environment
from mmstats_testing.serving import HOST, Load

from mmstats_reader import Directory
from mmstats_writer import CounterField, GaugeField, MmStats, TimerField


class Stats(MmStats):
    """What each thread counts, in words and latches, with a label and without."""

    requests = CounterField()
    by_kind = CounterField(labelnames=("kind",))
    inflight = GaugeField(combine="sum")
    latency = TimerField()

    def use(self, kind: object = "any") -> None:
        """One request."""
        self.inflight.inc()
        with self.latency.time():
            self.by_kind.labels(kind=kind).inc()
        self.requests.inc()
        self.inflight.dec()


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the statistics appear."""
    monkeypatch.setenv("MMSTATS_PATH", str(tmp_path))
    return tmp_path


def check(directory: Path, requests: int) -> None:
    """All was counted, once, in every sort of metric."""
    with Directory(directory) as stats:
        view = stats.poll()
    totals = [view.total(name) for name in ("requests", "by_kind", "inflight")]
    assert (*totals, view.total("latency").count) == (requests, requests, 0, requests)


def files(directory: Path) -> int:
    """How many there are of other threads than this one."""
    return len(os.listdir(directory)) - 1


def test_ten_thousand_short_threads_leave_no_more_files_than_ran_at_once(directory: Path) -> None:
    stats, at_once = Stats(), 8
    running: deque[threading.Thread] = deque()
    for number in range(10_000):
        if len(running) == at_once:
            running.popleft().join()
        running.append(threading.Thread(target=stats.use, args=(number % 10,)))
        running[-1].start()
    for thread in running:
        thread.join()
    assert 0 < files(directory) <= at_once
    check(directory, 10_000)


def test_pools_one_after_the_other_share_the_files_of_one(directory: Path) -> None:
    stats, workers = Stats(), 4
    for _ in range(100):
        with ThreadPoolExecutor(workers) as executor:
            list(executor.map(stats.use, range(20)))
    assert 0 < files(directory) <= workers
    check(directory, 2000)


class Server(ThreadingHTTPServer):
    """A thread for each request."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, stats: Stats) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stats.use(self.client_address[1] % 10)
                body = here().encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__((HOST, 0), Handler)
        self.most = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        # Nothing else makes threads, so this is the most that are there until the next one is made.
        self.most = max(self.most, len(os.listdir("/proc/self/task")) + 1)
        super().process_request(request, client_address)


def test_a_thread_for_each_request_under_load(directory: Path) -> None:
    stats, clients = Stats(), 6
    with Server(stats) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        others = len(os.listdir("/proc/self/task")) + clients
        load = Load(server.server_port, 1000, clients).wait()
        server.shutdown()
        serving.join()
    assert (load.answers.total(), load.lost) == (1000, 0)
    assert len(load.answers) > clients
    assert 0 < files(directory) <= server.most - others
    check(directory, 1000)


def test_tasks_share_the_file_of_their_loops_thread(directory: Path) -> None:
    stats = Stats()

    async def task(number: int) -> None:
        stats.inflight.inc()
        async with stats.latency.time():
            await asyncio.sleep(0)
            stats.by_kind.labels(kind=number % 10).inc()
            await asyncio.sleep(0)
        stats.requests.inc()
        await asyncio.sleep(0)
        stats.inflight.dec()

    async def main() -> None:
        await asyncio.gather(*map(task, range(1000)))

    asyncio.run(main())
    assert counted(directory) == {here(): 1000}
    check(directory, 1000)


def run_patched(program: str, directory: Path) -> None:
    """Run a program in which greenlets pass for threads, and `Stats` has counters."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PATCHED) + textwrap.dedent(program)],
        env=environment(MMSTATS_PATH=str(directory), PYTHONPATH=str(Path(__file__).parents[1] / "support")),
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr


PATCHED = """
    from gevent import monkey
    monkey.patch_all()
    import os, threading, time
    import gevent
    from mmstats_testing.counted import counted, here
    from mmstats_writer import CounterField, MmStats

    class Stats(MmStats):
        requests = CounterField()
        by_kind = CounterField(labelnames=("kind",))

    pool = gevent.get_hub().threadpool
    whose = here()
"""


def test_greenlets_share_the_file_of_their_thread_and_threads_of_gevents_pool_have_their_own(directory: Path) -> None:
    program = """
        stats = Stats()

        def work():
            for _ in range(10):
                stats.requests.inc()
                time.sleep(0)

        def elsewhere():
            stats.requests.inc(1000)
            return here()

        gevent.joinall([gevent.spawn(work) for _ in range(50)])
        green = [threading.Thread(target=work) for _ in range(50)]
        for thread in green:
            thread.start()
        for thread in green:
            thread.join()
        threads = {pool.apply(elsewhere) for _ in range(3)}
        found = counted(os.environ["MMSTATS_PATH"])
        assert found.pop(whose) == 1000, found
        assert whose not in threads
        assert found.keys() == threads
        assert found.total() == 3000
    """
    run_patched(program, directory)


def test_no_other_greenlet_has_its_turn_in_an_update_that_waits_for_another_thread(directory: Path) -> None:
    """A thread's first update makes its file, and waits where another thread makes one."""
    program = """
        sleep = monkey.get_original("time", "sleep")
        link, amid = os.link, []

        def link_late(*arguments, **named):
            if here() != whose:
                amid.append(here())
                sleep(0.2)
            link(*arguments, **named)

        def work(number):
            turns.append(number)
            stats.by_kind.labels(kind=number).inc()
            turns.append(number)

        turns = []
        stats = pool.apply(Stats)  # so this thread has no file yet
        os.link = link_late
        other = pool.spawn(Stats)
        while not amid:
            gevent.sleep(0.001)
        gevent.joinall([gevent.spawn(work, number) for number in range(3)])
        other.get()
        assert turns == [0, 0, 1, 1, 2, 2], turns
    """
    run_patched(program, directory)
