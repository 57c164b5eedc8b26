"""What the command-line tools have in common.

Rule 1: status 0 done, 1 something wrong with the input or nothing found, 2 wrong arguments.
Rule 2: what comes out of a file is shown neutral: no control character of it reaches the terminal.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Callable

# C0 and C1 controls, DEL, and the characters that reorder or hide text.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def neutral(text: str) -> str:
    """The text with every character escaped that a terminal could act upon."""
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def complain(message: str) -> None:
    """Say something on standard error, in one line; where nobody listens there, go on."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(neutral(message) + "\n")


def end_by_sigterm() -> None:
    """Let SIGTERM end a tool that goes on and on, with status 0: the first process of a container has no other way."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))


def run(tool: Callable[[], int]) -> int:
    """Run a tool; a closed pipe or Ctrl-C ends it quietly.

    Returns:
        The status for `sys.exit`: the tool's; 0 for a closed pipe, 130 for Ctrl-C, 1 where output cannot be written.
    """
    # What the terminal's encoding lacks is shown escaped.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = tool()
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except BrokenPipeError:
        status = 0
    except KeyboardInterrupt:
        status = 130
    except OSError as error:
        complain(f"the output cannot be written: {error.strerror}")
        status = 1
    # Python flushes once more at exit, and would complain.
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status
