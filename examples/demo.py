"""A small application with several processes and threads under load, looked at from outside while it runs.

``make demo`` runs it. It stops by itself after some seconds and leaves nothing behind.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from mmstats_reader import Directory, View
from mmstats_writer import AverageField, CounterField, GaugeField, MmStats, StateField, TimerField

WORKERS = 2
THREADS = 2
LOOKS = 3
PAUSE_SECONDS = 2.0


class Shop(MmStats):
    """What the application publishes."""

    orders = CounterField("orders", help="Orders, by how they ended", labelnames=("status",))
    price = AverageField("order.price", unit="euros")
    duration = TimerField("order.duration", bounds=(0.0005, 0.001, 0.0025, 0.005, 0.01))
    inflight = GaugeField("orders.inflight", combine="sum")
    phase = StateField("phase", states=("starting", "serving"))


def work(shop: Shop, stop: threading.Event) -> None:
    """Serve orders until told to stop; in each thread `shop` writes another file."""
    good, bad = shop.orders.labels(status="good"), shop.orders.labels(status="bad")
    shop.phase.set("serving")
    while not stop.wait(random.uniform(0.0005, 0.002)):
        shop.inflight.inc()
        with shop.duration.time():
            time.sleep(random.uniform(0.0001, 0.003))
        shop.inflight.dec()
        shop.price.observe(random.lognormvariate(3, 1))
        (bad if random.random() < 0.02 else good).inc()


def worker(directory: str) -> None:
    """One process of the application, until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    shop = Shop(path=directory, app="shop", prefix="shop.")
    threads = [threading.Thread(target=work, args=(shop, stop)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shop.remove()


def show(view: View) -> None:
    """What a monitoring program would take from all files together."""
    states = [process.state for process in view.processes]
    print(f"\n{len(states)} files: {states.count('live')} live, {states.count('dead')} dead")
    for status in ("good", "bad"):
        total, rate = (look("shop.orders", status=status) for look in (view.total, view.rate))
        print(f"  orders {status:10} {total:8} {rate:8.1f} a second")
    median, slow = (view["shop.order.duration"].quantile(q) for q in (0.5, 0.99))
    print(f"  duration          {1000 * median:8.2f} ms median, {1000 * slow:.2f} ms at 99 %")
    print(f"  mean price        {view.total('shop.order.price').mean:8.2f}")
    print(f"  in flight         {view.total('shop.orders.inflight') or 0:8.0f}", flush=True)


def tool(name: str, *arguments: str) -> None:
    """Run a command of this distribution, as a person would."""
    print(f"\n$ {name} {' '.join(arguments)}", flush=True)
    subprocess.run([Path(sys.executable).with_name(name), *arguments], check=True)


def main() -> None:
    """Start the application, look at it from outside, end it."""
    with tempfile.TemporaryDirectory(prefix="mmstats-demo-") as directory, Directory(directory) as stats:
        workers = [subprocess.Popen([sys.executable, __file__, directory]) for _ in range(WORKERS)]
        try:
            print(f"An application of {WORKERS} processes with {THREADS} busy threads each, in {directory}")
            while len(stats.poll().processes) < WORKERS * (1 + THREADS):  # it has not begun yet
                time.sleep(0.1)
            for _ in range(LOOKS):
                time.sleep(PAUSE_SECONDS)
                show(stats.poll())
            tool("slurpstats", sorted(process.path for process in stats.poll().processes)[-1])
            print("A worker is killed: what it counted stays in the totals, what it had in flight does not.")
            workers[0].kill()
            workers[0].wait()
            show(stats.poll())
            tool("cleanstats", "--fold", directory)
            print("\nIts files are gone, and what it counted is in the archive.")
            show(stats.poll())
        finally:
            for process in workers:
                process.terminate()
            for process in workers:
                process.wait()


if __name__ == "__main__":
    worker(sys.argv[1]) if len(sys.argv) > 1 else main()
