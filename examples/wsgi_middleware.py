"""Requests, errors and durations of any WSGI application, in one file to copy: ``app = Statistics(app)``.

Run it to see it at work: it answers some requests, and shows what was counted.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

from mmstats_reader import read
from mmstats_writer import CounterField, GaugeField, MmStats, TimerField

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: Whoever sends another method does not get a series of his own.
METHODS = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))


class WebStats(MmStats):
    """What is published."""

    requests = CounterField("http.requests", help="Requests answered", labelnames=("method", "status"))
    errors = CounterField("http.errors", help="Requests that ended with an exception")
    inflight = GaugeField("http.inflight", help="Requests being answered now", combine="sum")
    duration = TimerField("http.duration", help="From the request to the end of its answer")


class Statistics:
    """An application that counts another's requests."""

    def __init__(self, application: WSGIApplication, app: str = "web", **where: Any) -> None:
        self._application = application
        # Made before the server forks: each child's own file appears with its first request.
        self.stats = WebStats(app=app, **where)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; the time runs until the server has taken the whole answer."""
        status = "500"

        def started(line: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            nonlocal status
            status = line.split(" ", 1)[0]
            return start_response(line, headers, *error)

        stats = self.stats
        method = environ["REQUEST_METHOD"]
        begin = time.perf_counter()
        stats.inflight.inc()
        answer = None
        try:
            answer = self._application(environ, started)
            yield from answer
        except BaseException as error:
            if isinstance(error, Exception):
                stats.errors.inc()
            raise
        finally:
            if close := getattr(answer, "close", None):
                close()
            stats.inflight.dec()
            stats.duration.observe(time.perf_counter() - begin)
            stats.requests.labels(method=method if method in METHODS else "other", status=status).inc()


def _application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("what was asked for is broken")
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"hello\n"


def ask(application: WSGIApplication, path: str) -> None:
    """A request, as a server makes it."""
    environ: dict[str, Any] = {"PATH_INFO": path}
    setup_testing_defaults(environ)
    with contextlib.suppress(RuntimeError):
        list(application(environ, lambda *_: lambda _: None))


def main() -> None:
    """Serve five requests, one of them broken, and show the statistics."""
    with tempfile.TemporaryDirectory() as directory:
        application = Statistics(_application, path=directory)
        for path in ("/", "/", "/", "/broken", "/"):
            ask(application, path)
        for label, value in read(application.stats.filename):
            print(label, value)
        application.stats.remove()


if __name__ == "__main__":
    main()
