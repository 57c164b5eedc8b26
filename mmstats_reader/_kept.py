"""A file of a directory, from one poll to the next.

Rule 1: a descriptor is kept only while its path leads to the same file (V2-R9). Without one, the file is opened each
        time.
Rule 2: of all that this process may open, whatever has them, files are kept while half are free, and archives, which
        have to be kept (V2-F4), while a quarter is: others need some too.
"""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

from mmstats_format import FormatError, layout

from ._extents import FIRST
from ._families import Process, process_of, process_of_fields
from ._file2 import File2, Reading, call
from ._liveness import Look, liveness, look
from ._parse1 import Fields
from ._reader import confirmed, identity_of, open_regular, version_of
from ._version1 import AS_KIND_OF, Kinds, Plan1, plan_of_fields

if os.name != "nt":
    import resource


class Reading1(NamedTuple):
    """What a version 1 file said at one time; `unconfirmed` are the numbers of series, as in a `Reading`."""

    plan: Plan1
    fields: Fields
    unconfirmed: frozenset[int]


def _may_keep(fd: int, archive: bool = False) -> bool:
    """Whether enough are free beside this descriptor: systems give the lowest number that is."""
    if os.name == "nt":
        return archive
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return most == resource.RLIM_INFINITY or fd < (most * 3 // 4 if archive else most // 2)


class Kept:
    """Reads one file again and again, as long as its path leads to it.

    Attributes:
        path: of the file.
        identity: device and inode.
        owner: the user whose it is.
        archive: whether it is an archive.
    """

    __slots__ = ("_dead", "_fd", "_file", "_kinds", "_mapped", "_version", "archive", "identity", "owner", "path")

    def __init__(self, path: str, mapped: bool, regular: bool, kinds: Kinds = AS_KIND_OF) -> None:
        """Open the file and read what it is.

        Args:
            path: of the file.
            mapped: whether to read it through a mapping where that can be.
            regular: whether it is known to be a regular file.
            kinds: what version 1's numbers are taken for.

        Raises:
            FormatError: it is malformed.
            OSError: it is not there, no regular file, or cannot be read; or it is an archive that cannot be kept open.
        """
        self.path, self._kinds = path, kinds
        self._fd, self._mapped, self._file = -1, mapped, File2()
        self._dead: tuple[Process | None, str] = (None, "")
        fd, status = open_regular(path, regular)
        try:
            self.identity, self.owner = identity_of(status), status.st_uid
            self._begin(fd, status.st_size)
            self._keep(fd)
        except (FormatError, OSError) as error:
            error.filename = path
            raise
        finally:
            if self._fd != fd:
                os.close(fd)

    def _begin(self, fd: int, size: int = 0) -> None:
        """Read what the file is."""
        self.archive = False
        first = call(fd, FIRST, 0)
        self._version = first[0] if first else None
        if self._version == layout.V2_VERSION:
            self._file = File2(self._mapped and _may_keep(fd))
            self.archive = self._file.open(fd, first, size).archive

    def _keep(self, fd: int) -> None:
        if _may_keep(fd, self.archive):
            self._fd = fd
        elif self.archive:
            raise OSError(errno.EMFILE, "too many files are open to keep an archive open")

    def close(self) -> None:
        """Give up the descriptor and the mapping."""
        self._file.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    __del__ = close

    def same(self) -> bool:
        """Whether the path still leads to this file."""
        try:
            return identity_of(os.stat(self.path)) == self.identity
        except OSError:
            return False

    def poll(self) -> Reading | Reading1:
        """What the file says now; raises as `Reader.poll` does."""
        fd = self._fd if self._fd >= 0 else self._opened()
        try:
            try:
                return self._read(fd)
            except FormatError:
                if version_of(fd) == self._version:
                    raise
            self._begin(fd)  # it was emptied and written anew
            return self._read(fd)
        except (FormatError, OSError) as error:
            error.filename = self.path
            raise
        finally:
            if fd != self._fd:
                os.close(fd)

    def _read(self, fd: int) -> Reading | Reading1:
        return self._file.poll(fd) if self._version == layout.V2_VERSION else self._read1(fd)

    def _read1(self, fd: int) -> Reading1:
        fields, places = confirmed(fd)
        plan = plan_of_fields(fields, self._kinds)
        marked = [number for number, series in enumerate(plan.series) if series.at in places] if places else ()
        return Reading1(plan, fields, frozenset(marked))

    def _opened(self) -> int:
        """A descriptor of the file.

        Raises:
            FileNotFoundError: its path leads to it no more.
        """
        fd, status = open_regular(self.path)
        if identity_of(status) != self.identity:
            os.close(fd)
            raise FileNotFoundError(f"{self.path} is another file by now")
        return fd

    def process_said(self, reading: Reading | Reading1) -> Process:
        """Who writes the file, by its own words."""
        if isinstance(reading, Reading1):
            return process_of_fields(self.path, reading.fields)
        return process_of(self.path, reading.header, reading.plan)

    def process(self, reading: Reading | Reading1, look: Look = look) -> Process:
        """Who writes the file, and whether it lives; who is dead stays dead. `look` is as for `liveness`."""
        process = self.process_said(reading)
        if self._dead[0] == process:
            return process._replace(state="dead", reason=self._dead[1])
        try:
            fd = self._fd if self._fd >= 0 else self._opened()
        except OSError:
            return process._replace(state="unknown", reason="the file is gone")
        try:
            compatible = reading.header.compatible if isinstance(reading, Reading) else 0
            state, reason = liveness(process, compatible, fd, look)
        finally:
            if fd != self._fd:
                os.close(fd)
        if state == "dead":
            self._dead = process, reason
        return process._replace(state=state, reason=reason)
