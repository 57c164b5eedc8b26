"""Functions run in a forked child."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable
from typing import Any


def in_child(function: Callable[[], Any], fork: Callable[[], int] = os.fork) -> Any:
    """Run a function in a forked child and give its result, or fail with its traceback."""
    reading, writing = os.pipe()
    pid = fork()
    if not pid:
        status = 1
        try:
            os.write(writing, pickle.dumps((True, function())))
            status = 0
        except BaseException:
            os.write(writing, pickle.dumps((False, traceback.format_exc())))
        finally:
            os._exit(status)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read()
    except BaseException:  # it hangs, and somebody had enough of that
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.waitpid(pid, 0)
    ended_well, result = pickle.loads(answer)
    assert ended_well, result
    return result
