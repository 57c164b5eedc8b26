"""What a folder leaves: archives, files, and their total.

Rule 1: a total is that of the counter `hits`, added up by V2-F2 and V2-R8 from what `parse` gives.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from .._codec import parse
from .._document2 import Document2, Folded, Series
from ..declaration import Declaration
from ..errors import FormatError
from ._folds import Fold
from ._program import Failure, Program, shown
from ._reading import expect
from ._scenarios import After, expect_families, said


def fold(program: Program, directory: Path, **more: Any) -> None:
    """Fold, without an error."""
    status, lines = program.answer(directory, **more)
    if status or len(lines) != 1:
        raise Failure(f"status {status}, and it printed {shown(lines)}, where one value was expected")


def check(directory: Path, one: Fold) -> None:
    """A directory has to have these archives and files, and no others."""
    expect_names(directory, {*one.archives, *one.left})
    for name in one.left:
        if (directory / name).read_bytes() != one.before[name]:
            raise Failure(f"{name} is not what it was")
    writers = {content[24:40] for content in one.before.values()}
    for name, wanted in one.archives.items():
        path = directory / name
        found = said(path)
        if "archive" not in found["features"] or found["state"] != "closed":
            raise Failure(f"{name} has the features {found['features']} and the state {found['state']}")
        header = {key: found["writer"][key] for key in ("app", "host", "created", "pid")}
        expect(header, {"app": wanted.app, "host": "", "created": str(wanted.created), "pid": "0"}, f"who wrote {name}")
        if not {bytes.fromhex(one) for one in found["folded"]} <= writers:
            raise Failure(f"in {name} are FOLDED writers whose files were not there: {found['folded']}")
        expect_families(_sorted_states(found), [_with_sorted_states(after) for after in wanted.families], name)
        for declared in found["families"]:
            if not declared["kept"] and declared["kind"] not in ("counter", "summary", "histogram"):
                raise Failure(f"{name} has the family {declared['name']}, which does not count when its writer is dead")
        if path.stat().st_mode & 0o7133 or not stat.S_ISREG(path.lstat().st_mode):
            raise Failure(f"the mode of {name} is {path.lstat().st_mode:o}")


def expect_names(directory: Path, names: set[str]) -> None:
    found = {*os.listdir(directory)} - {lock_name()}
    if found != names:
        raise Failure(f"the folder left {sorted(found)}, where {sorted(names)} were expected")


def _sorted_states(found: dict[str, Any]) -> dict[str, Any]:
    declared = [one | {"states": sorted(one["states"])} for one in found["families"]]
    return found | {"families": declared}


def _with_sorted_states(after: After) -> After:
    return after._replace(family=after.family | {"states": sorted(after.family["states"])})


def lock_name() -> str:
    return f".mmstats-{os.geteuid()}.fold"


def total(directory: Path) -> int:
    """What the files of a directory have counted together (V2-F2, V2-R8); all are of one owner."""
    documents = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".mmstats") and not name.startswith("."):
            try:
                document = parse((directory / name).read_bytes())
            except FormatError as error:
                raise Failure(f"{name} is malformed: {error}") from None
            assert isinstance(document, Document2)
            documents.append(document)
    # Archives count before others.
    documents.sort(key=lambda document: not document.header.incompatible)
    folded = {record.writer_id for document in documents for record in document.records if isinstance(record, Folded)}
    counted: dict[bytes, int] = {}
    for document in documents:
        writer = document.header.writer_id
        if document.header.incompatible or writer not in folded:
            counted.setdefault(writer, _counted(document))
    return sum(counted.values())


def _counted(document: Document2) -> int:
    families = [record.name for record in document.records if isinstance(record, Declaration)]
    return sum(
        int.from_bytes(record.slot, "little")
        for record in document.records
        if isinstance(record, Series) and families[record.family] == "hits"
    )
