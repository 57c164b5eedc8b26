"""What the writer's tests share: a directory of their own, and functions run in a forked child."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing import forking


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files appear by default."""
    monkeypatch.setenv("MMSTATS_PATH", str(tmp_path))
    for name in ("FILES", "FORMAT", "APP", "DISABLE"):
        monkeypatch.delenv(f"MMSTATS_{name}", raising=False)
    return tmp_path


@pytest.fixture
def in_child() -> Callable[[Callable[[], Any]], Any]:
    """Run a function in a forked child and give its result, or fail with its traceback."""
    return forking.in_child


@pytest.fixture
def in_thread() -> Callable[[Callable[[], Any]], Any]:
    """Run a function in a thread of its own and give its result."""

    def run(function: Callable[[], Any]) -> Any:
        results: list[Any] = []
        errors: list[BaseException] = []

        def body() -> None:
            try:
                results.append(function())
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    return run
