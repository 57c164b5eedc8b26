"""Says what `mmstats.reader` reads: for each path on standard input a line of JSON, with [label, kind, text] a field.

Runs under CPython 2.7 with the original package and under Python 3 with this one, so it is written in what both know.
"""

import json
import struct
import sys

from mmstats.reader import MmStatsReader

for line in iter(sys.stdin.readline, ""):
    answer = []
    try:
        for label, value in MmStatsReader.from_mmap(line.rstrip("\n")):
            if isinstance(value, bool):
                kind, text = "boolean", str(value)
            elif isinstance(value, float):
                kind, text = "float", format(struct.unpack(">Q", struct.pack(">d", value))[0], "016x")
            elif isinstance(value, type(label)):
                kind, text = "text", value
            else:
                kind, text = "integer", format(value, "d")
            answer.append([label, kind, text])
    except Exception as error:
        answer = [["error", type(error).__name__, str(error)]]
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
