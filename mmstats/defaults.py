"""The original's defaults. Those that the environment sets are read whenever they are asked for."""

from __future__ import annotations

import ctypes

from mmstats_format import layout, settings

__all__ = ["BUFFER_IDX_TYPE", "DEFAULT_STRING_SIZE", "SIZE_TYPE", "WRITE_BUFFER_UNUSED"]

BUFFER_IDX_TYPE = ctypes.c_byte
SIZE_TYPE = ctypes.c_ushort
WRITE_BUFFER_UNUSED = layout.V1_UNBUFFERED
DEFAULT_STRING_SIZE = 255

_SETTINGS = {
    "DEFAULT_PATH": settings.stats_path,
    "DEFAULT_FILENAME": settings.stats_filename,
    "DEFAULT_GLOB": settings.stats_glob,
}


def __getattr__(name: str) -> str:
    if name in _SETTINGS:
        return _SETTINGS[name]()
    raise AttributeError(f"module 'mmstats.defaults' has no attribute {name!r}", name=name)
