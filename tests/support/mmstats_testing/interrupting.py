"""Doing something before any instruction of a function's run: between two of them is where signal handlers come in."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

#: Is called with the number of the instruction that comes next, from 0.
At = Callable[[int], None]


def traced(function: Callable[[], Any], at: At, package: str = "mmstats_writer") -> int:
    """Call `function`, and `at` before each instruction in frames of `package`; give the number of instructions.

    What `at` calls is not traced but by `within`. An exception that it raises comes out at that instruction.
    """
    count = 0

    def local(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if event == "opcode":
            number, count = count, count + 1
            at(number)
        return local

    def begin(frame: FrameType, event: str, argument: object) -> Any:
        if package not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return local

    before, collecting = sys.gettrace(), gc.isenabled()
    gc.disable()  # the finalisers of others
    sys.settrace(begin)
    try:
        function()
    finally:
        sys.settrace(before)
        if collecting:
            gc.enable()
    return count


def within(function: Callable[[], Any], at: At, package: str = "mmstats_writer") -> int:
    """`traced` inside of what `traced` called."""
    found: int = sys.call_tracing(traced, (function, at, package))
    return found


def length(function: Callable[[], Any]) -> int:
    """How many instructions a run has."""
    return traced(function, lambda number: None)
