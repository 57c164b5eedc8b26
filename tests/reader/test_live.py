"""Reading what changes: a writer at full speed, and a file that is truncated, emptied and replaced (FORMAT.md 2.6)."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmstats_testing.documents import bytes_of, one, two
from mmstats_testing.running import HANG_SECONDS, environment

from mmstats_reader import read

#: How long is looked. Nothing is measured: a slow machine sees less, never something else.
SECONDS = 1.5

# Bursts at full speed, and pauses that are long enough for two copies: without them hardly a value could be confirmed.
# Both halves of each double are the same 32 bits, and each double is another: a torn one shows, and cannot occur twice.
WRITER = """
import struct, sys, time
from mmstats_writer._version1 import BaseMmStats, CounterField, DoubleField

class Busy(BaseMmStats):
    counter = CounterField()
    double = DoubleField()

busy = Busy(path=sys.argv[1], filename="busy.mmstats")
print("begun", flush=True)
number = 0
while True:
    pause = number + 500
    while number < pause:
        number += 1
        busy.counter.inc(3)
        busy.double = struct.unpack("<d", struct.pack("<II", number, number))[0]
    time.sleep(0.0002)
"""

READER = """
import collections, json, sys, time
from mmstats_reader import FormatError, read

end = time.monotonic() + float(sys.argv[2])
seen = collections.Counter()
print("begun", flush=True)
while time.monotonic() < end:
    try:
        snapshot = read(sys.argv[1])
    except FileNotFoundError:
        seen["missing"] += 1
    except FormatError as error:
        seen["malformed"] += 1
    else:
        labels = [stat.label for stat in snapshot]
        assert labels in (["a"], ["b", "c"], []), labels
        seen["read"] += 1
print(json.dumps(seen))
"""


@contextmanager
def running(program: str, *arguments: str | os.PathLike[str]) -> Iterator[subprocess.Popen[str]]:
    """A program that has said that it has begun; killed in the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n", process.communicate(timeout=HANG_SECONDS)[1]
            yield process
        finally:
            process.kill()


def test_confirmed_values_of_a_busy_writer_are_whole_and_never_go_back(tmp_path: Path) -> None:
    """V1-R2, V1-R3, V1-W2: a counter only rises, and no double is made of two.

    FORMAT.md 2.8 promises less, of values that come again; here none does.
    """
    counters: list[int] = []
    doubles: list[bytes] = []
    with running(WRITER, tmp_path) as writer:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            snapshot = read(tmp_path / "busy.mmstats")
            counter, double = snapshot["counter"], snapshot["double"]
            assert isinstance(counter, int)
            if "counter" not in snapshot.unconfirmed:
                counters.append(counter)
            if "double" not in snapshot.unconfirmed:
                doubles.append(struct.pack("<d", double))
        assert writer.poll() is None, "the writer still runs"
    assert [counter for counter in counters if counter % 3] == []
    assert counters == sorted(counters)
    assert counters[-1] > counters[0]
    assert len(set(doubles)) > 1
    assert [double for double in doubles if double[:4] != double[4:]] == []


def test_a_file_that_is_truncated_emptied_and_replaced_gives_values_or_an_error_and_never_a_signal(
    tmp_path: Path,
) -> None:
    """V1-R1, V1-R4."""
    path, other = tmp_path / "x.mmstats", tmp_path / "other"
    # Many pages, so that a copy takes time, and is cut where it has begun.
    first = bytes_of(two("a", "Q", 1), size=64 * 4096)
    second = bytes_of(two("b", "Q", 2), one("c", "8s", "text"), size=16 * 4096)
    path.write_bytes(first)
    with running(READER, path, str(SECONDS)) as reader:
        while reader.poll() is None:
            path.write_bytes(second)  # empties the file, then fills it
            os.truncate(path, 5)
            os.truncate(path, 3 * 4096)
            other.write_bytes(first)
            other.replace(path)
            time.sleep(0.0005)
            os.truncate(path, 0)
            path.write_bytes(b"\1")
            path.write_bytes(first)
            path.unlink()
            path.write_bytes(second[:4096])
        out, err = reader.communicate(timeout=HANG_SECONDS)
    assert (reader.returncode, err) == (0, "")
    seen = json.loads(out)
    assert set(seen) <= {"read", "missing", "malformed"}
    assert seen["read"] > 0
