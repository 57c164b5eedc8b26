"""Threads, forks, removal and death: no update gets lost, none lands in another's file."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import parsed
from mmstats_testing.locks import locked

from mmstats_format import ClosedError
from mmstats_reader import read
from mmstats_writer._version1 import (
    AverageField,
    BaseMmStats,
    BoolField,
    CounterField,
    DoubleField,
    MmStats,
    StaticUIntField,
    StringField,
    TimerField,
    UIntField,
)

InChild = Callable[[Callable[[], Any]], Any]
InThread = Callable[[Callable[[], Any]], Any]


class Stats(MmStats):
    hits = CounterField()
    mean = AverageField()
    timer = TimerField()
    number = UIntField()
    ratio = DoubleField()
    ready = BoolField(initial=True)
    text = StringField(size=20)


class Hits(BaseMmStats):
    hits = CounterField()
    pid = StaticUIntField("sys.pid", value=os.getpid)


def count(stats: Hits) -> None:
    for _ in range(1000):
        stats.hits.inc()


def totals(directory: Path) -> list[int]:
    return sorted(int(read(path)["hits"]) for path in directory.iterdir())


class TestThreads:
    """V1-W4: one thread of one process writes a file."""

    def test_each_thread_gets_an_instance_and_a_file_by_itself(self, directory: Path, in_thread: InThread) -> None:
        stats = Stats()
        stats.hits.inc(3)
        stats.text = "main"

        def other() -> tuple[str, int, str, int]:
            before = stats.hits.value, stats.text
            stats.hits.inc(4)
            return stats.filename, *before, threading.get_native_id()

        path, hits, text, thread = in_thread(other)
        assert (hits, text) == (0, "")
        assert path != stats.filename
        assert read(path)["sys.tid"] == thread
        assert read(path)["hits"] == 4
        assert (read(stats.filename)["hits"], stats.text) == (3, "main")

    def test_a_hundred_threads_count_exactly(self, directory: Path) -> None:
        stats = Hits()
        threads = [threading.Thread(target=count, args=(stats,)) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(totals(directory)) == 100_000

    def test_what_init_sets_is_the_threads_own(self, in_thread: InThread) -> None:
        class Owned(BaseMmStats):
            hits = CounterField()

            def __init__(self, name: str) -> None:
                super().__init__()
                self.threads = [name, threading.get_native_id()]

        stats = Owned("x")
        assert in_thread(lambda: stats.threads[0]) == "x"
        assert in_thread(lambda: stats.threads[1]) != stats.threads[1]


class TestFork:
    """V1-W7: a forked child never writes to its parent's file."""

    def test_a_childs_file_appears_with_its_first_update_and_initial_values(
        self, directory: Path, in_child: InChild
    ) -> None:
        stats = Stats(prefix="p.")
        stats.hits.inc(5)
        stats.mean.add(10)
        stats.ratio = 2.5
        stats.ready = False
        stats.text = "parent"
        parents = Path(stats.filename).read_bytes()

        def child() -> tuple[Any, ...]:
            idle = len(os.listdir(directory))
            seen = stats.hits.value, stats.mean.value, stats.ratio, stats.ready, stats.text, stats.pid == os.getpid()
            still_idle = len(os.listdir(directory))
            stats.hits.inc(2)
            stats.mean.add(4)
            snapshot = read(stats.filename)
            values = [snapshot[f"p.{name}"] for name in ("hits", "mean", "ratio", "ready", "text")]
            return idle, seen, still_idle, values, snapshot["p.sys.pid"] == os.getpid()

        assert in_child(child) == (1, (0, 0.0, 0.0, True, "", True), 1, [2, 4.0, 0.0, True, ""], True)
        assert Path(stats.filename).read_bytes() == parents
        assert len(os.listdir(directory)) == 2

    def test_every_kind_of_first_update_makes_the_file(self, directory: Path, in_child: InChild) -> None:
        stats = Stats()

        def timed() -> None:
            with stats.timer:
                pass

        updates: list[Callable[[], Any]] = [
            lambda: stats.hits.inc(),
            lambda: stats.mean.add(1),
            timed,
            lambda: setattr(stats, "number", 1),
            lambda: setattr(stats, "ratio", 1.0),
            lambda: setattr(stats, "ready", False),
            lambda: setattr(stats, "text", "x"),
            lambda: stats.filename,
            lambda: stats.size,
            lambda: stats.flush(),
        ]
        for update in updates:
            parents = Path(stats.filename).read_bytes()
            before = len(os.listdir(directory))
            in_child(update)
            assert len(os.listdir(directory)) == before + 1
            assert Path(stats.filename).read_bytes() == parents

    def test_methods_and_metrics_kept_from_before_write_the_childs_file(self, in_child: InChild) -> None:
        stats = Stats()
        increment, metric = stats.hits.inc, stats.mean
        increment(3)

        def child() -> list[Any]:
            increment()
            metric.add(8)
            increment(9)
            snapshot = read(stats.filename)
            return [snapshot["hits"], snapshot["mean"]]

        assert in_child(child) == [10, 8.0]
        assert (stats.hits.value, stats.mean.value) == (3, 0.0)

    def test_a_fork_inside_a_timed_block_is_timed_by_the_parent_alone(self, in_child: InChild) -> None:
        stats = Stats()
        with stats.timer:
            in_child(lambda: stats.timer.__exit__(None, None, None))
        assert stats.timer.value > 0

    def test_grandchildren_have_files_of_their_own(self, directory: Path, in_child: InChild) -> None:
        stats = Hits()
        stats.hits.inc(1)

        def child() -> None:
            stats.hits.inc(10)
            in_child(lambda: stats.hits.inc(100))
            stats.hits.inc(10)

        in_child(child)
        stats.hits.inc(1)
        assert totals(directory) == [2, 20, 100]

    def test_a_fork_from_a_thread_while_others_update(self, directory: Path, in_child: InChild) -> None:
        stats = Hits()
        stop = threading.Event()
        counted: list[int] = []

        def busy() -> None:
            count = 0
            while not stop.is_set():
                stats.hits.inc()
                count += 1
            counted.append(count)

        def forks() -> None:
            stats.hits.inc()
            for _ in range(5):
                in_child(lambda: stats.hits.inc(1000))
            counted.append(1)

        threads = [threading.Thread(target=busy) for _ in range(2)]
        for thread in threads:
            thread.start()
        forker = threading.Thread(target=forks)
        forker.start()
        forker.join()
        stop.set()
        for thread in threads:
            thread.join()
        assert sum(totals(directory)) == sum(counted) + 5 * 1000

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_multiprocessing_workers_have_files_of_their_own(self, directory: Path, method: str) -> None:
        program = f"""
            import multiprocessing
            from mmstats_writer._version1 import BaseMmStats, CounterField
            class Hits(BaseMmStats):
                hits = CounterField()
            stats = Hits()
            def work(amount):
                stats.hits.inc(amount)
            if __name__ == "__main__":
                stats.hits.inc(1)
                context = multiprocessing.get_context({method!r})
                workers = [context.Process(target=work, args=(10,)) for _ in range(3)]
                [worker.start() for worker in workers]
                [worker.join() for worker in workers]
        """
        script = directory.parent / f"{method}.py"
        script.write_text(textwrap.dedent(program))
        subprocess.run([sys.executable, script], check=True)
        counts = [read(path)["hits"] for path in directory.iterdir() if path.suffix == ".mmstats"]
        assert sum(map(int, counts)) == 31
        script.unlink()
        assert multiprocessing.active_children() == []

    def test_a_child_forked_while_files_come_and_go_keeps_no_lock_of_its_dead_parents(self, directory: Path) -> None:
        """V1-W6: descriptors come and go in other threads while one forks."""
        program = """
            import os, threading, time
            from mmstats_writer._version1 import BaseMmStats, CounterField
            class Hits(BaseMmStats):
                hits = CounterField()
            stats = Hits(filename="{PID}-{TID}")
            def short():
                stats.hits.inc()
            def churn():
                while True:
                    thread = threading.Thread(target=short)
                    thread.start()
                    thread.join()
            for _ in range(2):
                threading.Thread(target=churn, daemon=True).start()
            children = []
            end = time.monotonic() + 0.7
            while time.monotonic() < end:
                pid = os.fork()
                if not pid:
                    time.sleep(60)
                children.append(pid)
            print(*children, flush=True)
            os._exit(0)
        """
        # The children hold the standard output that they inherit, so it is a file and not a pipe.
        script, said = directory.parent / "forks.py", directory.parent / "said"
        script.write_text(textwrap.dedent(program))
        with said.open("w") as output:
            subprocess.run([sys.executable, "-W", "ignore", script], stdout=output, check=True)
        children = [int(word) for word in said.read_text().split()]
        try:
            assert children
            # A child that was forked last may have to come to its senses first.
            patience = time.monotonic() + 10
            while (held := [path.name for path in directory.iterdir() if locked(path)]) and time.monotonic() < patience:
                time.sleep(0.05)
            assert held == []
        finally:
            for child in children:
                os.kill(child, signal.SIGKILL)
            script.unlink()

    def test_a_fork_in_c_that_calls_python_afterwards_is_seen(self, directory: Path) -> None:
        """As a server written in C does it, without the call before; another thread may be making a file just then."""
        program = """
            import ctypes, os, threading, time
            from mmstats_writer import _file
            from mmstats_writer._version1 import BaseMmStats, CounterField
            class Hits(BaseMmStats):
                hits = CounterField()
            stats = Hits(filename="c.mmstats")
            stats.hits.inc()
            def hold():
                with _file._guard:
                    time.sleep(0.5)
            threading.Thread(target=hold).start()
            time.sleep(0.1)
            if not ctypes.PyDLL(None).fork():
                _file._after_fork_in_child()  # all of PyOS_AfterFork_Child() needs the call before, from 3.13 on
                stats.hits.inc(10)
                if not os.fork():
                    stats.hits.inc(100)
                    os._exit(0)
                os.wait()
                os._exit(0)
            os.wait()
        """
        command = [sys.executable, "-c", textwrap.dedent(program)]
        # A guard that nobody can release would keep it for ever.
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert done.stderr == ""
        assert totals(directory) == [1, 10, 100]

    def test_a_metric_that_cannot_begin_anew_still_writes_the_childs_file(self, in_child: InChild) -> None:
        """Whatever its initialiser takes, and whatever comes after it in the file."""

        class Strict:
            __slots__ = ("_state",)

            def __init__(self, state: Any, more: int) -> None:
                self._state = state

            def add(self, amount: int) -> None:
                self._state.set(self._state.value + amount)

        class Made(CounterField):
            metric = staticmethod(lambda state: Strict(state, 5))  # type: ignore[assignment]  # the point

        class Odd(BaseMmStats):
            odd = Made()
            hits = CounterField()

        stats = Odd()
        stats.odd.add(1)  # type: ignore[attr-defined]  # the point
        stats.hits.inc(1)

        def child() -> list[Any]:
            stats.odd.add(10)  # type: ignore[attr-defined]  # the point
            stats.hits.inc(20)
            return [stat.value for stat in read(stats.filename)]

        assert in_child(child) == [10, 20]
        assert [stat.value for stat in read(stats.filename)] == [1, 1]

    def test_a_grandchild_shows_its_own_process_before_its_first_update(self, in_child: InChild) -> None:
        stats = Stats()

        def grandchild() -> bool:
            return bool(stats.pid == os.getpid())

        assert in_child(lambda: [stats.pid == os.getpid(), in_child(grandchild)]) == [True, True]


