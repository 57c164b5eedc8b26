"""Times a statement in this process, and prints the seconds that it took each time as a JSON list.

The argument is a JSON object: ``setup``, code run once; ``names``, those that it defines for the statement;
``statement``; ``seconds``, the least time to be measured at once, for which the statement is repeated, or 0 for once
without a warm-up; ``values``, how many to give; ``threaded``, whether in another thread than the setup.

Runs under CPython 2.7 and under Python 3, so it is written in what both know.
"""

import json
import sys
import threading
import timeit

task = json.loads(sys.argv[1])
exec(task["setup"])
# `timeit` turns the garbage collector off, which no program does.
timer = timeit.Timer(task["statement"], "import gc; gc.enable(); from __main__ import " + task["names"])


def run():  # noqa: ANN201  # CPython 2.7 has no annotations
    # type: () -> None
    """Time the statement and print."""
    number = 1
    while task["seconds"] and timer.timeit(number) < task["seconds"]:
        number *= 2
    sys.stdout.write(json.dumps([timer.timeit(number) / number for _ in range(task["values"])]))


if task["threaded"]:
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
else:
    run()
