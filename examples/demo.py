"""A small application with several processes and threads under load, looked at from outside while it runs.

``make demo`` runs it. It stops by itself after some seconds and leaves nothing behind.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from mmstats_writer import AverageField, CounterField, DoubleField, MmStats, StringField, TimerField, UIntField

WORKERS = 2
THREADS = 2
LOOKS = 3
PAUSE_SECONDS = 3.0


class Shop(MmStats):
    """What the application publishes."""

    orders = CounterField("orders")
    failures = CounterField("orders.failed")
    price = AverageField("order.price")
    duration = TimerField("order.seconds", timer=time.perf_counter)
    stock = UIntField("stock")
    last_order = DoubleField("last.order")
    customer = StringField("last.customer", size=20)


def work(shop: Shop, stop: threading.Event) -> None:
    """Serve orders until told to stop; in each thread `shop` is another file."""
    stock = 10_000
    while not stop.wait(random.uniform(0.0005, 0.002)):
        with shop.duration:
            time.sleep(random.uniform(0.0001, 0.001))
        shop.orders.inc()
        shop.price.add(random.lognormvariate(3, 1))
        if random.random() < 0.02:
            shop.failures.inc()
        stock -= 1
        shop.stock = stock
        shop.last_order = time.time()
        shop.customer = random.choice(["Anaïs", "Björn", "Chloé", "Dvořák", "小林"])


def worker(directory: str) -> None:
    """One process of the application, until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    shop = Shop(path=directory, filename="shop-{PID}-{TID}.mmstats", prefix="shop.")
    threads = [threading.Thread(target=work, args=(shop, stop)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shop.remove()


def tool(name: str, *arguments: str) -> None:
    """Run a command of this distribution, as a person would."""
    print(f"\n$ {name} {' '.join(arguments)}", flush=True)
    subprocess.run([Path(sys.executable).with_name(name), *arguments], check=True)


def main() -> None:
    """Start the application, look at it from outside, end it."""
    with tempfile.TemporaryDirectory(prefix="mmstats-demo-") as directory:
        workers = [subprocess.Popen([sys.executable, __file__, directory]) for _ in range(WORKERS)]
        try:
            print(f"An application of {WORKERS} processes with {THREADS} busy threads each, in {directory}")
            for _ in range(LOOKS):
                time.sleep(PAUSE_SECONDS)
                tool("slurpstats", "--filter", "shop.*order*", directory)
            one = sorted(os.listdir(directory))[-1]
            tool("slurpstats", os.path.join(directory, one))
            tool("slurpstats", "--json", "--filter", "*.orders", directory)
        finally:
            for process in workers:
                process.terminate()
            for process in workers:
                process.wait()
        print(f"\nThe application has ended; its files are gone: {os.listdir(directory)}")


if __name__ == "__main__":
    worker(sys.argv[1]) if len(sys.argv) > 1 else main()
