"""The web interface as an ASGI application.

Rule 1: a request with another Host than those that are allowed gets nothing, so that no page of elsewhere can have a
        browser ask under a name of its own (DNS rebinding); nothing can be changed from here, and nothing but GET and
        HEAD is answered.
Rule 2: every response, errors too, has the headers that keep a browser from doing what our pages do not.
Rule 3: files are served out of ``static`` and Chart.js out of the package that has it; statistics out of what the
        `Directory` has read. No part of a request becomes a path.
"""

from __future__ import annotations

import importlib.resources
import ipaddress
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import Directory, View
from .._json import json_value
from ..prometheus import collected
from ._documents import AGGREGATIONS, families, files, processes, statistics_of
from ._statistics import Statistics, encoded
from ._stream import LONGEST_SECONDS, STEP_SECONDS, Streams

#: Under these a server on this machine is asked by whoever is on this machine.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
METHODS = ("GET", "HEAD")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
_STATIC = Path(__file__).with_name("static")
#: Where the package ``chartkick`` has Chart.js.
_CHARTS = str(importlib.resources.files("chartkick") / "django" / "static" / "chartkick")
#: A Host header: a name or an address, and perhaps a port.
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:]+)(?::[0-9]*)?")
_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Application:
    """mmash, for an ASGI server; see `mmstats_reader.mmash.application`.

    Attributes:
        streams: those that are open.
    """

    def __init__(
        self,
        *where: str | os.PathLike[str],
        rate: Iterable[str] = (),
        value: Iterable[str] = (),
        hosts: Iterable[str] = (),
    ) -> None:
        self._statistics = Statistics(Directory(*where, rate=rate, value=value))
        self.streams = Streams(self._statistics)
        self._everything = partial(families, self._statistics.looked)
        self._hosts = {host.lower().strip("[]") for host in (*LOOPBACK, *hosts)}
        self._everywhere = not self._hosts.isdisjoint(("0.0.0.0", "::"))  # noqa: S104 - nothing is bound here
        static, charts = StaticFiles(directory=_STATIC), StaticFiles(directory=_CHARTS)
        self._pages = Starlette(
            routes=[
                Route("/", _file(static, "index.html")),
                Route("/graph/", _file(static, "graph.html")),
                Route("/static/chart.js", _file(charts, "Chart.bundle.js")),
                Mount("/static", static),
                Route("/stats/", self._labels),
                Route("/stats/{name:path}", self._values),
                Route("/files/", self._files),
                Route("/files/{pattern:path}", self._files),
                Route("/metrics", self._metrics),
                Route("/api/v2/families", self._families),
                Route("/api/v2/processes", self._processes),
                Route("/api/v2/stream", self._stream),
            ],
            exception_handlers={HTTPException: _refused},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        answer: ASGIApp = self._pages
        host = ", ".join(Headers(scope=scope).getlist("host"))
        if not self._is_allowed(host):
            answer = _error(400, f"this is not served for the host {host!r}; mmash --allow-host NAME allows one")
        elif scope["method"] not in METHODS:
            answer = _error(405, "only GET and HEAD are answered", {"allow": ", ".join(METHODS)})
        await answer(scope, receive, guarded)

    def _is_allowed(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        name = found[1].strip("[]") if found else ""
        return name in self._hosts or (self._everywhere and _is_address(name))

    async def _labels(self, request: Request) -> Response:
        return await self._answer(_labels)

    async def _values(self, request: Request) -> Response:
        name, asked = request.path_params["name"], request.query_params
        exact, pattern, aggregation = "exact" in asked, _pattern(asked.get("glob", "")), asked.get("aggr", "")

        def document(view: View) -> object:
            found = statistics_of(view, name, exact=exact, pattern=pattern)
            if aggregation not in AGGREGATIONS:
                return {name: [json_value(value) for value in values] for name, values in found.items()}
            try:
                return {name: json_value(AGGREGATIONS[aggregation](values)) for name, values in found.items()}
            except (ArithmeticError, TypeError, ValueError) as error:
                raise HTTPException(400, f"{aggregation} fails: {error}") from error

        return await self._answer(document)

    async def _files(self, request: Request) -> Response:
        pattern = _pattern(request.path_params.get("pattern", ""))
        return await self._answer(lambda view: {"files": files(view, pattern)})

    async def _metrics(self, request: Request) -> Response:
        encode, type_ = choose_encoder(request.headers.get("accept", ""))

        def page() -> bytes:
            found = collected(self._statistics.view_or_nothing())
            return encode(SimpleNamespace(collect=lambda: found))

        return Response(await self._statistics.run(page), headers={"content-type": type_})

    async def _families(self, request: Request) -> Response:
        return await self._answer(self._everything)

    async def _processes(self, request: Request) -> Response:
        return await self._answer(processes)

    async def _answer(self, document: Callable[[View], object]) -> Response:
        return _json(await self._statistics.answer(document))

    async def _stream(self, request: Request) -> Response:
        given = request.query_params.get("interval", "1")
        try:
            steps = float(given) / STEP_SECONDS
        except ValueError:
            steps = 0.0
        if not 1 <= steps <= LONGEST_SECONDS / STEP_SECONDS:
            raise HTTPException(400, f"interval is from {STEP_SECONDS} to {LONGEST_SECONDS} seconds, not {given!r}")
        return self.streams.stream(round(steps) * STEP_SECONDS, request.query_params.getlist("metric"))


def _labels(view: View) -> object:
    return {"stats": list(statistics_of(view))}


def _pattern(given: str) -> str:
    """A pattern of files, which nobody may climb with."""
    if ".." in given:
        raise HTTPException(400, f"a pattern of files has no two dots: {given!r}")
    return given


def _file(static: StaticFiles, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        return await static.get_response(name, request.scope)

    return respond


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _json(content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(content, status, headers, "application/json")


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return _json(encoded({"error": message}), status, headers)


async def _refused(request: Request, error: Any) -> Response:
    return _error(error.status_code, error.detail, error.headers)
