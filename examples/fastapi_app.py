"""A FastAPI application whose requests are counted: ``uvicorn --workers 2 fastapi_app:app``, in this directory.

Each worker imports it, and so makes an instance, and a file, of its own.
"""

from __future__ import annotations

import os

from asgi_middleware import Statistics  # type: ignore[import-not-found]  # the file beside this one
from fastapi import FastAPI

from mmstats_writer import CounterField

api = FastAPI()
app = Statistics(api, app="shop")  # outermost, so that it sees every answer and every exception
orders = app.stats.declare("orders", CounterField("shop.orders", help="Orders taken"))


@api.get("/")
async def worker() -> dict[str, int]:
    """Runs in the event loop's thread, as the middleware does."""
    return {"worker": os.getpid()}


@api.post("/orders")
def order() -> dict[str, str]:
    """Runs in a thread of FastAPI's pool, which counts in a file of its own."""
    orders.inc()
    return {"order": "taken"}


@api.get("/broken")
async def broken() -> None:
    """Ends with an exception."""
    raise RuntimeError("what was asked for is broken")
