"""The folder under the conformance kit (``spec/CONFORMANCE.md``, P-19): ``folder.py DIRECTORY``.

It is what `mmstats_reader.clean` does with ``fold=True``, but that files of version 1, which cannot be folded, stay.
"""

from __future__ import annotations

import os
import sys

from canonical import put

from mmstats_format import FormatError
from mmstats_reader import Cleaned
from mmstats_reader._clean import _fold, _judged
from mmstats_reader._finding import statistics_files


def fold(directory: str) -> list[Cleaned]:
    """Fold what is there of the dead, and end a fold that was broken off."""
    dead: list[Cleaned] = []
    broken_off = False
    for path in statistics_files([directory])[0]:
        try:
            judged, _, unfinished = _judged(path, fold=True)
        except (FormatError, OSError):
            continue
        broken_off |= unfinished
        if judged.action == "folded":
            dead.append(judged)
    return list(_fold(directory, dead).values()) if dead or broken_off else []


if __name__ == "__main__":
    put([{**done._asdict(), "path": os.path.basename(done.path)} for done in fold(sys.argv[1])])
