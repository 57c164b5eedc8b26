"""The original's models, with its arguments. They write version 1 unless they are told otherwise."""

from __future__ import annotations

import os
from typing import Any

from mmstats_format import settings
from mmstats_writer import _version1
from mmstats_writer._create import check_host
from mmstats_writer._given import refusal
from mmstats_writer._version1 import MmStats as _MmStats
from mmstats_writer._version1.model import _fields

__all__ = ["BaseMmStats", "MmStats"]


class BaseMmStats(_version1.BaseMmStats):
    """The model under the original's arguments; one label may occur twice, as it may there."""

    _duplicates = True

    #: The version that instances write; None for what ``MMSTATS_FORMAT`` says, and 1 where that says nothing.
    format: int | None = None

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        filename: str | os.PathLike[str] | None = None,
        label_prefix: str | None = None,
        *,
        app: str | None = None,
        format: int | None = None,
    ) -> None:
        """Make the calling thread's file.

        Args:
            path: as for `mmstats_writer.BaseMmStats`, and so are the errors.
            filename: likewise.
            label_prefix: goes before every field's label.
            app: the application's name.
            format: version of the format to write, 1 or 2; by default the class's, then ``MMSTATS_FORMAT``, then 1.
        """
        prefix = "" if label_prefix is None else label_prefix
        if format is None:
            format = self.format if isinstance(self.format, int) else settings.format_version(1)
        if format == 1:
            self.__dict__["_app"] = app
            super().__init__(path, filename, prefix)
        elif format == 2:
            self._publish_version2(path, filename, prefix, app)
        else:
            raise ValueError(f"a format is 1 or 2, not {format!r}")

    def _publish_version2(
        self, path: str | os.PathLike[str] | None, filename: str | os.PathLike[str] | None, prefix: str, app: str | None
    ) -> None:
        from ._version2 import publisher

        check_host()
        kind = type(self)
        fields = _fields(kind)
        declared = {key: (prefix + (field.name or key), field) for key, field in fields.items()}
        file, metrics = publisher(path, filename, app, kind.__name__, declared)
        plain = {key for key, field in fields.items() if field.metric is None}
        constant = {key for key in plain if getattr(type(fields[key]), "__set__", None) is None}
        self.__dict__.update(
            {key: metric for key, metric in metrics.items() if key not in plain},
            _file=file,
            _states=metrics,
            _setters={
                key: metric.set if key in plain - constant else refusal(key, fields[key])
                for key, metric in metrics.items()
            },
            _prefix=prefix,
        )

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
