"""The end while others are still at work: removal and exit amid updates."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.interrupting import length, traced
from mmstats_testing.running import HANG_SECONDS, environment
from mmstats_testing.written import canonical, values

from mmstats_format import ClosedError
from mmstats_writer import BaseMmStats, CounterField, HistogramField

InThread = Callable[[Callable[[], Any]], Any]

#: So many instructions lie between two at which it is tried.
STRIDE = 37


class Stats(BaseMmStats):
    hits = CounterField()
    routed = CounterField(labelnames=("a",))
    sizes = HistogramField(bounds=(1,))


UPDATES: dict[str, Callable[[Stats], None]] = {
    "counter": lambda stats: stats.hits.inc(),
    "child": lambda stats: stats.routed.labels(a="x").inc(),
    "histogram": lambda stats: stats.sizes.observe(1.0),
}


def interrupted(stats: Stats, update: Callable[[Stats], None], instruction: int) -> Exception | None:
    """An update, before an instruction of which the instance is removed; gives what it ends in."""

    def at(number: int) -> None:
        if number == instruction:
            stats.remove()

    try:
        traced(lambda: update(stats), at)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("name", UPDATES)
def test_a_removal_amid_an_update_leaves_nothing(directory: Path, name: str) -> None:
    """A signal handler may do it: the update is a whole one, or a `ClosedError`."""
    update, measured = UPDATES[name], Stats()
    update(measured)
    instructions = length(lambda: update(measured))
    measured.remove()
    for instruction in range(instructions):
        stats = Stats()
        update(stats)
        ended = interrupted(stats, update, instruction)
        assert not os.listdir(directory), instruction
        assert ended is None or isinstance(ended, ClosedError), instruction


@pytest.mark.parametrize("name", UPDATES)
def test_a_removal_amid_a_threads_first_update_leaves_nothing(directory: Path, in_thread: InThread, name: str) -> None:
    """Another thread may do it just then."""
    update = UPDATES[name]
    measured = Stats()
    instructions = in_thread(lambda: length(lambda: update(measured)))
    measured.remove()
    for instruction in range(0, instructions, STRIDE):
        stats = Stats()
        ended = in_thread(partial(interrupted, stats, update, instruction))
        stats.remove()
        assert not os.listdir(directory), instruction
        assert ended is None or isinstance(ended, ClosedError), instruction


def test_threads_at_work_end_in_the_error_and_leave_nothing(directory: Path) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(5):
            stats = Stats()
            child = stats.routed.labels(a="x")
            working = threading.Barrier(4)
            ended: list[BaseException] = []

            def work(stats: Stats = stats, child: Any = child, working: threading.Barrier = working) -> None:
                try:
                    for update in UPDATES.values():
                        update(stats)
                    working.wait()
                    while True:
                        child.inc()
                        for update in UPDATES.values():
                            update(stats)
                except BaseException as error:
                    ended.append(error)  # noqa: B023  # of this turn: all are joined in it

            threads = [threading.Thread(target=work) for _ in range(3)]
            for thread in threads:
                thread.start()
            working.wait()
            stats.remove()
            for thread in threads:
                thread.join()
            assert [type(error) for error in ended] == [ClosedError] * 3
            assert not os.listdir(directory)
    finally:
        sys.setswitchinterval(before)


def test_an_exit_with_threads_at_work_is_clean(directory: Path) -> None:
    """V2-W11: what they do afterwards is not stored."""
    program = """
        import threading, time
        from mmstats_writer import MmStats, CounterField, HistogramField
        class Stats(MmStats):
            hits = CounterField()
            sizes = HistogramField()
        stats = Stats()
        started = threading.Barrier(4)
        def busy():
            stats.hits.inc()
            started.wait()
            while True:
                stats.hits.inc()
                stats.sizes.observe(0.3)
        for _ in range(3):
            threading.Thread(target=busy, daemon=True).start()
        started.wait()
        time.sleep(0.05)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        env=environment(MMSTATS_PATH=str(directory)),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    files = list(directory.iterdir())
    assert [canonical(path)["state"] for path in files] == ["closed"] * 4
    assert sorted(int(values(path)["hits"]) > 0 for path in files) == [False, True, True, True]
