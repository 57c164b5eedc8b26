"""A collector that speaks OTLP over HTTP: it takes what is pushed, and keeps it in plain words.

Rule 1: what is kept is read from the protocol's own messages, and from nothing of the exporter's.
Rule 2: what no exporter may send is refused with status 400, and fails the test at the end of the block.
"""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from .running import HANG_SECONDS

#: By the attributes, sorted, what was measured.
Attributes = tuple[tuple[str, Any], ...]


class Point(NamedTuple):
    """A value, and since when it counts and until when, Unix nanoseconds."""

    value: Any
    start: int
    time: int


class Said(NamedTuple):
    """A metric as a collector gets it.

    Attributes:
        kind: ``"counter"`` (a monotonic sum), ``"sum"``, ``"gauge"`` or ``"histogram"``; sums and histograms are
            cumulative.
        unit: of the values.
        help: what it means.
        points: by their attributes; of a histogram the value is count, sum (None for none), bounds and counts.
    """

    kind: str
    unit: str
    help: str
    points: dict[Attributes, Point]

    @property
    def values(self) -> dict[Attributes, Any]:
        """The values alone."""
        return {attributes: point.value for attributes, point in self.points.items()}


class Push(NamedTuple):
    """What came in one request.

    Attributes:
        services: by ``service.name`` the metrics by their names.
        resources: by ``service.name`` all attributes of the resource.
        headers: of the request, their names in lower case.
    """

    services: dict[str, dict[str, Said]]
    resources: dict[str, dict[str, Any]]
    headers: Mapping[str, str]


class Collector:
    """What was pushed, and how pushes are answered.

    Attributes:
        endpoint: where it listens, as in ``OTEL_EXPORTER_OTLP_ENDPOINT``.
        status: what it answers from now on; 200 takes.
        seconds: that it waits before it answers.
        asked: requests so far.
    """

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.status, self.seconds, self.asked = 200, 0.0, 0
        self._pushes: list[Push] = []
        self._changed = threading.Condition()

    @property
    def pushes(self) -> list[Push]:
        """What it took so far."""
        with self._changed:
            return list(self._pushes)

    def wait(self, pushes: int = 0, asked: int = 0) -> list[Push]:
        """Wait until that many were taken, and that many requests made; what was taken."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._pushes) >= pushes and self.asked >= asked, HANG_SECONDS)
            return list(self._pushes)

    def more(self) -> list[Push]:
        """Wait for a push that begins from now on; what was taken."""
        return self.wait(len(self.pushes) + 2)

    def _take(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """A request; the status of the answer."""
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        assert path == "/v1/metrics"
        assert headers["content-type"] == "application/x-protobuf"
        push = _push(ExportMetricsServiceRequest.FromString(body), headers)
        with self._changed:
            self.asked += 1
            status, seconds = self.status, self.seconds
            self._changed.notify_all()
        time.sleep(seconds)
        with self._changed:
            if status == 200:
                self._pushes.append(push)
            self._changed.notify_all()
        return status


@contextlib.contextmanager
def collector() -> Iterator[Collector]:
    """Listen on a port that the system gives."""
    faults: list[Exception] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status = it._take(self.path, headers, body)
            except Exception as error:
                faults.append(error)
                status = 400
            answer = ExportMetricsServiceResponse().SerializeToString()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        it = Collector(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()
    if faults:
        raise faults[0]


def _push(request: Any, headers: Mapping[str, str]) -> Push:
    services: dict[str, dict[str, Said]] = {}
    resources: dict[str, dict[str, Any]] = {}
    for resource in request.resource_metrics:
        attributes = dict(_attributes(resource.resource.attributes))
        service = attributes["service.name"]
        assert service not in services, f"{service!r} comes twice"
        metrics = [metric for scope in resource.scope_metrics for metric in scope.metrics]
        assert {scope.scope.name for scope in resource.scope_metrics} == {"mmstats"}
        services[service] = {metric.name: _said(metric) for metric in metrics}
        assert len({name.lower() for name in services[service]}) == len(metrics), "two metrics of one name"
        resources[service] = attributes
    return Push(services, resources, headers)


def _said(metric: Any) -> Said:
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    if kind != "gauge":
        assert data.aggregation_temporality == 2, "not cumulative"
    points = {}
    for point in data.data_points:
        attributes = tuple(sorted(_attributes(point.attributes)))
        assert attributes not in points, "two points of the same attributes"
        assert point.start_time_unix_nano <= point.time_unix_nano
        points[attributes] = Point(_value(kind, point), point.start_time_unix_nano, point.time_unix_nano)
    shown = "counter" if kind == "sum" and data.is_monotonic else kind
    return Said(shown, metric.unit, metric.description, points)


def _value(kind: str, point: Any) -> Any:
    if kind != "histogram":
        return getattr(point, point.WhichOneof("value"))
    assert sum(point.bucket_counts) % 2**64 == point.count
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    sum_ = point.sum if point.HasField("sum") else None
    return point.count, sum_, tuple(point.explicit_bounds), tuple(point.bucket_counts)


def _attributes(some: Any) -> list[tuple[str, Any]]:
    found = [(one.key, getattr(one.value, one.value.WhichOneof("value"))) for one in some]
    assert all(key for key, _ in found), "a key is empty"
    assert len(dict(found)) == len(found), "a key comes twice"
    return found
