"""A real Prometheus server, as Debian packages it.

Rule 1: it listens on a port that the system gives, and keeps what it has scraped in a directory of the test's.
Rule 2: every wait is for something that it says, and bounded.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any, TypeVar

from .running import HANG_SECONDS, environment, skip_or_fail
from .serving import HOST

_STEP_SECONDS = 0.05

_T = TypeVar("_T")


class Prometheus:
    """A server that runs.

    Attributes:
        port: where it listens.
    """

    def __init__(self, port: int) -> None:
        self.port = port

    def readiness(self) -> int:
        """The status of its readiness page; 503 while it begins, in which it answers nothing else either."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=HANG_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", "/-/ready")
            return connection.getresponse().status

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its HTTP API, such as to ``query`` with the parameter ``query``."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=HANG_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
            answer = json.load(connection.getresponse())
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], Any]:
        """The series of an expression by their labels: of an instant the value, of a range its values."""
        result = self.ask("query", query=expression)["result"]
        return {
            frozenset(one["metric"].items()): (
                float(one["value"][1]) if "value" in one else [float(value) for _, value in one["values"]]
            )
            for one in result
        }

    def value(self, expression: str) -> float | None:
        """The value of an expression that has one series; None where it has none."""
        (value,) = self.query(expression).values() or (None,)
        return value


def until(condition: Callable[[_T], object], look: Callable[[], _T]) -> _T:
    """Look again and again until what is seen is as it is to be, and return that."""
    end = time.monotonic() + HANG_SECONDS
    while not condition(found := look()):
        assert time.monotonic() < end, f"this never changed: {found}"
        time.sleep(_STEP_SECONDS)
    return found


@contextlib.contextmanager
def prometheus(directory: Path, jobs: Mapping[str, tuple[int, str]]) -> Iterator[Prometheus]:
    """Run a server that scrapes pages of this machine; it is killed at the end.

    Args:
        directory: for what it keeps, new.
        jobs: by their names the ports, and how often, such as ``"1s"``.
    """
    program = shutil.which("prometheus")
    if program is None:
        skip_or_fail("there is no Prometheus server (Debian: prometheus)")
    directory.mkdir()
    scrapes = [
        {
            "job_name": name,
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "static_configs": [{"targets": [f"{HOST}:{port}"]}],
        }
        for name, (port, interval) in jobs.items()
    ]
    settings, log = directory / "prometheus.json", directory / "log"
    settings.write_text(json.dumps({"scrape_configs": scrapes}), encoding="utf-8")
    command = [
        program,
        f"--config.file={settings}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={HOST}:0",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment()
        )
    try:
        said = until(re.compile('"Listening on"').search, partial(log.read_text, encoding="utf-8"))
        server = Prometheus(int(re.findall(r'"Listening on" address=\S+:(\d+)', said)[0]))
        until(partial(eq, http.HTTPStatus.OK), server.readiness)
        yield server
    finally:
        process.kill()
        process.wait(HANG_SECONDS)
