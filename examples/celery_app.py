"""Celery tasks that are counted where they run: ``celery --app celery_app worker --concurrency 2``, in this directory.

Celery imports it before it forks its pool, and each process of the pool counts in a file of its own by itself. The
broker is a directory, so that no server is needed; everything else is the same with another one.
"""

# Celery has no types.
# mypy: disable-error-code="import-untyped, untyped-decorator"

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from celery import Celery, signals

from mmstats_writer import CounterField, GaugeField, MmStats, TimerField


class Work(MmStats):
    """What each process of the pool publishes."""

    tasks = CounterField("celery.tasks", help="Runs of tasks that ended", labelnames=("task", "state"))
    running = GaugeField("celery.running", help="Tasks that run now", combine="sum")
    runtime = TimerField("celery.runtime", help="From the begin of a run to its end")


broker = Path(os.environ.get("BROKER", f"{tempfile.gettempdir()}/celery-broker"))
app = Celery("shop", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(broker / "queue"),
    "data_folder_out": str(broker / "queue"),
    "control_folder": str(broker / "control"),
    "polling_interval": 0.1,  # seconds
}
app.conf.task_ignore_result = True

work = Work(app="shop")
begun: dict[str, float] = {}


@signals.task_prerun.connect
def begin(task_id: str, **_: Any) -> None:
    """Called in the process of the pool before each run."""
    work.running.inc()
    begun[task_id] = time.perf_counter()


@signals.task_postrun.connect
def end(task_id: str, task: Any, state: str | None, **_: Any) -> None:
    """Called there after each run, also one that failed."""
    work.runtime.observe(time.perf_counter() - begun.pop(task_id))
    work.running.dec()
    work.tasks.labels(task=task.name, state=state or "unknown").inc()


@app.task
def add(one: int, other: int) -> int:
    """Succeeds."""
    return one + other


@app.task
def divide(one: int, other: int) -> float:
    """Fails for zero."""
    return one / other


@app.task
def die() -> None:
    """Ends the process that runs it, as the kernel does where memory is short."""
    os.kill(os.getpid(), 9)
