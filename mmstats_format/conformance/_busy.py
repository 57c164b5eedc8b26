"""Writers that are always at it, for readers to look at: processes of their own, ended by `kill`.

Rule 1: words are stored at once, and latches as V2-W2 says; what is broken for a moment is broken on purpose.
Rule 2: between bursts there is a pause: else no reader could confirm anything.
"""

from __future__ import annotations

import contextlib
import itertools
import mmap
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .. import layout
from . import _files

#: Updates of one latch in a row: a reader that does not look twice meets the third in the buffer that it copies.
BURST = 4
PAUSE = 50e-6
#: A file is broken for so long, and then whole for so long.
BROKEN, CALM = 2e-6, 150e-6
#: Bytes of a large text that are stored at once.
PART = 4096
#: Series that are added, and the pause before each.
ADDED = 20_000
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@contextlib.contextmanager
def busy(mode: str, path: Path) -> Iterator[None]:
    """A process changes the file meanwhile, from before the block begins."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, mode, str(path)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError(f"the busy writer ended with status {process.wait()}")
        yield
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _pause(seconds: float) -> None:
    # Sleeping takes longer than this, and never the same.
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def _texts(content: memoryview, path: Path) -> Iterator[None]:
    """All texts, one after the other, a burst of updates each: the whole text is one letter."""
    words = content.cast("Q")
    places = [place for place in _files.places(bytes(content)) if place.family.kind == "text"]
    buffers = {
        place.offset: [
            _files.text_content(letter.encode() * place.family.capacity, place.family.capacity) for letter in LETTERS
        ]
        for place in places
    }
    for turn in itertools.count(1):
        for place in places:
            for burst in range(BURST):
                sequence = words[place.offset // 8]
                size = place.family.buffer
                start = place.offset + 8 + size * (1 - (sequence & 1))
                content[start : start + size] = buffers[place.offset][(turn * BURST + burst) % len(LETTERS)]
                words[place.offset // 8] = sequence + 1
            yield
            _pause(PAUSE)


def _restless(content: memoryview, path: Path) -> Iterator[None]:
    """The texts without any pause: no reader that runs beside it ever confirms one that is large."""
    words = content.cast("Q")
    places = [place for place in _files.places(bytes(content)) if place.family.kind == "text"]
    for turn in itertools.count():
        letter = LETTERS[turn % len(LETTERS)].encode()
        for place in places:
            sequence = place.offset // 8
            size = place.family.buffer
            start = place.offset + 8 + size * (1 - (words[sequence] & 1))
            # In small parts, behind the length, which stays; the number goes on meanwhile, as of two updates.
            for part in range(start + 8, start + size, PART):
                end = min(part + PART, start + size)
                content[part:end] = letter * (end - part)
                words[sequence] += 2
            words[sequence] += 1
        yield


def _counting(content: memoryview, path: Path) -> Iterator[None]:
    """A field of version 1 with two buffers, the first of its file, without any pause."""
    label, signature = 1, 1 + 2 + content[1]
    index = signature + 2 + content[signature]
    assert (content[label + 1], content[signature + 1]) == (0, 0)
    for number in itertools.count(1):
        buffer = content[index]
        struct.pack_into("<Q", content, index + 1 + 8 * buffer, number)
        content[index] = 1 - buffer
        yield


def _words(content: memoryview, path: Path) -> Iterator[None]:
    """Unsigned words whose halves are equal, without any pause."""
    words = content.cast("Q")
    places = [place.offset // 8 for place in _files.places(bytes(content)) if not place.family.buffer]
    for number in itertools.count(1):
        for place in places:
            words[place] = number << 32 | number
        yield


def _flicker(content: memoryview, path: Path) -> Iterator[None]:
    """*Metadata used* without its complement, or a write-buffer index that is none, for a moment each time."""
    if content[0] == 1:
        place = 1 + 2 + content[1]
        place += 2 + content[place]
        while True:
            good = content[place]
            content[place] = 7
            _pause(BROKEN)
            content[place] = good
            yield
            _pause(CALM)
    words = content.cast("Q")
    place = (layout.V2_HEADER_SIZE + layout.V2_EXTENT_AT_METADATA_USED) // 8
    while True:
        good = words[place]
        words[place] = good & layout.V2_CONTROL_MASK
        _pause(BROKEN)
        words[place] = good
        yield
        _pause(CALM)


def _growing(content: memoryview, path: Path) -> Iterator[None]:
    """Series of the last family, each with the value 7: the value, the record, and then *metadata used*."""
    from .._codec import parse
    from .._document2 import Document2
    from ..declaration import Declaration

    words = content.cast("Q")
    parsed = parse(bytes(content))
    assert isinstance(parsed, Document2)
    families = sum(isinstance(record, Declaration) for record in parsed.records)
    extent = layout.V2_HEADER_SIZE
    used = (extent + layout.V2_EXTENT_AT_METADATA_USED) // 8
    (values_offset,) = struct.unpack_from("<Q", content, extent + layout.V2_EXTENT_AT_VALUES_OFFSET)
    slot = extent + values_offset + sum(place.family.slot for place in _files.places(bytes(content)))
    end = words[used] & layout.V2_CONTROL_MASK
    for number in range(ADDED):
        label = str(number).encode()
        body = struct.pack("<IH", families - 1, len(label)) + label
        record = _files.record(layout.V2_SERIES, body, 8)
        words[slot // 8] = 7
        start = extent + layout.V2_EXTENT_SIZE + end * 8
        content[start : start + len(record)] = record
        end += len(record) // 8
        (words[used],) = struct.unpack("<Q", _files.control(end))
        slot += 8
        yield
        _pause(PAUSE)
    while True:
        yield
        time.sleep(1)


MODES: dict[str, Callable[[memoryview, Path], Iterator[None]]] = {
    "texts": _texts,
    "restless": _restless,
    "counting": _counting,
    "words": _words,
    "flicker": _flicker,
    "growing": _growing,
}


def main(mode: str, path: Path) -> None:
    """Change the file for ever, and say so once it has begun."""
    with open(path, "r+b") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0))
    changes = MODES[mode](content, path)
    next(changes)
    print("busy", flush=True)
    for _ in changes:
        pass


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