class TestRemoval:
    def test_a_removed_file_is_gone_and_a_second_removal_does_nothing(self, directory: Path) -> None:
        stats = Stats()
        path = stats.filename
        stats.remove()
        stats.remove()
        assert not os.listdir(directory)
        assert stats.filename == path
        assert stats.size is None

    def test_use_after_removal_is_an_error(self) -> None:
        stats = Stats()
        increment = stats.hits.inc
        stats.remove()
        uses: list[Callable[[], Any]] = [
            increment,
            lambda: stats.hits.value,
            lambda: stats.mean.add(1),
            lambda: stats.number,
            lambda: setattr(stats, "number", 1),
            lambda: setattr(stats, "ready", 1),
            lambda: setattr(stats, "text", "x"),
            lambda: stats.text,
            lambda: stats.pid,
            stats.flush,
        ]
        for use in uses:
            with pytest.raises(ClosedError, match="removed"):
                use()

    def test_the_files_of_other_threads_go_too(self, directory: Path, in_thread: InThread) -> None:
        stats, other_model = Stats(), Hits()
        in_thread(lambda: stats.hits.inc())
        in_thread(lambda: other_model.hits.inc())
        in_thread(lambda: Stats().hits.inc())
        assert len(os.listdir(directory)) == 5
        stats.remove()
        assert len(os.listdir(directory)) == 2
        other_model.hits.inc()

    def test_a_template_without_process_and_thread_keeps_to_its_own_file(
        self, directory: Path, in_thread: InThread
    ) -> None:
        stats = Stats(filename="{PID}.mmstats")
        in_thread(lambda: stats.hits.inc())
        stats.remove()
        assert os.listdir(directory) == [f"{os.getpid()}-1.mmstats"]

    def test_a_thread_goes_on_when_another_removed_its_file(self, directory: Path) -> None:
        stats = Hits()
        removed, looked = threading.Event(), threading.Event()
        counts: list[int] = []

        def other() -> None:
            stats.hits.inc()
            looked.set()
            removed.wait()
            stats.hits.inc()
            counts.append(stats.hits.value)

        thread = threading.Thread(target=other)
        thread.start()
        looked.wait()
        stats.remove()
        removed.set()
        thread.join()
        assert counts == [2]
        assert not os.listdir(directory)

    def test_a_child_leaves_its_parents_files_alone(
        self, directory: Path, in_child: InChild, in_thread: InThread
    ) -> None:
        stats = Stats()
        in_thread(lambda: stats.hits.inc())
        in_child(stats.remove)
        assert len(os.listdir(directory)) == 2

        def child() -> None:
            stats.hits.inc()
            stats.remove()

        in_child(child)
        assert len(os.listdir(directory)) == 2

    def test_a_file_that_took_the_name_since_is_left_alone(self) -> None:
        stats = Stats()
        path = Path(stats.filename)
        path.unlink()
        path.write_bytes(b"another's")
        stats.remove()
        assert path.read_bytes() == b"another's"

    def test_a_file_that_is_gone_already_is_no_error(self) -> None:
        stats = Stats()
        os.unlink(stats.filename)
        stats.hits.inc()
        stats.remove()


