"""A WSGI application with a counter and a timer: ``gunicorn -c gunicorn.conf.py gunicorn_app``, in this directory.

The instance is made once, before gunicorn forks its workers; each of them counts in a file of its own by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mmstats_writer import CounterField, MmStats, TimerField


class Web(MmStats):
    """What the application publishes."""

    requests = CounterField("http.requests", help="Requests served", labelnames=("method",))
    latency = TimerField("http.latency")


web = Web(app="shop")


@web.latency.time()
def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve one request."""
    web.requests.labels(method=environ["REQUEST_METHOD"]).inc()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello\n"]
