"""Which files a tool's arguments mean."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

from mmstats_format import settings


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
