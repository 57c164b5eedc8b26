"""Skipping honestly, guarding against what hangs, and running programs."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import pytest

#: Long enough for the slowest machine, short enough to wait for: only what hangs takes so long.
HANG_SECONDS = 60


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the running test; where ``MMSTATS_REQUIRE_ALL=1`` says that nothing may be skipped, fail it."""
    if os.environ.get("MMSTATS_REQUIRE_ALL") == "1":
        pytest.fail(f"skipped in spite of MMSTATS_REQUIRE_ALL=1: {reason}", pytrace=False)
    pytest.skip(reason)


def descriptors() -> list[str]:
    """The open descriptors of this process, once what earlier tests left behind has gone."""
    gc.collect()
    return sorted(os.listdir("/dev/fd"))


@contextmanager
def within(seconds: float = HANG_SECONDS) -> Iterator[None]:
    """Fail a block that hangs in a system call. In the main thread only."""

    def hung(number: int, frame: FrameType | None) -> NoReturn:
        raise AssertionError(f"it still ran after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, hung)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what would steer the program under test, and with `changes`."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("MMSTATS_", "PYTHONIOENCODING"))
    } | changes


def python(*arguments: str | os.PathLike[str], **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter with these arguments and changes of the environment, and wait for it."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment(**changes),
        timeout=HANG_SECONDS,
        check=False,
    )
