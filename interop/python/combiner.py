"""The combiner under the conformance kit (``spec/CONFORMANCE.md``, P-16 and P-17): ``combiner.py --poll DIRECTORY``."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Any

from canonical import declared, error, put, text_of, timed, value

from mmstats_format import FormatError
from mmstats_format.types import type_of
from mmstats_reader import Directory, Family, Snapshot, View
from mmstats_reader._file2 import Reading
from mmstats_reader._parse1 import signature_of


def passed(directory: Directory) -> dict[str, Any]:
    """What the files say together now, and whether their writers live."""
    view = directory.poll()
    snapshots = {snapshot.path: snapshot for snapshot in view.snapshots}
    families = [_totals(family, snapshots) for family in view if family.series]
    errors = {os.path.basename(path): _code(failure) for path, failure in view.errors.items()}
    apart = [
        {"name": conflict.name, "files": [os.path.basename(path) for path in conflict.paths]}
        for conflict in view.conflicts
    ]
    writers = _writers(directory, view)
    return {"writers": writers, "families": families, "errors": errors, "apart": apart, "complete": view.complete}


def _totals(family: Family, snapshots: dict[str, Snapshot]) -> dict[str, Any]:
    series = []
    for labels, total in family.series.items():
        found: Any
        if family.combination == "all":
            found = [
                {
                    "file": os.path.basename(process.path),
                    "value": value(family, one, partial(text_of, snapshots[process.path], family.name, labels)),
                }
                for process, one in total
            ] or None
        else:
            found = timed(family, labels, value(family, total, bytes))
        series.append({"labels": list(labels), "value": found})
    if family.kind == "text":
        family = family._replace(capacity=max(_capacity(snapshot, family) for snapshot in snapshots.values()))
    return declared(family, series)


def _capacity(snapshot: Snapshot, family: Family) -> int:
    """Of this text in a file; 0 where it has none of the same form."""
    found = snapshot.families.get(family.name)
    if found is None or (found.kind, found.unit, found.labels) != (family.kind, family.unit, family.labels):
        return 0
    source = snapshot._source
    if isinstance(source, Reading):
        return found.capacity
    head = dict(zip(source.labels, source.heads, strict=True))[family.name]
    return type_of(signature_of(head)).size


def _writers(directory: Directory, view: View) -> dict[str, str]:
    """Of each file that can be read, those too that do not count."""
    found = {}
    for path, file in directory._files.items():
        if path in view.errors:
            continue
        try:
            reading = file.poll()
            state = file.process(reading).state
        except (FormatError, OSError):
            continue  # it went meanwhile
        if file.archive:
            state = "archive"
        elif isinstance(reading, Reading) and reading.header.state == "closed":
            state = "closed"
        found[os.path.basename(path)] = state
    return found


def _code(failure: Exception) -> str:
    assert isinstance(failure, FormatError | OSError)
    code: str = error(failure)["error"]
    return code


def main(where: str) -> int:
    """A pass for each line of standard input."""
    with Directory(where) as directory:
        for _ in sys.stdin:
            put(passed(directory))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[-1]))
