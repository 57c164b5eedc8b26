"""Reads the files of dead writers for the first time, folds them if asked to, and prints the seconds as a JSON list.

Arguments: ``read`` or ``fold``, the directory, the name of a counter, and its total, which is checked.
"""

import json
import sys
import time

from mmstats_reader import Directory, clean


def main() -> None:
    """Run."""
    what, directory, name, total = sys.argv[1:]
    begin = time.perf_counter()
    with Directory(directory) as stats:
        found = stats.poll().total(name)
    seconds = [time.perf_counter() - begin]
    if found != int(total):
        raise SystemExit(f"the total is {found}, not {total}")
    if what == "fold":
        begin = time.perf_counter()
        done = clean(directory, fold=True)
        seconds.append(time.perf_counter() - begin)
        if left := [cleaned for cleaned in done if cleaned.action != "folded"]:
            raise SystemExit(f"not folded: {left[0]}")
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
