"""gunicorn with several workers under load: each counts what it answers, in files of its own (V2-W12)."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from mmstats_testing.counted import counted
from mmstats_testing.running import HANG_SECONDS
from mmstats_testing.serving import ENDLESS, Load, Server, served
from mmstats_testing.written import bits, canonical, values

from mmstats_reader import Directory

HERE = Path(__file__).parent
WORKERS = 3
REQUESTS = 400


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the statistics appear."""
    directory = tmp_path / "stats"
    directory.mkdir()
    return directory


def gunicorn(directory: Path, *options: str) -> AbstractContextManager[Server]:
    command = [sys.executable, "-m", "gunicorn", "--bind", "fd://{fd}", "--workers", str(WORKERS)]
    return served(
        [*command, "--no-control-socket", *options, "application:application"],
        directory.with_name("output"),
        HERE,
        MMSTATS_PATH=str(directory),
    )


def imports(directory: Path) -> Counter[str]:
    """Who imported the application, as often as it did."""
    return +counted(directory, "imports")


@pytest.mark.parametrize(
    "options", [(), ("--threads=3",), ("--worker-class=gevent",)], ids=["sync", "threads", "gevent"]
)
@pytest.mark.parametrize("preload", [True, False], ids=["preload", "no preload"])
def test_each_file_counts_what_its_thread_answered(directory: Path, options: tuple[str, ...], preload: bool) -> None:
    with gunicorn(directory, *options, *["--preload"] * preload) as server:
        load = Load(server.port, REQUESTS).wait()
        found = counted(directory)
        assert (load.answers.total(), load.lost) == (REQUESTS, 0), server.output
        assert +found == load.answers
        if preload:  # the parent's file is there, with what the parent did and nothing else
            parent = f"{server.pid} {server.pid}"
            assert imports(directory) == {parent: 1}
            assert found.keys() - load.answers.keys() == {parent}
        if "--worker-class=gevent" in options:  # a file for its thread, none for a greenlet
            assert all(process == thread for process, thread in map(str.split, found))
    with Directory(directory) as stats:
        view = stats.poll()
    assert view.total("by_method", method="GET") == view.total("latency").count == REQUESTS


@pytest.mark.parametrize(
    "options", [(), ("--threads=3",), ("--worker-class=gevent",)], ids=["sync", "threads", "gevent"]
)
def test_a_graceful_reload_and_stop_amid_the_load_lose_nothing(directory: Path, options: tuple[str, ...]) -> None:
    with gunicorn(directory, "--preload", *options) as server:
        load = Load(server.port, ENDLESS)
        before = load.reach_writers(WORKERS)
        os.kill(server.pid, signal.SIGHUP)  # other workers take over
        load.reach_writers(len(before) + WORKERS)
        server.stop()
        load.wait()
        assert load.answers.total() + load.lost < ENDLESS, "the server outlived the load"
        assert +counted(directory) == load.answers, server.output
    files = list(directory.iterdir())
    assert {canonical(file)["state"] for file in files} == {"closed"}
    assert {values(file)["inflight"] for file in files} == {None, bits(0.0)}  # the parent's is unset


@pytest.mark.parametrize("options", [(), ("--worker-class=gevent",)], ids=["sync", "gevent"])
def test_a_worker_that_is_killed_leaves_what_it_answered(directory: Path, options: tuple[str, ...]) -> None:
    """Its last request may be counted and not answered; what it had in flight does not count any more."""
    with gunicorn(directory, "--preload", *options) as server:
        load = Load(server.port, 3 * REQUESTS)
        victim = min(load.reach_writers(WORKERS))
        os.kill(int(victim.split()[0]), signal.SIGKILL)
        load.wait()
        found = counted(directory)
        assert load.answers.total() + load.lost == 3 * REQUESTS
        assert 0 <= found[victim] - load.answers[victim] <= load.lost
        others = {writer: count for writer, count in load.answers.items() if writer != victim}
        assert {writer: count for writer, count in found.items() if count and writer != victim} == others
        with Directory(directory) as stats:
            view = stats.poll()
        assert [f"{process.pid} {process.thread}" for process in view.processes if process.state == "dead"] == [victim]
        assert view.total("inflight") == 0, server.output


def test_the_example_counts_and_times_every_request_and_folds_what_workers_leave(directory: Path) -> None:
    command = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", "fd://{fd}"]
    with served(
        [*command, "--no-control-socket", "gunicorn_app"],
        directory.with_name("output"),
        HERE.parents[1] / "examples",
        MMSTATS_PATH=str(directory),
    ) as server:
        load = Load(server.port, REQUESTS).wait()
        assert load.answers == {"Hello\n": REQUESTS}, server.output
        with Directory(directory) as stats:
            view = stats.poll()
            assert view.total("http.requests", method="GET") == view.total("http.latency").count == REQUESTS
            assert {process.app for process in view.processes} == {"shop"}
            workers = {process.pid for process in view.processes} - {server.pid}
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
            until = time.monotonic() + HANG_SECONDS
            while any(process.pid in workers for process in view.processes):
                assert time.monotonic() < until, server.output
                time.sleep(0.02)
                view = stats.poll()
            assert view.total("http.requests", method="GET") == view.total("http.latency").count == REQUESTS
            assert directory.joinpath("shop.archive.mmstats").exists()
