"""What the command-line tools have in common.

Rule 1: status 0 done, 1 something wrong with the input or nothing found, 2 wrong arguments.
Rule 2: what comes out of a file is shown neutral: no control character of it reaches the terminal.
"""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Callable, Iterable

from mmstats_format import settings

# C0 and C1 controls, DEL, and the characters that reorder or hide text.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def neutral(text: str) -> str:
    """The text with every character escaped that a terminal could act upon."""
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def complain(message: str) -> None:
    """Say something on standard error, in one line."""
    sys.stderr.write(neutral(message) + "\n")


def statistics_files(arguments: Iterable[str]) -> tuple[list[str], str]:
    """The files that a tool's arguments mean, and where was looked, in words.

    A directory means its ``*.mmstats`` files, sorted. Without arguments it is what ``MMSTATS_GLOB`` says.
    """
    given = list(arguments)
    if not given:
        pattern = settings.stats_glob()
        return sorted(glob.glob(pattern)), pattern
    files = []
    for argument in given:
        if os.path.isdir(argument):
            found = glob.glob(os.path.join(glob.escape(argument), "*.mmstats"))
            files += sorted(path for path in found if not os.path.isdir(path))
        else:
            files.append(argument)
    return files, ", ".join(given)


def run(tool: Callable[[], int]) -> int:
    """Run a tool's body; a closed pipe or Ctrl-C ends it quietly.

    Returns:
        The status for `sys.exit`.
    """
    # What the terminal's encoding lacks is shown escaped.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = tool()
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at exit, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status
