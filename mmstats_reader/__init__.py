"""Read the statistics of running programs: copies and snapshots, never a write, a lock or a signal to the writer."""

from mmstats_format import Corrupt, FormatError, Truncated, UnsupportedVersion

from ._clean import Cleaned, clean, clean_every
from ._directory import Directory
from ._families import Family, Process
from ._reader import Reader, read
from ._snapshot import Snapshot, Stat
from ._values import Histogram, Summary
from ._version1 import kind_of
from ._view import Conflict, View

__all__ = [
    "Cleaned",
    "Conflict",
    "Corrupt",
    "Directory",
    "Family",
    "FormatError",
    "Histogram",
    "Process",
    "Reader",
    "Snapshot",
    "Stat",
    "Summary",
    "Truncated",
    "UnsupportedVersion",
    "View",
    "clean",
    "clean_every",
    "kind_of",
    "read",
]
