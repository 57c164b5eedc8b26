"""The examples for servers and worker pools, under real ones: what the files count is what was asked for."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from mmstats_testing.running import HANG_SECONDS, environment, python
from mmstats_testing.serving import HOST, Load, Server, served

from mmstats_reader import Directory, View, clean, read

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
HOWTO = ROOT / "docs/howto"
WORKERS = 2
CLOSED = "the writer closed the file"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the statistics appear."""
    directory = tmp_path / "stats"
    directory.mkdir()
    return directory


def look(directory: Path) -> View:
    with Directory(directory) as stats:
        view = stats.poll()
    assert dict(view.errors) == {}
    return view


def commands(page: str, directory: Path) -> list[list[str]]:
    """The lines of a page's shell blocks that look at or clean statistics, those that go on for one round only.

    Those that clean come last, and the directory is in place of the page's.
    """
    blocks = re.findall(r"^```sh\n(.*?)^```", (HOWTO / page).read_text(encoding="utf-8"), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines() if re.match("(slurp|poll|clean)stats ", line)]
    assert lines, f"{page} shows no commands"
    lines = [re.sub(r" --every \d+", "", line).replace("/dev/shm/mmstats", str(directory)) for line in lines]
    return [shlex.split(line) for line in sorted(lines, key=lambda line: line.startswith("clean"))]


