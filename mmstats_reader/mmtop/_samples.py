"""Changes, averages and history of rows, poll by poll, all rows at once.

Rule 1: of what only grows the averages and the history are of its change a second; of all else, of its value.
Rule 2: the average over N samples is that of all samples until there are N; each further one moves it by its Nth part.
Rule 3: what only grows never changes by less than nothing: where it falls, it began anew.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from mmstats_format.declaration import CUMULATIVE

from ._rows import Numbers, Rows

AVERAGED = (10, 100, 1000)
#: Samples that a sparkline can show.
HISTORY = 30


class Samples:
    """What is known of rows beside their values.

    Attributes:
        grows: which rows only grow.
        change: by how much each changed a second; NaN at its first sample.
        averages: over the last 10, 100 and 1,000 samples.
        history: the last samples, the newest last; NaN before the first.
    """

    def __init__(self) -> None:
        self._keys: Sequence[Hashable] = ()
        self._when = 0.0
        self._last: Numbers = np.empty(0)
        self._seen: NDArray[np.int64] = np.empty(0, np.int64)
        self.grows: NDArray[np.bool_] = np.empty(0, bool)
        self.change: Numbers = np.empty(0)
        self.averages: Numbers = np.empty((len(AVERAGED), 0))
        self.history: Numbers = np.empty((0, HISTORY))

    def add(self, rows: Rows, when: float) -> None:
        """Take in what there is now.

        Args:
            rows: it.
            when: it was read, seconds by a clock that is never set; what was read before is not taken in again.
        """
        if when <= self._when:
            return
        if rows.keys is not self._keys and rows.keys != self._keys:
            self._rearrange(rows)
        self._keys = rows.keys
        now = rows.numbers
        with np.errstate(invalid="ignore", over="ignore"):  # infinities are numbers too
            change = now - self._last
            for row, (theirs, growth) in rows.moved.items():
                change[row] = growth if np.isnan(change[row]) else change[row] - theirs + growth
            change[self.grows & (change < 0)] = 0
            change /= when - self._when
            sample = np.where(self.grows, change, now)
            there = ~np.isnan(sample)
            self._seen[there] += 1
            for average, most in zip(self.averages, AVERAGED, strict=True):
                weight = np.clip(self._seen, 1, most)
                moved = np.where(weight == 1, sample, average + (sample - average) / weight)
                average[there] = moved[there]
        self.change, self._last, self._when = change, now, when
        self.history[:, :-1] = self.history[:, 1:]
        self.history[:, -1] = sample

    def _rearrange(self, rows: Rows) -> None:
        """Carry over what is known of the rows that are still there."""
        before = {key: place for place, key in enumerate(self._keys)}
        places = np.array([before.get(key, -1) for key in rows.keys], dtype=np.int64)
        old, size = places >= 0, len(places)
        last, seen = np.full(size, np.nan), np.zeros(size, np.int64)
        averages, history = np.full((len(AVERAGED), size), np.nan), np.full((size, HISTORY), np.nan)
        last[old], seen[old] = self._last[places[old]], self._seen[places[old]]
        averages[:, old], history[old] = self.averages[:, places[old]], self.history[places[old]]
        self._last, self._seen, self.averages, self.history = last, seen, averages, history
        self.grows = np.array([family.kind in CUMULATIVE for family in rows.families], dtype=bool)
