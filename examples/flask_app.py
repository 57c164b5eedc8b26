"""The original's example: a Flask application that counts its answers; ``run_flask_example``, at the top, starts it.

Each worker of gunicorn imports this, and publishes a file of its own in the directory where it was started. The file is
gone when the worker ends.
"""

from __future__ import annotations

from flask import Flask, Response, abort

from mmstats_reader import Directory
from mmstats_writer import BoolField, CounterField, MmStats, TimerField, exponential


class Example(MmStats):
    """What the application publishes."""

    ok = CounterField(help="Requests answered")
    bad = CounterField(help="Requests that ended in a server error")
    working = BoolField(help="Whether a request is being answered")
    latency = TimerField(help="Time that an answer took", bounds=exponential(0.0001, 2, 14))


stats = Example(
    path=".",
    filename="mmstats-flask-example-{PID}.mmstats",
    prefix="flask.example.",
    app="flask-example",
    on_exit="discard",
)
app = Flask(__name__)
app.wsgi_app = stats.latency.time()(app.wsgi_app)  # type: ignore[method-assign]


@app.before_request
def begin() -> None:
    """A request has come."""
    stats.working = True


@app.after_request
def count(response: Response) -> Response:
    """It is answered."""
    (stats.bad if response.status_code >= 500 else stats.ok).inc()
    stats.working = False
    return response


@app.get("/")
def index() -> str:
    """Answer."""
    return "OK\n"


@app.get("/500")
def fail() -> str:
    """Fail."""
    abort(500)


@app.get("/status")
def status() -> Response:
    """What all workers together have counted; of `working` what each says."""
    with Directory("mmstats-flask-example-*.mmstats") as directory:
        view = directory.poll()
    lines = []
    for family in view:
        value = family.value()
        shown = " ".join(str(one) for _, one in value) if family.combination == "all" else value
        lines.append(f"{family.name} {shown}\n")
    return Response("".join(lines), mimetype="text/plain")