def shown(command: list[str]) -> str:
    """What a command prints, as the page has it."""
    done = subprocess.run(
        [Path(sys.executable).with_name(command[0]), *command[1:]],
        env=environment(NO_COLOR="1"),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


# --- FastAPI under uvicorn.


def uvicorn(directory: Path, *options: str) -> AbstractContextManager[Server]:
    command = [sys.executable, "-m", "uvicorn", "--fd", "{fd}", "--workers", str(WORKERS), *options]
    return served([*command, "fastapi_app:app"], directory.with_name("output"), EXAMPLES, MMSTATS_PATH=str(directory))


def worker_of(answer: str) -> int:
    worker: int = json.loads(answer)["worker"]
    return worker


def test_the_sum_over_uvicorn_s_workers_is_what_the_client_counted(directory: Path) -> None:
    asked: Counter[tuple[str, int]] = Counter()
    answered: Counter[int] = Counter()
    with uvicorn(directory) as server:
        until = time.monotonic() + HANG_SECONDS
        while len(answered) < WORKERS:
            load = Load(server.port, 40).wait()
            assert load.lost == 0, server.output
            for answer, times in load.answers.items():
                answered[worker_of(answer)] += times
            assert time.monotonic() < until, f"only {set(answered)} answered: {server.output}"
        asked["GET", 200] = answered.total()
        with httpx.Client(base_url=f"http://{HOST}:{server.port}", timeout=HANG_SECONDS, trust_env=False) as client:
            for method, path in (("POST", "/orders"), ("GET", "/broken"), ("GET", "/nothing"), ("POST", "/orders")):
                asked[method, client.request(method, path).status_code] += 1
        assert set(asked) == {("GET", 200), ("POST", 200), ("GET", 500), ("GET", 404)}
        live = look(directory)
        assert {process.pid for process in live.processes} == set(answered), server.output
        assert {process.state for process in live.processes} == {"live"}
        lines, series, cleaned = (shown(command) for command in commands("fastapi.md", directory))
        assert lines.splitlines()[-1].split() == [str(asked.total()), "0", str(asked["GET", 500])]
        assert series.count("==> ") >= WORKERS
        assert "kept" in cleaned
        server.stop()
        said = server.output
    dead = look(directory)
    for view in (live, dead):
        for (method, status), times in asked.items():
            assert view.total("http.requests", method=method, status=str(status)) == times, said
        assert view.total("http.requests") == asked.total()
        assert view.total("http.duration").count == asked.total()
        assert view.total("http.errors") == asked["GET", 500]
        assert view.total("shop.orders") == asked["POST", 200]
    assert (live.total("http.inflight"), dead.total("http.inflight")) == (0, None)
    # As the page says: uvicorn's workers end by the signal, and close nothing.
    assert {process.reason for process in dead.processes} == {f"process {pid} is gone" for pid in answered}
    assert {cleaned.action for cleaned in clean(directory, fold=True)} == {"folded"}
    assert look(directory).total("http.requests") == asked.total()


# --- Celery.

SENDER = """
import celery_app

for number in range(8):
    celery_app.add.delay(number, 1)
    if number % 4 == 0:
        celery_app.divide.delay(number, 0)
"""
ADDED, DIVIDED = 8, 2


@pytest.fixture
def broker(tmp_path: Path) -> Path:
    """The directory that is Celery's broker."""
    broker = tmp_path / "broker"
    for name in ("queue", "control"):
        broker.joinpath(name).mkdir(parents=True)
    return broker


def send(program: str, broker: Path) -> None:
    """Run a program that sends tasks."""
    sent = python("-c", program, BROKER=str(broker), PYTHONPATH=str(EXAMPLES), MMSTATS_DISABLE="1")
    assert (sent.returncode, sent.stderr) == (0, "")


def celery(broker: Path, directory: Path, *options: str) -> AbstractContextManager[Server]:
    command = [sys.executable, "-m", "celery", "--app", "celery_app", "worker", "--concurrency", str(WORKERS)]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO", *options]
    output = directory.with_name("output")
    return served(command, output, EXAMPLES, BROKER=str(broker), MMSTATS_PATH=str(directory))


@pytest.mark.parametrize("options", [(), ("--max-tasks-per-child=1",)], ids=["prefork", "a process for each task"])
def test_celery_s_tasks_are_counted_once_over_all_processes(
    directory: Path, broker: Path, options: tuple[str, ...]
) -> None:
    send(SENDER, broker)
    with celery(broker, directory, *options) as worker:
        eventually(lambda: counted(look(directory)) == ADDED + DIVIDED, worker)
        worker.stop()
        said = worker.output
    view = look(directory)
    assert view.total("celery.tasks", task="celery_app.add", state="SUCCESS") == ADDED, said
    assert view.total("celery.tasks", task="celery_app.divide", state="FAILURE") == DIVIDED, said
    assert view.total("celery.tasks") == view.total("celery.runtime").count == ADDED + DIVIDED
    # As the page says: the parent closes its file, the pool's processes do not.
    children = [process for process in view.processes if process.pid != worker.pid]
    assert [process.reason for process in children] == [f"process {process.pid} is gone" for process in children]
    assert [process.reason for process in view.processes if process.pid == worker.pid] == [CLOSED]
    if options:
        assert len(children) == ADDED + DIVIDED
    lines, *cleaned = (shown(command) for command in commands("worker-pools.md", directory))
    assert lines.splitlines()[-1].split()[:2] == [str(ADDED + DIVIDED), "-"]
    assert "folded" in cleaned[0]
    assert [path.name for path in directory.glob("*.mmstats")] == ["shop.archive.mmstats"]
    assert look(directory).total("celery.tasks") == ADDED + DIVIDED


def test_a_task_whose_process_is_killed_runs_no_more_and_is_in_no_count(directory: Path, broker: Path) -> None:
    with celery(broker, directory) as worker:
        send("import celery_app\ncelery_app.die.delay()", broker)
        eventually(lambda: "signal 9 (SIGKILL)" in worker.output, worker)
        killed = [process for process in look(directory).processes if process.state == "dead"]
        assert [read(process.path)["celery.running"] for process in killed] == [1]
        send("import celery_app\ncelery_app.add.delay(1, 1)", broker)
        eventually(lambda: counted(look(directory)) == 1, worker)
        assert look(directory).total("celery.running") == 0


def counted(view: View) -> int:
    """The tasks that ended, before the worker has declared any too."""
    tasks: int = view.total("celery.tasks") if "celery.tasks" in view else 0
    return tasks


def eventually(true: Callable[[], bool], server: Server) -> None:
    """Wait until it is so."""
    until = time.monotonic() + HANG_SECONDS
    while not true():
        assert time.monotonic() < until, server.output
        time.sleep(0.05)


# --- A pool of processes.


def test_a_process_pool_counts_the_same_with_each_start_method() -> None:
    done = python(EXAMPLES / "worker_pool.py")
    assert (done.returncode, done.stderr) == (0, "")
    methods = ["fork", "spawn", "forkserver"] if os.name == "posix" else ["spawn"]
    lines = [f"{method}: 15 done, 5 failed, 5 of them seen here; {CLOSED}" for method in methods]
    assert sorted(done.stdout.splitlines()) == sorted(lines)
