"""Read the statistics of running programs: copies and snapshots, never a write, a lock or a signal to the writer."""

from mmstats_format import Corrupt, FormatError, Truncated, UnsupportedVersion

from ._reader import Reader, read
from ._snapshot import Snapshot, Stat

__all__ = ["Corrupt", "FormatError", "Reader", "Snapshot", "Stat", "Truncated", "UnsupportedVersion", "read"]
