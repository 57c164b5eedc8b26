"""Updates three counters of `mmstats` in the file named by its argument until it is ended; says when there is the file.

Runs under CPython 2.7 with the original package.
"""

import sys
import time

import mmstats


class Busy(mmstats.MmStats):
    """Counters of different strides."""

    by_one = mmstats.CounterField()
    by_byte = mmstats.CounterField()
    by_word = mmstats.CounterField()


stats = Busy(filename=sys.argv[1])
sys.stdout.write("made\n")
sys.stdout.flush()
# Nobody may be left to end it.
end = time.time() + 60
while time.time() < end:
    for _ in range(20):
        stats.by_one.incr()
        stats.by_byte.incr(255)
        stats.by_word.incr(2**32 - 1)
    # Without a rest now and then there is no moment at which a reader could confirm what it saw.
    time.sleep(0.0001)
