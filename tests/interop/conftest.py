"""Implementations in other languages, each built once."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from mmstats_testing.running import skip_or_fail

from interop.languages import languages

Commands = Callable[[str], dict[str, str]]


@pytest.fixture(scope="session")
def commands() -> Commands:
    """The command lines of a language's programs; a test of a language whose tools are missing is skipped."""

    @cache
    def of(name: str) -> dict[str, str]:
        language = languages()[name]
        # Other workers build too.
        with open(Path(tempfile.gettempdir()) / f"mmstats-interop-{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return language.made()

    def those(name: str) -> dict[str, str]:
        if missing := languages()[name].missing():
            skip_or_fail(f"{name}: there is no {', '.join(missing)} here")
        return of(name)

    return those
