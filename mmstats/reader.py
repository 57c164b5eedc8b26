"""The original's reader, on today's."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any

from mmstats_format import UnsupportedVersion, layout
from mmstats_format.errors import fault
from mmstats_reader import Stat
from mmstats_reader._parse1 import parse
from mmstats_reader._reader import _open, confirmed

__all__ = ["UNBUFFERED_FIELD", "VERSION_1", "InvalidMmStatsVersion", "MmStatsReader", "Stat"]

VERSION_1 = bytes([layout.V1_VERSION])
UNBUFFERED_FIELD = layout.V1_UNBUFFERED

#: The file is of no version that this reader knows.
InvalidMmStatsVersion = UnsupportedVersion


class MmStatsReader:
    """Iterates over a file's values, once, as `Stat`; the file is closed then.

    Attributes:
        version: of the format.
    """

    def __init__(self, data: Any) -> None:
        """Look at the version.

        Args:
            data: an object with ``read``, such as a file opened for reading bytes or a mapping, at its beginning.

        Raises:
            InvalidMmStatsVersion: it is not version 1.
        """
        self.data = data
        version = data.read(1)
        if version != VERSION_1:
            raise fault("unsupported-version", f"version byte {version!r} is not known", 0, "version")
        self.version = layout.V1_VERSION

    @classmethod
    def from_file(cls, fn: str | os.PathLike[str]) -> MmStatsReader:
        """Read the file of this name."""
        file = open(fn, "rb", opener=lambda path, flags: _open(path))  # noqa: SIM115  # iterating closes it
        try:
            return cls(file)
        except BaseException:
            file.close()
            raise

    # A mapping of a file that is truncated meanwhile would kill the program.
    from_mmap = from_file

    def __iter__(self) -> Iterator[Stat]:
        """The values in the order of the file.

        Raises:
            FormatError: the file is malformed.
        """
        try:
            fd = _descriptor(self.data)
            fields = parse(VERSION_1 + self.data.read()) if fd is None else confirmed(fd)[0]
        finally:
            self.data.close()
        yield from map(Stat, fields.labels, fields.values)


def _descriptor(data: Any) -> int | None:
    """The descriptor of a file that can be copied again; None for a mapping, bytes in memory, a pipe or an archive."""
    raw = getattr(data, "raw", data)
    return raw.fileno() if isinstance(raw, io.FileIO) and raw.seekable() else None
