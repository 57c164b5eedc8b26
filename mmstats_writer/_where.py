"""Where a user's statistics files may lie in memory (docs/howto/production.md says why they should).

Rule 1: the directory is the user's own, and nobody else can replace a file in it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

_SHARED_MEMORY = "/dev/shm"  # noqa: S108  # a directory of the user's own is made in it, and checked


def memory_directory() -> str:
    """A directory of the user's own on a file system in memory (tmpfs), for a writer's `path`; made if it is not there.

    It is ``$XDG_RUNTIME_DIR/mmstats`` where that variable names a directory of the user's on such a file system, else
    ``/dev/shm/mmstats-UID``. It is made with mode 0700: let its owner's readers look there, or give it another mode.

    Returns:
        Its path.

    Raises:
        OSError: this system has neither; or what is there under the name is no directory, is a link or another user's,
            or others may write to it.
    """
    user = os.geteuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and _is_in_memory(runtime) and os.stat(runtime).st_uid == user:
        return _own(os.path.join(runtime, "mmstats"), user)
    if _is_in_memory(_SHARED_MEMORY):
        return _own(os.path.join(_SHARED_MEMORY, f"mmstats-{user}"), user)
    detail = "no directory in memory for statistics files: neither XDG_RUNTIME_DIR nor this is on a tmpfs; name one"
    raise FileNotFoundError(errno.ENOENT, detail, _SHARED_MEMORY)


def _own(path: str, user: int) -> str:
    """The directory, made if it is not there, when it is the user's alone."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "this is no directory of its own; remove it", path)
    if status.st_uid != user:
        raise PermissionError(errno.EPERM, f"this directory belongs to user {status.st_uid}; have it removed", path)
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EPERM, "others may write to this directory; forbid it (chmod go-w)", path)
    return path


def _is_in_memory(directory: str) -> bool:
    """Whether it is a directory on a tmpfs, by Linux's list of mounts."""
    with contextlib.suppress(OSError), open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        status = os.stat(directory)
        device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
        # proc_pid_mountinfo(5): the device is the third field, the type the first behind a dash.
        types = [line.partition(" - ")[2].split()[0] for line in file if line.split()[2] == device]
        return stat.S_ISDIR(status.st_mode) and "tmpfs" in types
    return False
