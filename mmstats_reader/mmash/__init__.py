"""``mmash``: what running programs publish, in a browser and as JSON.

Rule 1: importing this needs nothing of the extra ``web``; making the application does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ._command import main

if TYPE_CHECKING:
    import os

    from ._application import Application

__all__ = ["application", "main"]


def application(
    *where: str | os.PathLike[str], rate: Iterable[str] = (), value: Iterable[str] = (), hosts: Iterable[str] = ()
) -> Application:
    """The web interface as an ASGI application, to be served or mounted into another one.

    It needs no lifespan events and starts nothing before the first request. It runs in an event loop of `asyncio`.

    Args:
        where: directories, files and patterns, as of `Directory`.
        rate: patterns of version 1 labels whose numbers are counters, as of `Directory`.
        value: patterns of those that are of unknown kind.
        hosts: names of hosts under which it is asked, beside those of this machine's loopback interface; every other
            one is refused. Where ``0.0.0.0`` or ``::`` is among them, every address is one.

    Raises:
        ImportError: the extra ``web`` is not installed.
    """
    from ._application import Application

    return Application(*where, rate=rate, value=value, hosts=hosts)
