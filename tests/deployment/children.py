"""Has children of `multiprocessing` count, and writes what each task of theirs gave: ``children.py METHOD HOW``."""

from __future__ import annotations

import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import inherited  # type: ignore[import-not-found]  # beside it, where it runs

CHILDREN = 2
AMOUNTS = range(1, 41)


def report(results: Any, amount: int) -> None:
    """What a child does that has no pool to give its result to."""
    results.put(inherited.do(amount))


def main(method: str, how: str) -> None:
    """Count in the parent, in children, and in the parent again."""
    if method == "preloaded forkserver":
        method = "forkserver"
        multiprocessing.set_forkserver_preload(["inherited"])
    context: Any = multiprocessing.get_context(method)
    done = [inherited.do(1000)]
    if how == "Process":
        results = context.SimpleQueue()
        children = [context.Process(target=report, args=(results, amount)) for amount in AMOUNTS[:CHILDREN]]
        for child in children:
            child.start()
        done += [results.get() for _ in children]
        for child in children:
            child.join()
    elif how in ("Pool", "terminated Pool"):
        pool = context.Pool(CHILDREN)
        done += pool.map(inherited.do, AMOUNTS, 1)
        pool.close() if how == "Pool" else pool.terminate()
        pool.join()
    else:
        with ProcessPoolExecutor(CHILDREN, context) as executor:
            done += executor.map(inherited.do, AMOUNTS)
    done.append(inherited.do(1))
    json.dump(done, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
