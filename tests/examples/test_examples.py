"""The programs of ``examples`` do what they show; the servers among them are run by ``tests/deployment``."""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from mmstats_testing.running import python

from mmstats_reader import Snapshot, read

EXAMPLES = Path(__file__).parents[2] / "examples"
#: What each middleware shows of four good requests and a broken one.
SHOWN = r"""http\.errors 1
http\.inflight 0\.0
http\.duration count=5 .*
http\.requests\{method="GET",status="200"\} 4
http\.requests\{method="GET",status="500"\} 1
"""


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["wsgi_middleware", "asgi_middleware"])
def test_a_middleware_shows_what_it_counted(name: str) -> None:
    done = python(str(EXAMPLES / f"{name}.py"))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(SHOWN, done.stdout)


def test_every_example_has_a_line_in_their_readme() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f"`{path.name}`" not in readme] == []


def counted(snapshot: Snapshot) -> dict[str, Any]:
    return {stat.label: stat.value for stat in snapshot if "requests" in stat.label or "errors" in stat.label}


class TestWsgi:
    @pytest.fixture
    def statistics(self, tmp_path: Path) -> Callable[[Any], Any]:
        kind = example("wsgi_middleware").Statistics
        return lambda application: kind(application, path=tmp_path)

    def test_it_is_a_wsgi_application_and_the_answer_is_the_others(self, statistics: Callable[[Any], Any]) -> None:
        def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"no", b"thing"]

        counting = statistics(application)
        environ: dict[str, Any] = {"QUERY_STRING": ""}
        setup_testing_defaults(environ)
        environ["REQUEST_METHOD"] = "GET"
        environ["SCRIPT_NAME"] = ""
        started: list[Any] = []

        def start_response(*arguments: Any) -> Callable[[bytes], None]:
            started.append(arguments)
            return lambda _: None

        answer = validator(counting)(environ, start_response)
        assert b"".join(answer) == b"nothing"
        answer.close()  # type: ignore[attr-defined]
        assert started[0][0] == "404 Not Found"
        assert counted(read(counting.stats.filename)) == {
            "http.errors": 0,
            'http.requests{method="GET",status="404"}': 1,
        }
        counting.stats.remove()

    def test_methods_that_nobody_knows_are_one_series(self, statistics: Callable[[Any], Any]) -> None:
        counting = statistics(lambda environ, start_response: start_response("200 OK", []) and [])
        for method in ("GET", "MAKE", "COFFEE"):
            list(counting({"REQUEST_METHOD": method}, lambda *_: [b""]))
        assert counted(read(counting.stats.filename)) == {
            "http.errors": 0,
            'http.requests{method="GET",status="200"}': 1,
            'http.requests{method="other",status="200"}': 2,
        }
        counting.stats.remove()

    def test_an_answer_that_is_not_taken_to_its_end_is_closed_and_no_error(
        self, statistics: Callable[[Any], Any]
    ) -> None:
        closed = []

        class Answer:
            def __iter__(self) -> Any:
                yield b"first"
                yield b"second"

            def close(self) -> None:
                closed.append(True)

        def application(environ: dict[str, Any], start_response: Any) -> Answer:
            start_response("200 OK", [])
            return Answer()

        counting = statistics(application)
        answer = counting({"REQUEST_METHOD": "GET"}, lambda *_: None)
        assert next(answer) == b"first"
        answer.close()
        assert closed == [True]
        assert counted(read(counting.stats.filename))["http.errors"] == 0
        counting.stats.remove()


class TestAsgi:
    def test_what_is_no_request_goes_through(self, tmp_path: Path) -> None:
        seen = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["type"])

        counting = example("asgi_middleware").Statistics(application, path=tmp_path)
        asyncio.run(counting({"type": "lifespan"}, None, None))
        assert seen == ["lifespan"]
        assert counted(read(counting.stats.filename)) == {"http.errors": 0}
        counting.stats.remove()