class TestDeath:
    def test_what_was_counted_before_kill_9_is_in_the_file(self, directory: Path) -> None:
        program = """
            import os
            from mmstats_writer._version1 import MmStats, CounterField
            class Hits(MmStats):
                hits = CounterField()
            stats = Hits(filename="killed.mmstats")
            while True:
                stats.hits.inc()
                os.write(1, b"%d\\n" % stats.hits.value)
        """
        path = directory / "killed.mmstats"
        for _ in range(10):
            with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE) as writer:
                assert writer.stdout is not None
                writer.stdout.readline()
                time.sleep(0.01)
                writer.send_signal(signal.SIGKILL)
                said = writer.stdout.read().split(b"\n")
            (hits,) = [field.value for field in parsed(path.read_bytes()).fields if field.label == b"hits"]
            last = int(said[-2])
            assert hits in (last, last + 1)
            path.unlink()

    def test_an_exit_with_threads_running_is_clean(self, directory: Path) -> None:
        program = """
            import threading, time
            from mmstats_writer._version1 import MmStats, CounterField
            class Hits(MmStats):
                hits = CounterField()
            stats = Hits()
            started = threading.Barrier(4)
            def busy():
                stats.hits.inc()
                started.wait()
                while True:
                    stats.hits.inc()
            for _ in range(3):
                threading.Thread(target=busy, daemon=True).start()
            started.wait()
            time.sleep(0.05)
        """
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=True)
        assert done.stderr == b""
        assert len(totals(directory)) == 4

    def test_flushed_values_are_on_disk_and_flush_waits_or_not(self) -> None:
        stats = Stats()
        stats.hits.inc()
        stats.flush()
        stats.flush(wait=False)
        assert read(stats.filename)["hits"] == 1
