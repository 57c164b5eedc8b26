"""What is fed to the targets: a file, or several in one input; and the first inputs, which the vectors are.

    44 | size, file | size, file | …        several files; sizes have 32 bits, little-endian

Rule 1: any bytes are an input: what does not begin as several files is one.
"""

from __future__ import annotations

from collections.abc import Iterable

from mmstats_testing.mending import mended
from mmstats_testing.vectors import VECTORS, VECTORS2, content2, path2_of, path_of

#: The first byte of several files, which is that of no known version.
SEVERAL = b"D"
_SIZE = 4

#: Bytes of an input; the larger vectors are no seeds.
LARGEST = 1 << 14

#: Files that are in a directory at a time.
PLACES = 4


def joined(files: Iterable[bytes]) -> bytes:
    """The input that these files are."""
    return SEVERAL + b"".join([len(file).to_bytes(_SIZE, "little") + file for file in files])


def files_of(data: bytes) -> list[bytes]:
    """The files that an input is; the last one may be cut."""
    if data[:1] != SEVERAL:
        return [data]
    files, at = [], len(SEVERAL)
    while at + _SIZE <= len(data):
        first = at + _SIZE
        at = first + int.from_bytes(data[at:first], "little")
        files.append(data[first:at])
    return files


def vectors(*versions: int) -> list[bytes]:
    """The vectors of some versions, each a file."""
    paths = {1: [path_of(vector) for vector in VECTORS], 2: [path2_of(vector) for vector in VECTORS2]}
    return [path.read_bytes() for version in versions for path in paths[version]]


def directories() -> list[bytes]:
    """Small valid vectors beside one another, and then in one another's places."""
    small = LARGEST // (2 * PLACES) - _SIZE
    wanted = [path2_of(vector) for vector in VECTORS2 if vector["result"] == "valid" and vector["size"] < small]
    files = [_of_writer(number, path.read_bytes()) for number, path in enumerate(wanted)]
    files += [path_of(vector).read_bytes() for vector in VECTORS if vector["result"] == "valid"]
    fours = [files[at : at + PLACES] for at in range(0, len(files), PLACES)]
    fours.append([_of_writer(len(files), content2("archive")), *files[: PLACES - 1]])  # it has writer 1
    return [joined([*four, *four[::-1]]) for four in fours]


def _of_writer(number: int, file: bytes) -> bytes:
    """A file of version 2 with another writer id: of files with the same, one counts (V2-R8)."""
    return bytes(mended(bytearray(file[:24] + number.to_bytes(16, "big") + file[40:])))
