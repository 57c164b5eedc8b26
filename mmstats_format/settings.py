"""Where statistics live: the environment's settings and the defaults behind them, once for writers and readers.

Rule 1: the environment is read at every call, so a change counts for the next instance.
"""

from __future__ import annotations

import os

#: Names that a path or file name may hold in braces, and what they stand for.
PLACEHOLDERS = {
    "CMD": "the program's name, without its directory",
    "PID": "the process id",
    "TID": "the operating system's thread id",
    "CLASS": "the name of the model's class",
    "APP": "the application's name; in a file's name, with underscores for slashes",
}


def stats_path() -> str:
    """The directory of statistics files, a template: ``MMSTATS_PATH``, else the temporary directory."""
    if path := os.environ.get("MMSTATS_PATH"):
        return path
    import tempfile

    return tempfile.gettempdir()


def stats_filename(begins: str = "{CMD}") -> str:
    """The name of a statistics file, a template: ``MMSTATS_FILES``, else `begins` and ``-{PID}-{TID}.mmstats``."""
    return os.environ.get("MMSTATS_FILES") or begins + "-{PID}-{TID}.mmstats"


def app() -> str:
    """The application's name, a template: ``MMSTATS_APP``, else ``{CMD}``."""
    return os.environ.get("MMSTATS_APP") or "{CMD}"


def format_version(default: int) -> int:
    """The version of the format to write: ``MMSTATS_FORMAT``, else `default`.

    Raises:
        ValueError: it is neither 1 nor 2.
    """
    given = os.environ.get("MMSTATS_FORMAT") or str(default)
    if given not in ("1", "2"):
        raise ValueError(f"MMSTATS_FORMAT is 1 or 2, not {given!r}")
    return int(given)


def disabled() -> bool:
    """Whether statistics stay in private memory and no file is made: ``MMSTATS_DISABLE=1``."""
    return os.environ.get("MMSTATS_DISABLE", "") not in ("", "0")


def stats_glob() -> str:
    """The files that a tool reads unless told otherwise, a glob: ``MMSTATS_GLOB``, else ``*.mmstats`` in `stats_path`.

    A placeholder in the path stands for any text.
    """
    if pattern := os.environ.get("MMSTATS_GLOB"):
        return pattern
    import glob
    import string

    path = stats_path()
    try:
        parts = list(string.Formatter().parse(path))
    except ValueError:  # no template that a writer takes; one may look there all the same
        parts = [(path, None, None, None)]
    pattern = "".join(glob.escape(literal) + ("*" if name is not None else "") for literal, name, _, _ in parts)
    return os.path.join(pattern, "*.mmstats")
