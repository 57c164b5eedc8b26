"""The operating system's threads, whoever has put something else in their place.

Rule 1: a file belongs to a thread of the operating system, also where greenlets pass for threads (FORMAT.md 3.8).
"""

from __future__ import annotations

import _thread
import sys
from typing import Any


def _original(name: str) -> Any:
    patched = sys.modules.get("gevent.monkey")
    return getattr(_thread, name) if patched is None else patched.get_original("_thread", name)


#: A lock that knows whether the calling thread holds it, which is cheaper to ask than the thread's number.
RLock = _original("RLock")
local: Any = _original("_local")
