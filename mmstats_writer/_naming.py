"""From the templates of a path, a file name and an application's name to what they say in one thread."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping

from mmstats_format import DeclarationError
from mmstats_format.settings import PLACEHOLDERS


def words(class_name: str, app: str = "{CMD}") -> dict[str, str | int]:
    """What the placeholders stand for in the calling thread.

    Args:
        class_name: what ``{CLASS}`` stands for.
        app: template of the application's name, in which the other placeholders are filled in.

    Raises:
        DeclarationError: an unknown placeholder in `app`.
    """
    known: dict[str, str | int] = {
        "CMD": os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else "",
        "PID": os.getpid(),
        "TID": threading.get_native_id(),
        "CLASS": class_name,
    }
    return {**known, "APP": _fill_in(app, known)}


def expand(path: str, filename: str, known: Mapping[str, str | int]) -> str:
    """Fill in both templates and join them.

    Args:
        path: template of the directory.
        filename: template of the file's name, relative to it; an absolute one is taken as it is.
        known: what the placeholders stand for.

    Raises:
        DeclarationError: an unknown placeholder, or a relative name that climbs out of the directory.
    """
    # An application's name is no path; what it says of the file is all that counts here.
    known = {**known, "APP": str(known["APP"]).replace(os.sep, "_")}
    directory, name = (_fill_in(template, known) for template in (path, filename))
    try:
        os.fsencode(directory + name)
    except UnicodeEncodeError as error:
        raise DeclarationError("bad-name", filename, f"a file name cannot be made of it: {error.reason}") from None
    if "\0" in directory + name:
        raise DeclarationError("bad-name", filename, "a file name has no zero byte")
    if os.path.isabs(name):
        return name
    name = os.path.normpath(name)
    if name.split(os.sep)[0] in (os.curdir, os.pardir):
        raise DeclarationError("outside-path", filename, f"the name leaves its directory {directory!r}")
    return os.path.join(directory, name)


def _fill_in(template: str, known: Mapping[str, str | int]) -> str:
    try:
        return template.format(**known)
    except (LookupError, ValueError, AttributeError, TypeError) as error:
        names = ", ".join(f"{{{word}}}" for word in PLACEHOLDERS)
        raise DeclarationError("bad-template", template, f"{error} does not fit; placeholders are {names}") from error
