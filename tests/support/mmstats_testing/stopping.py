"""Running a program that stops, as a process, before every instruction of `mmstats_writer`.

Rule 1: the program is stopped by SIGSTOP, so whoever looks at its files meanwhile sees what a kill would leave there.
Rule 2: an instruction of CPython may store more than one word; what lies between its stores is the business of whoever
        compares what was before it with what was after it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mmstats_writer

from .running import environment

# A stop is of this thread and takes the process with it; one that is sent to the process may find another thread, and
# this one would run on for a while. From 3.12 on `settrace` misses the instructions of a function's first call.
_PROGRAM = """
import signal, sys, threading

setup, operation, package, *arguments = sys.argv[1:]
sys.argv[1:] = arguments

def stop():
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

def at_instruction(frame, event, argument):
    if event == "opcode":
        stop()
    return at_instruction

def at_call(frame, event, argument):
    if not frame.f_code.co_filename.startswith(package):
        return None
    frame.f_trace_lines, frame.f_trace_opcodes = False, True
    return at_instruction

def trace(wanted):
    threading.settrace(at_call if wanted else None)
    sys.settrace(at_call if wanted else None)

if sys.version_info >= (3, 12):
    from sys import monitoring

    def at_instruction(code, offset):
        if not code.co_filename.startswith(package):
            return monitoring.DISABLE
        stop()

    monitoring.use_tool_id(monitoring.DEBUGGER_ID, "stops")
    monitoring.register_callback(monitoring.DEBUGGER_ID, monitoring.events.INSTRUCTION, at_instruction)

    def trace(wanted):
        monitoring.set_events(monitoring.DEBUGGER_ID, monitoring.events.INSTRUCTION if wanted else 0)

exec(setup)
operation = compile(operation, "operation", "exec")
stop()
trace(True)
exec(operation)
trace(False)
stop()
"""


def stops(setup: str, operation: str, *arguments: str | Path) -> Iterator[int]:
    """Run both, and give the process id at each stop: before and after `operation`, and before each instruction in it.

    Args:
        setup: what runs freely before; it defines names for `operation`.
        operation: what is stopped.
        arguments: of the program, from ``sys.argv[1]`` on.
    """
    package = os.path.dirname(mmstats_writer.__file__)
    # -P: the package that the tests import may be another than the working directory's.
    command = [sys.executable, "-P", "-c", _PROGRAM, setup, operation, package, *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stderr is not None
        try:
            while os.WIFSTOPPED(status := os.waitpid(process.pid, os.WUNTRACED)[1]):
                yield process.pid
                os.kill(process.pid, signal.SIGCONT)
            process.returncode = os.waitstatus_to_exitcode(status)
            assert process.returncode == 0, process.stderr.read()
        finally:
            process.kill()
