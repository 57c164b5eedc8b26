"""Programs that only pretend to be readers and writers: ``fakes.py KIND ARGUMENT…``."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from mmstats_format import FormatError, parse

EMPTY = {"version": 1, "fields": []}


def honest(path: str) -> dict[str, object]:
    """What the schema says."""
    try:
        return dict(parse(Path(path).read_bytes()).canonical())
    except OSError:
        return {"error": "unreadable"}
    except FormatError as error:
        return {"error": error.code, "offset": error.offset}


def polled(path: str, stale: bool) -> None:
    """As `honest` for each line of input; or for ever what was there first."""
    first = honest(path)
    for _ in sys.stdin:
        print(json.dumps(first if stale else honest(path)), flush=True)


def main(kind: str, *arguments: str) -> int:
    match kind:
        case "schema" | "stale" if arguments[0] == "--poll":
            polled(arguments[1], kind == "stale")
            return 0
        case "schema" | "stale":
            document = honest(arguments[0])
            print(json.dumps(document))
            return int("error" in document)
        case "accepts all":
            print(json.dumps(EMPTY))
        case "rejects all":
            print(json.dumps({"error": "truncated", "offset": 0}))
            return 1
        case "crashes":
            os.abort()
        case "hangs":
            time.sleep(3600)
        case "prints junk":
            print('{"version": 1, "fields": [')
        case "prints bytes":
            os.write(1, b"\xff\xfe\x00")
        case "prints deep junk":
            print("[" * 1_000_000)
        case "prints a large number":
            print("9" * 100_000)
        case "prints nothing":
            pass
        case "prints twice":
            print(json.dumps(EMPTY))
            print(json.dumps(EMPTY))
        case "floods":
            line = b"[" + b" " * 65534 + b"\n"
            while True:
                os.write(1, line)
        case "floods one line":
            while True:
                os.write(1, b" " * 65536)
        case "ends with 7":
            print(json.dumps(EMPTY))
            return 7
        case "accepts with status 1":
            print(json.dumps(honest(arguments[0])))
            return 1
        case "declines":
            print(json.dumps({"cannot": "be bothered"}))
            return 3
        case "closes its output and hangs":
            os.close(1)
            time.sleep(3600)
        case "leaves a child behind":
            if not os.fork():
                time.sleep(3600)
            print(json.dumps(EMPTY))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
