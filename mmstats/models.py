"""The original's models, with its arguments."""

from __future__ import annotations

import os
from typing import Any

import mmstats_writer
from mmstats_writer import MmStats as _MmStats

__all__ = ["BaseMmStats", "MmStats"]


class BaseMmStats(mmstats_writer.BaseMmStats):
    """`mmstats_writer.BaseMmStats` under the original's arguments; one label may occur twice, as it may there."""

    _duplicates = True

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        filename: str | os.PathLike[str] | None = None,
        label_prefix: str | None = None,
    ) -> None:
        """Make the calling thread's file; see `mmstats_writer.BaseMmStats`, whose ``prefix`` is ``label_prefix``."""
        super().__init__(path, filename, prefix="" if label_prefix is None else label_prefix)

    @property
    def label_prefix(self) -> str:
        """What goes before every field's label."""
        prefix: str = self.__dict__["_prefix"]
        return prefix

    @property
    def _fields(self) -> Any:
        """What fields derived for the original look their state up in, by the attribute's name."""
        return self._states


class MmStats(BaseMmStats, _MmStats):
    """`BaseMmStats` with the original's fields about the process."""
