"""What ``mmash`` is told by a file: the original's settings, as TOML.

Rule 1: the file is read and never executed.
"""

from __future__ import annotations

import os
import tomllib
from typing import Any, NamedTuple

_EXAMPLE = 'MMSTATS_GLOB = "/dev/shm/mmstats/*.mmstats", HOST = "127.0.0.1", PORT = 5002, each on a line'


class Settings(NamedTuple):
    """What a file says; None for what it does not.

    Attributes:
        glob: which statistics are read.
        host: where is listened.
        port: on which port.
        debug: whether it speaks of the original's debug mode.
    """

    glob: str | None = None
    host: str | None = None
    port: int | None = None
    debug: bool = False


def read_settings(path: str | os.PathLike[str]) -> Settings:
    """Read a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no TOML, or says what is not known here.
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        said: dict[str, Any] = tomllib.loads(content.decode())
    except ValueError as error:
        raise ValueError(
            f"it is read as TOML and never executed, and this is no TOML: {error}; the settings read {_EXAMPLE}"
        ) from error
    kinds = {"MMSTATS_GLOB": str, "HOST": str, "PORT": int, "DEBUG": bool}
    for name, value in said.items():
        if name not in kinds:
            raise ValueError(f"there is no setting {name}; there are {', '.join(kinds)}")
        if type(value) is not kinds[name]:
            raise ValueError(f"{name} is not {value!r}; the settings read {_EXAMPLE}")
    port = said.get("PORT")
    if port is not None and not 0 <= port < 1 << 16:
        raise ValueError(f"PORT is from 0 to 65535, not {port}")
    return Settings(said.get("MMSTATS_GLOB"), said.get("HOST"), port, "DEBUG" in said)
