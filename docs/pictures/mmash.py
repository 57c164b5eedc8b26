"""The pictures of mmash, made of the example under load: ``python docs/pictures/mmash.py``, which takes two minutes.

It needs Debian's packages chromium and chromium-driver, and the environment of the tests.
"""

from __future__ import annotations

import contextlib
import http.client
import math
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "tests" / "support"))

from mmstats_testing.browsing import DESKTOP, PHONE, Browser, chromium  # noqa: E402 - it is no package that is installed
from mmstats_testing.mmashing import mmash  # noqa: E402

_METRICS = ("ok", "bad", "latency")
_PAGES = {
    "charts": "graph/?" + "&".join(f"metric=flask.example.{name}" for name in _METRICS) + "&grouping=unit",
    "metrics": "",
}
#: A window of the charts, and a little more.
_SECONDS = 65


def main() -> None:
    """Make them."""
    with tempfile.TemporaryDirectory(prefix="mmstats-") as made, contextlib.ExitStack() as stack:
        profile, directory = Path(made, "profile"), Path(made, "files")
        directory.mkdir()
        example = [str(ROOT / "run_flask_example"), "--bind", "127.0.0.1:0"]
        port = stack.enter_context(running(example, directory, "Listening at: http://127.0.0.1:")).split()[0]
        stack.enter_context(load(int(port)))
        server = stack.enter_context(mmash(".", directory=directory))
        browser = stack.enter_context(chromium(profile))
        for name, page in _PAGES.items():
            browser.open(f"http://127.0.0.1:{server.port}/{page}")
            browser.wait("document.querySelectorAll('.family, .card tbody tr').length")
            if name == "charts":
                time.sleep(_SECONDS)
            else:
                browser.find(".toggle:not([hidden])").click()
            for scheme in ("light", "dark"):
                browser.prefer(scheme)
                for form, size in (("desktop", DESKTOP), ("phone", PHONE)):
                    browser.resize(size)
                    picture(browser, HERE / f"mmash-{name}-{form}-{scheme}.png")


def picture(browser: Browser, path: Path) -> None:
    """Take a picture of what is seen, once it has settled."""
    time.sleep(1.5)
    path.write_bytes(browser.driver.get_screenshot_as_png())
    print(path.relative_to(ROOT), path.stat().st_size, "bytes")


@contextlib.contextmanager
def running(command: list[str], directory: Path, sign: str) -> Iterator[str]:
    """Run a server, and give what follows a sign in what it says at its start."""
    with subprocess.Popen(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield next(line for line in process.stdout if sign in line).partition(sign)[2].strip()
        finally:
            process.terminate()


@contextlib.contextmanager
def load(port: int) -> Iterator[None]:
    """Ask a server for something, now more often and now less, and sometimes for what fails."""
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            with contextlib.closing(connection):
                connection.request("GET", "/500" if random.random() < 0.08 else "/")
                connection.getresponse().read()
            time.sleep(random.uniform(0.01, 0.03) * (1.6 + math.sin(time.monotonic() / 8)))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
