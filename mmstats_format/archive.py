"""What an archive says, and what becomes of it when a dead writer's counts are added (FORMAT.md V2-F1, V2-F6).

Rule 1: nothing here knows a file; `mmstats_format.folding` does.
Rule 2: a source goes whole into one archive, whose families agree with all of its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence, Set
from typing import Any, NamedTuple

from . import layout
from ._document2 import INCOMPATIBLE, Document2, Extent, Folded, Header, Origin, Record, Series
from ._totals import agree, combined, content_of, converted, joined, slot_of
from .declaration import WORD, Declaration

#: Bytes that an archive may have: what every reader takes (FORMAT.md 3.16).
LARGEST = 16 << 20

_ARCHIVE = 1 << INCOMPATIBLE["archive"]
_CLOSED = layout.V2_STATES["closed"]


class Metric(NamedTuple):
    """A series of a source: what it is, its label values, and where its content begins in the source's row."""

    declared: Declaration
    labels: tuple[str, ...]
    at: int


class Source(NamedTuple):
    """A file whose writer is dead.

    Attributes:
        name: of the file in its directory.
        writer_id: its writer's.
        app: the application.
        created: when it was made, Unix nanoseconds.
        metrics: the series that count when their writer is dead; sources that have the same share the object.
        row: their contents: words, and the published buffers of latches.
    """

    name: str
    writer_id: bytes
    app: str
    created: int
    metrics: Sequence[Metric]
    row: bytes


class Archive:
    """An archive, and what is added to it.

    Attributes:
        app: the application.
        folded: ids of the writers whose counts it has in the file.
        added: and of those that were added since.
        created: when the youngest of their files was made, Unix nanoseconds.
    """

    def __init__(self, app: str) -> None:
        self.app = app
        self.folded: Set[bytes] = frozenset()
        self.added: set[bytes] = set()
        self.created = 0
        self._writer_id = os.urandom(16)
        self._size = 0
        self._declared: dict[str, Declaration] = {}
        self._contents: dict[str, dict[tuple[str, ...], bytes]] = {}
        #: By a source's metrics: these, and of each where its content goes, as what, what else it is, and its place.
        self._steps: dict[int, tuple[Sequence[Metric], list[Any]]] = {}

    @classmethod
    def of(cls, document: Document2) -> Archive:
        """The archive that a document is."""
        source = source_of("", document)
        archive = cls(source.app)
        archive.add(source)
        archive.added.clear()
        archive.folded = {record.writer_id for record in document.records if isinstance(record, Folded)}
        archive._writer_id = source.writer_id
        return archive

    def admits(self, source: Source) -> bool:
        """Whether the source may go in here."""
        if self.app != source.app:
            return False
        if id(source.metrics) in self._steps:
            return True
        more = 0
        for metric in source.metrics:
            known = self._declared.get(metric.declared.name)
            if known is not None and not agree(known, metric.declared):
                return False
            if known is None or metric.labels not in self._contents[known.name]:
                more += _size(metric)
        return not self._size or self._size + more <= LARGEST

    def add(self, source: Source) -> None:
        """Take the counts of a source in that is admitted; of several, the older ones first."""
        newer, row = source.created >= self.created, source.row
        for contents, labels, known, given, at, end in self._steps_of(source.metrics):
            content = row[at:end]
            if given is not None:
                content = converted(content, given, known)
            before = contents.get(labels)
            contents[labels] = content if before is None else combined(known, before, content, newer)
        self.created = max(self.created, source.created)
        self.added.add(source.writer_id)

    def changes(self, there: Set[bytes]) -> bool:
        """Whether it becomes another where so many files were there; see `document`."""
        return bool(self.added) or not self.folded <= there

    def document(self, there: Set[bytes]) -> Document2:
        """The archive as it is to become, and from now on is.

        Args:
            there: ids of the writers whose files were there before it was read; those of others are dropped.
        """
        self.folded = (self.folded & there) | self.added
        self.added = set()
        records: list[Record] = [Origin(self.app, "")]
        for number, (name, declared) in enumerate(self._declared.items()):
            records.append(declared)
            contents = self._contents[name].items()
            records += [Series(number, labels, slot_of(declared, content)) for labels, content in contents]
        records += map(Folded, sorted(self.folded))
        header = Header(self._writer_id, self.created, state=_CLOSED, incompatible=_ARCHIVE)
        return Document2(header, (Extent(tuple(records)),))

    def _steps_of(self, metrics: Sequence[Metric]) -> list[Any]:
        """How the contents of a source with these metrics are taken in; worked out once for all that share them."""
        if id(metrics) not in self._steps:
            for metric in metrics:
                self._declare(metric)
            steps = []
            for declared, labels, at in metrics:
                known = self._declared[declared.name]
                given = None if joined(declared, known) is declared else declared
                steps.append((self._contents[known.name], labels, known, given, at, at + (declared.buffer or WORD)))
            self._steps[id(metrics)] = metrics, steps
        return self._steps[id(metrics)][1]

    def _declare(self, metric: Metric) -> None:
        declared, labels, _ = metric
        known = self._declared.setdefault(declared.name, declared)
        contents = self._contents.setdefault(declared.name, {})
        if labels not in contents:
            self._size += _size(metric)
        wanted = joined(known, declared)
        if wanted != known:
            self._steps.clear()
            self._declared[declared.name] = wanted
            for those, content in contents.items():
                contents[those] = converted(content, known, wanted)


def source_of(name: str, document: Document2) -> Source:
    """A file as a source, by what it says."""
    families = [record for record in document.records if isinstance(record, Declaration)]
    metrics: list[Metric] = []
    row = b""
    for record in document.records:
        if isinstance(record, Series) and families[record.family].lasting:
            declared = families[record.family]
            metrics.append(Metric(declared, record.values, len(row)))
            row += content_of(declared, record.slot)
    app = next(record.app for record in document.records if isinstance(record, Origin))
    return Source(name, document.header.writer_id, app, document.header.created, metrics, row)


def is_archive(document: Document2) -> bool:
    """Whether a document is an archive."""
    return bool(document.header.incompatible & _ARCHIVE)


def _size(metric: Metric) -> int:
    """Bytes that a series and its family take in a file at most."""
    declared = metric.declared
    texts = (declared.name, declared.unit, declared.help, *declared.labels, *declared.states, *metric.labels)
    return 128 + declared.slot + WORD * len(declared.bounds) + sum(2 + len(text.encode()) for text in texts)
