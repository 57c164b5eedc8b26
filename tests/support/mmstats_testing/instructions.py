"""Being called before every instruction of a package, in this thread, on every supported Python.

From 3.12 on that is `sys.monitoring`: with `settrace`, 3.12 misses a function's first call and 3.13 most instructions.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

if sys.version_info >= (3, 12):
    from sys import monitoring

    _TOOL = 4

    @contextmanager
    def before_each(step: Callable[[], None], package: str = "mmstats_writer") -> Iterator[None]:
        """In a block, call `step` before each instruction in frames of `package`; what it calls is not traced."""
        thread = threading.get_ident()

        def at(code: CodeType, offset: int) -> Any:
            if package not in code.co_filename:
                return monitoring.DISABLE
            if threading.get_ident() == thread:
                step()

        monitoring.use_tool_id(_TOOL, __name__)
        monitoring.restart_events()
        monitoring.register_callback(_TOOL, monitoring.events.INSTRUCTION, at)
        monitoring.set_events(_TOOL, monitoring.events.INSTRUCTION)
        try:
            yield
        finally:
            monitoring.set_events(_TOOL, monitoring.events.NO_EVENTS)
            monitoring.register_callback(_TOOL, monitoring.events.INSTRUCTION, None)
            monitoring.free_tool_id(_TOOL)

else:

    @contextmanager
    def before_each(step: Callable[[], None], package: str = "mmstats_writer") -> Iterator[None]:
        """In a block, call `step` before each instruction in frames of `package`; what it calls is not traced."""

        def at(frame: FrameType, event: str, argument: object) -> Any:
            if event == "opcode":
                step()
            return at

        def begin(frame: FrameType, event: str, argument: object) -> Any:
            if package not in frame.f_code.co_filename:
                return None
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
            return at

        before = sys.gettrace()
        sys.settrace(begin)
        try:
            yield
        finally:
            sys.settrace(before)
