"""A program of several processes, however it makes them: a child never writes to its parent's file (V2-W12)."""

from __future__ import annotations

import ctypes
import functools
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mmstats_testing.counted import counted, here
from mmstats_testing.forking import in_child
from mmstats_testing.running import HANG_SECONDS, environment, within
from mmstats_testing.written import canonical, values

from mmstats_writer import BaseMmStats, CounterField, after_fork

HERE = Path(__file__).parent
METHODS = ("fork", "forkserver", "preloaded forkserver", "spawn")
WAYS = ("Process", "Pool", "ProcessPoolExecutor")
TERMINATED = "terminated Pool"


class Run(NamedTuple):
    """What came of a program of several processes."""

    #: What each task gave: who did it, how many files and how much it had before, and the amount.
    done: list[tuple[str, int, float, int]]
    found: Counter[str]
    states: dict[str, str]


@functools.cache
def run(method: str, how: str) -> Run:
    with tempfile.TemporaryDirectory() as directory:
        shared = os.pathsep.join([str(HERE), str(HERE.with_name("support"))])
        ended = subprocess.run(
            [sys.executable, HERE / "children.py", method, how],
            env=environment(MMSTATS_PATH=directory, PYTHONPATH=shared),
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG_SECONDS,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        files = [canonical(path) for path in Path(directory).iterdir()]
        states = {f"{file['writer']['pid']} {file['writer']['thread']}": file["state"] for file in files}
        return Run(json.loads(ended.stdout), counted(directory), states)


@pytest.mark.parametrize("method", METHODS)
class TestMultiprocessing:
    @pytest.mark.parametrize("how", [*WAYS, TERMINATED])
    def test_each_process_counts_in_a_file_of_its_own(self, method: str, how: str) -> None:
        done, found, _ = run(method, how)
        expected: Counter[str] = Counter()
        for who, _, _, amount in done:
            expected[who] += amount
        assert +found == expected
        assert len(expected) > 1

    @pytest.mark.parametrize("how", WAYS)
    def test_a_childs_file_appears_with_its_first_update_and_begins_with_nothing(self, method: str, how: str) -> None:
        inherits = method in ("fork", "preloaded forkserver")  # the others import the program, which makes an instance
        first: dict[str, tuple[int, float]] = {}
        for who, files, before, _ in run(method, how).done[1:-1]:
            first.setdefault(who, (files, before))
        assert set(first.values()) == {(0 if inherits else 1, 0)}

    @pytest.mark.parametrize("how", WAYS)
    def test_its_file_is_closed_at_its_end(self, method: str, how: str) -> None:
        """V2-W11; a child that was forked leaves the interpreter by `os._exit`."""
        done, _, states = run(method, how)
        assert {states[who] for who, *_ in done} == {"closed"}


class Hits(BaseMmStats):
    requests = CounterField()


@contextmanager
def uncollected() -> Iterator[None]:
    """Earlier tests' instances, collected here, would wait for the guard that a thread keeps meanwhile."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def fork_in_c() -> int:
    """As a server in C does it: Python's hooks do not run."""
    pid: int = ctypes.PyDLL(None).fork()
    return pid


class TestForksInC:
    """`after_fork` is the hook for those that Python does not see."""

    @pytest.fixture(autouse=True)
    def directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("MMSTATS_PATH", str(tmp_path))
        return tmp_path

    def test_a_child_that_is_told_writes_a_file_of_its_own(self, directory: Path) -> None:
        stats = Hits()
        count = stats.requests.inc
        count(2)

        def child() -> tuple[str, float]:
            after_fork()
            before = stats.requests.value
            count(3)
            return here(), before

        who, before = in_child(child, fork_in_c)
        count(5)
        assert before == 0
        assert counted(directory) == {here(): 7, who: 3}

    def test_children_of_children(self, directory: Path) -> None:
        stats = Hits()

        def grandchild() -> str:
            after_fork()
            stats.requests.inc(100)
            return here()

        def child() -> tuple[str, str, str]:
            after_fork()
            stats.requests.inc(10)
            return here(), in_child(grandchild, fork_in_c), in_child(grandchild)

        stats.requests.inc(1)
        one, two, three = in_child(child, fork_in_c)
        assert counted(directory) == {here(): 1, one: 10, two: 100, three: 100}

    def test_a_thread_that_was_amid_making_its_file_is_gone_and_in_nobodys_way(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Python's hooks have a fork wait for it; one in C does not."""
        stats = Hits()
        amid, go_on = threading.Event(), threading.Event()
        link = os.link

        def wait_and_link(*arguments: Any, **named: Any) -> None:
            if threading.current_thread() is thread:
                amid.set()
                go_on.wait()
            link(*arguments, **named)

        def child() -> str:
            after_fork()
            stats.requests.inc(3)
            return here()

        monkeypatch.setattr(os, "link", wait_and_link)
        thread = threading.Thread(target=stats.requests.inc)
        with uncollected():
            thread.start()
            amid.wait()
            try:
                with within():
                    who = in_child(child, fork_in_c)
            finally:
                go_on.set()
                thread.join()
        found = counted(directory)
        assert found[who] == 3
        assert found.total() == 4

    @pytest.mark.parametrize("fork", [fork_in_c, os.fork], ids=["in C", "os.fork"])
    def test_a_further_call_does_nothing(self, directory: Path, fork: Any) -> None:
        stats = Hits()

        def child() -> tuple[str, float]:
            after_fork()
            stats.requests.inc(3)
            after_fork()
            stats.requests.inc(4)
            return here(), stats.requests.value

        who, value = in_child(child, fork)
        assert value == 7
        assert counted(directory) == {here(): 0, who: 7}

    def test_in_a_process_that_was_not_forked_it_does_nothing(self, directory: Path) -> None:
        stats = Hits()
        stats.requests.inc(2)
        after_fork()
        stats.requests.inc(3)
        assert values(stats.filename) == {"requests": "5"}
        assert len(os.listdir(directory)) == 1
