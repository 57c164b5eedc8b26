"""Doing something before any instruction of the writer's: between two of them is where signal handlers come in.

From 3.12 on that is `sys.monitoring`: with `settrace`, 3.12 misses a function's first call and 3.13 most instructions.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

#: Is called with the number of the instruction that comes next, from 0.
At = Callable[[int], None]

#: What the names of the files have whose instructions count.
_PACKAGE = "mmstats_writer"

if sys.version_info >= (3, 12):
    from sys import monitoring

    _TOOL = 4

    class _Steps(threading.local):
        """What this thread calls before each instruction: the last one, of the innermost block."""

        def __init__(self) -> None:
            self.all: list[Callable[[], None]] = []

    _steps = _Steps()

    def _at(code: CodeType, offset: int) -> Any:
        if _PACKAGE not in code.co_filename:
            return monitoring.DISABLE
        if _steps.all:
            _steps.all[-1]()
        return None

    @contextmanager
    def _calling(step: Callable[[], None]) -> Iterator[None]:
        # Events are of all threads and are turned on once: blocks within others only say what is called.
        outermost = not _steps.all
        if outermost:
            monitoring.use_tool_id(_TOOL, __name__)
            monitoring.register_callback(_TOOL, monitoring.events.INSTRUCTION, _at)
            monitoring.set_events(_TOOL, monitoring.events.INSTRUCTION)
        _steps.all.append(step)
        try:
            yield
        finally:
            _steps.all.pop()
            if outermost:
                monitoring.set_events(_TOOL, monitoring.events.NO_EVENTS)
                monitoring.register_callback(_TOOL, monitoring.events.INSTRUCTION, None)
                monitoring.free_tool_id(_TOOL)

else:

    @contextmanager
    def _calling(step: Callable[[], None]) -> Iterator[None]:
        def at(frame: FrameType, event: str, argument: object) -> Any:
            if event == "opcode":
                step()
            return at

        def begin(frame: FrameType, event: str, argument: object) -> Any:
            if _PACKAGE not in frame.f_code.co_filename:
                return None
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
            return at

        before = sys.gettrace()
        sys.settrace(begin)
        try:
            yield
        finally:
            sys.settrace(before)


@contextmanager
def before_each(step: Callable[[], None]) -> Iterator[None]:
    """In a block, call `step` before each of the writer's instructions in this thread.

    What it calls is not traced but by `within`. An exception that it raises comes out at that instruction.
    """
    collecting = gc.isenabled()
    gc.disable()  # the finalisers of others
    try:
        with _calling(step):
            yield
    finally:
        if collecting:
            gc.enable()


def traced(function: Callable[[], Any], at: At) -> int:
    """Call `function`, and `at` before each of the writer's instructions; give the number of instructions."""
    count = 0

    def step() -> None:
        nonlocal count
        number, count = count, count + 1
        at(number)

    with before_each(step):
        function()
    return count


def within(function: Callable[[], Any], at: At) -> int:
    """`traced` inside of what `traced` called."""
    found: int = sys.call_tracing(traced, (function, at))
    return found


def length(function: Callable[[], Any]) -> int:
    """How many instructions a run has."""
    return traced(function, lambda number: None)
