"""The original package, mmstats 0.8.0, under CPython 2.7: found, and installed once into ``.cache/original``.

The tests against it and the benchmarks use it.

Rule 1: an interpreter counts when it has run, not when its name is on the PATH: a shim of that name may only complain.
"""

from __future__ import annotations

import functools
import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REQUIREMENT = "mmstats==0.8.0"
PACKAGE = Path(__file__).parents[3] / ".cache" / "original"

_IS_CPYTHON_27 = (
    "import platform, sys; sys.exit(sys.version_info[:2] != (2, 7) or platform.python_implementation() != 'CPython')"
)


class Missing(Exception):  # a state of the machine, not a fault
    """There is no such peer on this machine; the text says why."""


class Original(NamedTuple):
    """How to run programs with the original package.

    Attributes:
        python: the CPython 2.7 that does.
        environment: what it needs in its environment.
        directory: where to run it with ``-c`` and ``-m``, which prefer packages of the working directory.
    """

    python: str
    environment: dict[str, str]
    directory: Path = PACKAGE


@functools.cache
def find() -> Original:
    """The original package, ready to be imported.

    Raises:
        Missing: no CPython 2.7 starts here, or the package cannot be had.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MMSTATS_"))}
    python = next((found for found in _candidates() if _run(environment, found, "-c", _IS_CPYTHON_27) is None), None)
    if python is None:
        raise Missing("no CPython 2.7 starts here; MMSTATS_PYTHON27 may name one")
    environment |= {"PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
    if not PACKAGE.exists():
        _install(environment, python)
    if (error := _run(environment, python, "-c", "import mmstats.reader", directory=PACKAGE)) is not None:
        raise Missing(f"{REQUIREMENT} in {PACKAGE} cannot be imported: {error}")
    return Original(python, environment)


def _candidates() -> Iterator[str]:
    """Interpreters that may be CPython 2.7, the likeliest first."""
    if named := os.environ.get("MMSTATS_PYTHON27"):
        yield named
    if found := shutil.which("python2.7"):
        yield found
    roots = [os.environ.get("PYENV_ROOT"), os.path.expanduser("~/.pyenv")]
    if pyenv := shutil.which("pyenv"):
        roots.insert(0, subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip())
    for root in filter(None, roots):
        yield from sorted(glob.glob(os.path.join(glob.escape(root), "versions", "2.7*", "bin", "python2.7")))


def _install(environment: dict[str, str], python: str) -> None:
    """Install the package, in one step for those who look: another run may be at it too."""
    PACKAGE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="original-", dir=PACKAGE.parent) as place:
        made = Path(place, "package")
        pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(made), REQUIREMENT]
        if (error := _run(environment, python, *pip)) is not None:
            raise Missing(f"{REQUIREMENT} cannot be installed: {error}")
        try:
            made.rename(PACKAGE)
        except OSError:
            if not PACKAGE.exists():  # the other was not faster, then
                raise


def _run(environment: dict[str, str], *command: str, directory: Path | None = None) -> str | None:
    """What goes wrong in running a program; None where nothing does."""
    try:
        done = subprocess.run(
            command, env=environment, cwd=directory, capture_output=True, text=True, timeout=300, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr.strip() or f"status {done.returncode}") if done.returncode else None
