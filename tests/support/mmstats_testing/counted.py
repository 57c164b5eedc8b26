"""What the files of a directory counted, by who wrote them."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path

from mmstats_reader import Directory, read


def here() -> str:
    """The calling process and its thread, by the operating system's numbers."""
    return f"{os.getpid()} {threading.get_native_id()}"


def counted(directory: str | Path, name: str = "requests") -> Counter[str]:
    """What each writer counted in the counter of this name, by its process and thread, as `here` writes them.

    Nobody has two files, and the reader's total over all files is their sum.
    """
    found: Counter[str] = Counter()
    with Directory(directory) as stats:
        view = stats.poll()
    for process in view.processes:
        writer = f"{process.pid} {process.thread}"
        assert writer not in found, f"{writer} has two files"
        found[writer] = read(process.path)[name]
    assert dict(view.errors) == {}
    assert view.total(name) == found.total()
    return found
