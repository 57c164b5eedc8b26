"""A pool of processes that count what they do, whichever way it makes them; the totals are of all of them.

Run it to see it at work: it counts in a directory of its own, and shows the totals when the pool has gone.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor

from mmstats_reader import Directory
from mmstats_writer import CounterField, GaugeField, MmStats, TimerField


class Work(MmStats):
    """What each process of the pool publishes."""

    done = CounterField("jobs.done", help="Jobs finished")
    failed = CounterField("jobs.failed", help="Jobs that ended with an exception")
    running = GaugeField("jobs.running", help="Jobs that run now", combine="sum")
    runtime = TimerField("jobs.runtime", help="From a job's begin to its end")


work: Work


def begin(directory: str) -> None:
    """Called in each process of the pool before its first job: an instance is made there, and not sent there."""
    global work
    work = Work(app="jobs", path=directory)


def divide(one: int, other: int) -> float:
    """A job; it fails for zero."""
    work.running.inc()
    try:
        with work.runtime.time():
            result = one / other
    except Exception:
        work.failed.inc()
        raise
    else:
        work.done.inc()
        return result
    finally:
        work.running.dec()


def main() -> None:
    """Run jobs, some of which fail, with each start method, and show what was counted."""
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        with tempfile.TemporaryDirectory() as directory, Directory(directory) as stats:
            with ProcessPoolExecutor(2, context, initializer=begin, initargs=(directory,)) as pool:
                jobs = [pool.submit(divide, 1, number % 4) for number in range(20)]
                failed = sum(job.exception() is not None for job in jobs)
            view = stats.poll()
            done, counted = view.total("jobs.done"), view.total("jobs.failed")
            reasons = {process.reason for process in view.processes}
            print(f"{method}: {done} done, {counted} failed, {failed} of them seen here; {', '.join(reasons)}")


if __name__ == "__main__":
    main()
