"""uWSGI, which forks in C: no two processes write one file where it is told of forks, or has none to tell (V2-W12).

`make e2e` installs it.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from mmstats_testing.counted import counted
from mmstats_testing.running import skip_or_fail
from mmstats_testing.serving import ENDLESS, Load, Server, served

HERE = Path(__file__).parent
UWSGI = Path(sys.executable).with_name("uwsgi")
WORKERS = 3
REQUESTS = 400

#: How the writer gets to know of forks: by `after_fork` in uWSGI's hook, by Python's hooks, or not at all, which will
#: do where the application is imported after the fork.
TOLD = {"TOLD_OF_FORKS": "1"}
WAYS = {
    "after_fork": ((), TOLD),
    "after_fork, with threads": (("--threads=3",), TOLD),
    "after_fork and Python's hooks": (("--py-call-uwsgi-fork-hooks",), TOLD),
    "Python's hooks": (("--py-call-uwsgi-fork-hooks",), {}),
    "Python's hooks, with threads": (("--py-call-uwsgi-fork-hooks", "--threads=3"), {}),
    "imported after the fork": (("--lazy-apps",), {}),
    "all of them": (("--lazy-apps", "--py-call-uwsgi-fork-hooks", "--threads=3"), TOLD),
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the statistics appear."""
    if not UWSGI.exists():
        skip_or_fail("uWSGI is not installed; `make e2e` installs it")
    directory = tmp_path / "stats"
    directory.mkdir()
    return directory


def uwsgi(directory: Path, way: str) -> AbstractContextManager[Server]:
    options, changes = WAYS[way]
    command = [str(UWSGI), "--http-socket", "fd://{fd}", "--master", "--processes", str(WORKERS), "--home", sys.prefix]
    return served(
        [*command, "--need-app", "--module", "application", *options],
        directory.with_name("output"),
        HERE,
        MMSTATS_PATH=str(directory),
        **changes,
    )


@pytest.mark.parametrize("way", WAYS)
def test_each_file_counts_what_its_thread_answered(directory: Path, way: str) -> None:
    with uwsgi(directory, way) as server:
        load = Load(server.port, REQUESTS).wait()
        found = counted(directory)
        assert (load.answers.total(), load.lost) == (REQUESTS, 0), server.output
        assert +found == load.answers
        if "--lazy-apps" not in WAYS[way][0]:  # the parent's file is there, with what the parent did and nothing else
            parent = f"{server.pid} {server.pid}"
            assert +counted(directory, "imports") == {parent: 1}
            assert found.keys() - load.answers.keys() == {parent}


@pytest.mark.parametrize("way", ["after_fork", "Python's hooks"])
def test_a_worker_that_takes_the_place_of_a_killed_one_begins_anew(directory: Path, way: str) -> None:
    with uwsgi(directory, way) as server:
        load = Load(server.port, ENDLESS)
        victim = min(load.reach_writers(WORKERS))
        os.kill(int(victim.split()[0]), signal.SIGKILL)
        load.reach_writers(WORKERS + 1)
        server.stop(signal.SIGINT)
        load.wait()
        found = counted(directory)
        assert 0 <= found[victim] - load.answers[victim] <= load.lost, server.output
        assert load.answers <= found
        assert found.total() <= load.answers.total() + load.lost
