"""A writer of one latch, by FORMAT.md's store order and with nothing else of a writer.

Run as a program it updates the only latch of a file at full speed: ``python -m mmstats_testing.storing FILE``.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

#: Bytes of the header, and where an extent's head says where its values begin.
_EXTENT, _VALUES_OFFSET = 128, 24


class Latch:
    """The latch at the beginning of the first extent's values, mapped for writing.

    Attributes:
        sequence: how often it was stored.
    """

    def __init__(self, path: Path, words: int) -> None:
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self._words = memoryview(self.map).cast("Q")
        self._at = (_EXTENT + self._words[(_EXTENT + _VALUES_OFFSET) // 8]) // 8
        self._size = words
        self.sequence = self._words[self._at]

    def steps(self, content: list[int]) -> Iterator[None]:
        """One update, a store at each step (V2-W2): every word of the buffer that is not published, then the latch."""
        at = self._at + 1 + (~self.sequence & 1) * self._size
        for place, number in enumerate(content):  # W2.3
            self._words[at + place] = number
            yield
        self.sequence += 1
        self._words[self._at] = self.sequence  # W2.5
        yield

    def store(self, content: list[int]) -> None:
        """One update, whole."""
        for _ in self.steps(content):
            pass

    def close(self) -> None:
        self._words.release()
        self.map.close()


def histograms(buckets: int) -> Callable[[int], list[int]]:
    """Contents of a histogram in which all counts are the same number, another at each update."""
    return lambda number: [0] + [number] * buckets


def main(path: str, buckets: str) -> None:
    """Update at full speed until nobody is there any more to kill it."""
    latch = Latch(Path(path), int(buckets) + 1)
    words, at, size, parent = latch._words, latch._at, latch._size, os.getppid()
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    contents = histograms(int(buckets))
    for number in count(1):
        begin = at + 1 + (number & 1) * size
        for place, word in enumerate(contents(number)):
            words[begin + place] = word
        words[at] = number
        if not number % 1000 and os.getppid() != parent:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
