"""From the templates of a path and a file name to the path of a file."""

from __future__ import annotations

import os
import sys
import threading

from mmstats_format import DeclarationError
from mmstats_format.settings import PLACEHOLDERS


def expand(path: str, filename: str, class_name: str) -> str:
    """Fill in both templates for the calling thread and join them.

    Args:
        path: template of the directory.
        filename: template of the file's name, relative to it; an absolute one is taken as it is.
        class_name: what ``{CLASS}`` stands for.

    Raises:
        DeclarationError: an unknown placeholder, or a relative name that climbs out of the directory.
    """
    words: dict[str, str | int] = {
        "CMD": os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else "",
        "PID": os.getpid(),
        "TID": threading.get_native_id(),
        "CLASS": class_name,
    }
    directory, name = (_fill_in(template, words) for template in (path, filename))
    if "\0" in directory + name:
        raise DeclarationError("bad-name", filename, "a file name has no zero byte")
    if os.path.isabs(name):
        return name
    name = os.path.normpath(name)
    if name.split(os.sep)[0] in (os.curdir, os.pardir):
        raise DeclarationError("outside-path", filename, f"the name leaves its directory {directory!r}")
    return os.path.join(directory, name)


def _fill_in(template: str, words: dict[str, str | int]) -> str:
    try:
        return template.format(**words)
    except (LookupError, ValueError, AttributeError, TypeError) as error:
        known = ", ".join(f"{{{word}}}" for word in PLACEHOLDERS)
        raise DeclarationError("bad-template", template, f"{error} does not fit; placeholders are {known}") from error
