"""The command ``mmash``: where to look, where to listen, and the server.

Rule 1: an option goes before the environment, that before the settings' file, and that before the default.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmstats_format import settings
from mmstats_format.cli import complain, neutral, run

from .._directory import Directory
from ._settings import Settings, read_settings

if TYPE_CHECKING:
    from ._application import Application

HOST, PORT = "127.0.0.1", 5002
#: How long connections that do not end by themselves are waited for.
_GRACE_SECONDS = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; see ``mmash --help``.

    Returns:
        1 when it cannot begin, 130 for Ctrl-C.
    """
    return run(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="mmash",
        description="Show what running programs publish in a browser, as JSON, and to Prometheus.",
        epilog="Without FILE: what MMSTATS_GLOB matches, else the *.mmstats files of MMSTATS_PATH, else what the "
        "settings say, else the *.mmstats files of the temporary directory and of the current one. MMASH_SETTINGS "
        "names a file as --settings does. Status: 1 it cannot listen there, or what it should read is not there, 2 "
        "wrong arguments.",
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="a file, a directory for its *.mmstats files, or a pattern of files"
    )
    parser.add_argument("--host", help=f"where to listen (default: {HOST})")
    parser.add_argument("--port", type=_port, help=f"on which port (default: {PORT}; 0 for one that is free)")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name under which browsers ask for this server, beside the host and localhost; may be repeated",
    )
    parser.add_argument(
        "--settings", metavar="FILE", help="a TOML file that may set MMSTATS_GLOB, HOST and PORT; it is not executed"
    )
    parser.add_argument(
        "--rate",
        action="append",
        default=[],
        metavar="GLOB",
        help="version 1 labels whose numbers are counters; may be repeated",
    )
    parser.add_argument(
        "--value",
        action="append",
        default=[],
        metavar="GLOB",
        help="version 1 labels whose numbers are of unknown kind, even counters; may be repeated",
    )
    options = parser.parse_args(arguments)
    said = Settings()
    if path := options.settings or os.environ.get("MMASH_SETTINGS"):
        try:
            said = read_settings(path)
        except OSError as error:
            complain(f"mmash: {path}: {error.strerror}")
            return 1
        except ValueError as error:
            complain(f"mmash: {path}: {error}")
            return 1
    if said.debug:
        complain(f"mmash: {path}: DEBUG has no effect: there is no debug mode")
    places = _places(options.files, said.glob)
    try:
        from ._application import Application
    except ImportError as error:
        complain(f"mmash: it needs an extra: pip install 'mmstats-format[web]' ({error})")
        return 1
    if not _is_there(places):
        return 1
    host = next(given for given in (options.host, said.host, HOST) if given is not None)
    port = next(given for given in (options.port, said.port, PORT) if given is not None)
    try:
        listening = _listen(host, port)
    except (OSError, UnicodeError) as error:  # the latter of a name that cannot be one
        reason = getattr(error, "strerror", None) or error
        complain(f"mmash: cannot listen on {host}, port {port}: {reason}")
        return 1
    with listening:
        application = Application(*places, rate=options.rate, value=options.value, hosts=[host, *options.allow_host])
        port = listening.getsockname()[1]
        print(neutral(f"mmash: {', '.join(places)} on http://{_named(host)}:{port}/"), flush=True)
        _serve(application, listening)
    return 0


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 1 << 16:
        raise ValueError
    return port


def _places(files: Sequence[str], pattern: str | None) -> list[str]:
    """Where to look."""
    if files:
        return list(files)
    if os.environ.get("MMSTATS_GLOB") or os.environ.get("MMSTATS_PATH"):
        return [settings.stats_glob()]
    if pattern is not None:
        return [pattern]
    places = [settings.stats_path()]
    with contextlib.suppress(OSError):  # the current directory may have gone
        if not os.path.samefile(places[0], os.curdir):
            places.append(os.getcwd())
    return places


def _is_there(places: Sequence[str]) -> bool:
    """Whether there is anything to look into; it is said where there is not, or where there are no files yet."""
    with Directory(*places) as stats:
        try:
            view = stats.poll()
        except OSError as error:
            complain(f"mmash: {error.filename}: {error.strerror}")
            return False
        if not view.snapshots and not view.errors:
            complain(f"mmash: no statistics files yet in {', '.join(places)}")
    return True


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address, family=family, backlog=128)


def _named(host: str) -> str:
    """A host as it stands in an address that a browser can open."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "localhost"
    return f"[{host}]" if address.version == 6 else host


def _serve(application: Application, listening: socket.socket) -> None:
    """Answer until a signal ends it."""
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            application.streams.end()  # they would not end by themselves
            await super().shutdown(sockets)

    config = uvicorn.Config(
        application,
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    Server(config).run(sockets=[listening])
