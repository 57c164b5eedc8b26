"""`run_flask_example`, and the commands of the original's README on what it publishes."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mmstats_testing.mmashing import Mmash, mmash
from mmstats_testing.running import HANG_SECONDS, environment
from mmstats_testing.serving import HOST, Load, Server, served

from mmstats_reader import Directory

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
WORKERS = 4
REQUESTS = 200
FAILURES = 3


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The script and its application, without an environment beside them: it runs with the one that tests them."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("examples", "run_flask_example"):
        tree.joinpath(name).symlink_to(ROOT / name)
    return tree


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where it is started."""
    directory = tmp_path / "current"
    directory.mkdir()
    return directory


@contextmanager
def example(tree: Path, directory: Path) -> Iterator[Server]:
    command: list[str | Path] = [tree / "run_flask_example", "--bind", "fd://{fd}"]
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    with served(command, directory.with_name("output"), directory, PATH=path) as server:
        until = time.monotonic() + HANG_SECONDS
        while len(os.listdir(directory)) < WORKERS:
            assert time.monotonic() < until, server.output
            time.sleep(0.02)
        yield server


def get(server: Server | Mmash, path: str) -> tuple[int, str]:
    """Status and text of an answer."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=HANG_SECONDS)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def command(line: str, directory: Path) -> str:
    """What a command prints that is typed into a shell there."""
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=directory,
        env=environment(PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_each_answer_is_counted_once_and_shown_by_each_command(tree: Path, directory: Path) -> None:
    with example(tree, directory) as server:
        answers = Load(server.port, REQUESTS).wait().answers
        assert answers == {"OK\n": REQUESTS}, server.output
        assert [get(server, "/500")[0] for _ in range(FAILURES)] == [500] * FAILURES
        status, text = get(server, "/status")
        assert status == 200
        assert {f"flask.example.ok {REQUESTS}", f"flask.example.bad {FAILURES}"} < set(text.splitlines())
        assert re.search(r"^flask\.example\.working .*True", text, re.M), "who answers this is at work"

        with Directory(directory) as stats:
            view = stats.poll()
        assert len(view.processes) == WORKERS, server.output
        names = [f"mmstats-flask-example-{process.pid}.mmstats" for process in view.processes]
        assert sorted(os.listdir(directory)) == sorted(names)
        assert view.total("flask.example.ok") == REQUESTS + 1
        assert view.total("flask.example.bad") == FAILURES
        assert view.total("flask.example.latency").count == REQUESTS + FAILURES + 1
        assert [working for _, working in view["flask.example.working"].value()] == [False] * WORKERS

        shown = command("slurpstats mmstats-*", directory)
        assert sum(map(int, re.findall(r"^  flask\.example\.ok +(\d+)$", shown, re.M))) == REQUESTS + 1
        lines = command("pollstats -c 1 -p flask.example. ok,bad,working mmstats-*", directory).splitlines()
        assert lines[0].split() == ["ok", "bad", "working"]
        lines = command("pollstats -c 1 --absolute -p flask.example. ok,bad mmstats-*", directory).splitlines()
        assert [lines[0].split(), lines[-1].split()] == [["ok", "bad"], [str(REQUESTS + 1), str(FAILURES)]]
        with mmash(directory=directory, TMPDIR=str(tree)) as pages:
            shown = get(pages, "/stats/flask.example.ok")[1]
            assert sum(json.loads(shown)["flask.example.ok"]) == REQUESTS + 1
        command("rm mmstats-flask-*", directory)
        assert os.listdir(directory) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["terminated", "Ctrl-C"])
def test_its_files_are_gone_when_it_has_ended(tree: Path, directory: Path, number: signal.Signals) -> None:
    with example(tree, directory) as server:
        assert get(server, "/") == (200, "OK\n")
        assert [name for name in os.listdir(directory) if re.fullmatch(r"mmstats-flask-example-\d+\.mmstats", name)]
        server.stop(number)
        assert os.listdir(directory) == [], server.output


def test_what_is_missing_is_said(tree: Path, tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    done = subprocess.run(
        [tree / "run_flask_example"],
        env=environment(PATH=f"{python.parent}{os.pathsep}{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "run_flask_example: no Python with flask, gunicorn and mmstats-format; 'make demo' makes one, "
        f"in {tree}/.venv\n"
    )
