"""The command ``mmash``: where it looks and listens, what it says, and how it ends."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from mmstats_testing.documents import two, write
from mmstats_testing.mmashing import Mmash, mmash
from mmstats_testing.running import HANG_SECONDS, descriptors, environment, python, skip_or_fail

from mmstats_reader.mmash import _command, main


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "stats"
    path.mkdir()
    write(path / "a.mmstats", two("hits", "Q", 3))
    return path


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Runs the command up to where it would serve, and gives its status."""
    for name in ("MMSTATS_GLOB", "MMSTATS_PATH", "MMASH_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(_command, "_serve", lambda application, listening: None)
    monkeypatch.setattr(_command, "PORT", 0)
    return lambda *arguments: main([str(argument) for argument in arguments])


class Get(Protocol):
    def __call__(self, server: Mmash, asked: str, host: str = ..., **headers: str) -> http.client.HTTPResponse: ...


@pytest.fixture
def get() -> Iterator[Get]:
    """Asks a server over a connection of its own, which is closed when the test ends."""
    with contextlib.ExitStack() as open_ones:

        def ask(server: Mmash, asked: str, host: str = "127.0.0.1", **headers: str) -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection(host, server.port, timeout=HANG_SECONDS)
            open_ones.callback(connection.close)
            connection.request("GET", asked, headers=headers)
            return open_ones.enter_context(connection.getresponse())

        yield ask


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_all_streams_whole(path: Path, number: signal.Signals, get: Get) -> None:
    with mmash(path) as server:
        assert server.said == f"mmash: {path} on http://127.0.0.1:{server.port}/\n"
        assert get(server, "/stats/hits").read() == b'{"hits":[3]}'
        streams = [get(server, "/api/v2/stream?interval=60") for _ in range(3)]
        for stream in streams:
            assert stream.readline().startswith(b"data: ")
        status = server.end(number)
        assert [stream.read() for stream in streams] == [b"\n"] * 3  # what breaks off is an error
    assert status in (0, 128 + number, -number)


def test_who_never_reads_does_not_keep_it(path: Path, get: Get) -> None:
    """Nor does it take more than some buffers."""
    write(path / "wide.mmstats", *[two(f"hits.{number}" + 200 * "x", "Q", number) for number in range(2000)])
    with mmash(path) as server, socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"GET /api/v2/stream?interval=0.5 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream = get(server, "/api/v2/stream?interval=0.5")
        events = 0
        while events < 3:
            events += stream.readline().startswith(b"data: ")
        began = time.monotonic()
        server.end()
        assert time.monotonic() - began < HANG_SECONDS / 2


def test_who_has_left_is_noticed(path: Path) -> None:
    with mmash(path) as server, contextlib.ExitStack() as viewers:
        files = Path(f"/proc/{server.pid}/fd")
        if not files.exists():
            skip_or_fail("this system does not show another process's descriptors")

        def sockets() -> int:
            found = 0
            for file in files.iterdir():
                with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                    found += os.readlink(file).startswith("socket:")
            return found

        def view() -> None:
            viewer = viewers.enter_context(socket.create_connection(("127.0.0.1", server.port), HANG_SECONDS))
            viewer.sendall(b"GET /api/v2/stream?interval=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert viewer.recv(1)

        view()
        before = sockets()
        for _ in range(5):
            view()
        assert sockets() == before + 5
        viewers.close()
        deadline = time.monotonic() + HANG_SECONDS
        while sockets() >= before:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_it_serves_on_while_files_come_change_and_go(path: Path, get: Get) -> None:
    with mmash(path) as server:
        done = threading.Event()

        def disturb() -> None:
            while not done.is_set():
                write(path / "b.mmstats", two("hits", "Q", 4))
                path.joinpath("c.mmstats").write_bytes(b"\x02MMSTATS")
                path.joinpath("b.mmstats").write_bytes(b"")
                path.joinpath("b.mmstats").unlink()
                path.joinpath("c.mmstats").unlink()

        disturbing = threading.Thread(target=disturb)
        disturbing.start()
        try:
            end = time.monotonic() + 1
            while time.monotonic() < end:
                for asked in ("/stats/hits?glob=a*", "/api/v2/families", "/metrics"):
                    answer = get(server, asked)
                    assert answer.status == 200
                    assert b"hits" in answer.read()
        finally:
            done.set()
            disturbing.join()


def test_requests_that_are_none_do_no_harm(path: Path, get: Get) -> None:
    with mmash(path) as server:
        requests = [b"\0\xff\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"]
        requests += [b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"]
        for request in requests:
            with socket.create_connection(("127.0.0.1", server.port), HANG_SECONDS) as connection:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.makefile("rb").read()
                assert not answer or b" 400 " in answer, request
        assert get(server, "/stats/").status == 200


def test_a_port_that_is_in_use_is_told_in_one_line(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = python("-m", "mmstats_reader.mmash", "--port", str(port), path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"mmash: cannot listen on 127.0.0.1, port {port}: {os.strerror(98)}\n" or (
        done.stderr.count("\n") == 1 and str(port) in done.stderr
    )


@pytest.mark.parametrize("host", ["256.0.0.1", "192.0.2.1", "no..such", "such a host"])
def test_a_host_that_is_none_of_ours_is_told_in_one_line(
    path: Path, begun: Callable[..., int], host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert begun("--host", host, path) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"mmash: cannot listen on {host}, port 0: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["--port", "x"], ["--port", "65536"], ["--port", "-1"], ["--nothing"], ["--allow-host"]]
)
def test_wrong_arguments_end_with_status_2_and_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: mmash")


def test_what_is_not_there_is_told(
    tmp_path: Path, begun: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert begun(tmp_path / "nothing") == 1
    assert capsys.readouterr().err == f"mmash: {tmp_path / 'nothing'}: No such file or directory\n"


def test_a_place_without_files_is_told_and_served(
    tmp_path: Path, begun: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert begun(tmp_path) == 0
    said = capsys.readouterr()
    assert said.err == f"mmash: no statistics files yet in {tmp_path}\n"
    assert said.out.startswith(f"mmash: {tmp_path} on http://127.0.0.1:")


def looked(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.removeprefix("mmash: ").partition(" on http")[0]


def test_arguments_go_before_the_environment_that_before_settings_and_those_before_defaults(
    tmp_path: Path,
    path: Path,
    begun: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'MMSTATS_GLOB = "{path}/s*"\nHOST = "127.0.0.3"\nPORT = 0\n')
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    for place in (here, temporary):
        place.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    begun()
    assert looked(capsys) == f"{temporary}, {here}"
    monkeypatch.chdir(temporary)
    begun()
    assert looked(capsys) == str(temporary)
    monkeypatch.setenv("MMASH_SETTINGS", str(settings))
    begun()
    said = capsys.readouterr().out
    assert said.startswith(f"mmash: {path}/s* on http://127.0.0.3:")
    monkeypatch.setenv("MMSTATS_PATH", str(path))
    begun()
    assert looked(capsys) == f"{path}/*.mmstats"
    monkeypatch.setenv("MMSTATS_GLOB", f"{path}/a*")
    begun()
    assert looked(capsys) == f"{path}/a*"
    begun("--host", "127.0.0.2", path)
    assert capsys.readouterr().out.startswith(f"mmash: {path} on http://127.0.0.2:")
    other = tmp_path / "other.toml"
    other.write_text('HOST = "127.0.0.4"')
    begun("--settings", other)
    assert "http://127.0.0.4:" in capsys.readouterr().out


def test_it_reads_where_it_was_started_beside_the_temporary_directory(path: Path, tmp_path: Path, get: Get) -> None:
    """``mmash`` alone, as the original's README has it beside its example."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    write(temporary / "b.mmstats", two("hits", "Q", 4))
    with mmash(directory=path, TMPDIR=str(temporary)) as server:
        assert get(server, "/stats/hits").read() == b'{"hits":[3,4]}'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("MMSTATS_GLOB = '/tmp/*'\nDEBUG = True\n", "this is no TOML"),
        ("import os; os.mkdir('executed')", "this is no TOML"),
        ("\xff", "this is no TOML"),
        ('PATH = "/tmp"', "there is no setting PATH; there are MMSTATS_GLOB, HOST, PORT, DEBUG"),
        ('PORT = "5002"', "PORT is not '5002'"),
        ("PORT = true", "PORT is not True"),
        ("PORT = 65536", "PORT is from 0 to 65535, not 65536"),
        ("HOST = 1", "HOST is not 1"),
    ],
)
def test_settings_that_are_wrong_are_told_in_one_line(
    tmp_path: Path,
    path: Path,
    begun: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    said: str,
) -> None:
    settings = tmp_path / "settings"
    settings.write_text(content, encoding="latin-1")
    monkeypatch.chdir(tmp_path)
    assert begun("--settings", settings, path) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"mmash: {settings}: ")
    assert said in error
    assert error.count("\n") == 1
    assert not tmp_path.joinpath("executed").exists()


def test_settings_that_are_missing_are_told(
    tmp_path: Path, path: Path, begun: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert begun("--settings", tmp_path / "nothing", path) == 1
    assert capsys.readouterr().err == f"mmash: {tmp_path / 'nothing'}: No such file or directory\n"


def test_there_is_no_debug_mode(
    tmp_path: Path, path: Path, begun: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("DEBUG = true")
    assert begun("--settings", settings, path) == 0
    assert "DEBUG has no effect" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "named"), [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("0.0.0.0", "localhost")]
)
def test_the_address_that_is_told_can_be_opened(
    path: Path, begun: Callable[..., int], capsys: pytest.CaptureFixture[str], host: str, named: str
) -> None:
    assert begun("--host", host, path) == 0
    assert f"on http://{named}:" in capsys.readouterr().out


def test_it_listens_on_version_6_of_the_internet_protocol(path: Path, get: Get) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        skip_or_fail("there is no IPv6 here")
    with mmash("--host", "::1", path) as server:
        assert server.said == f"mmash: {path} on http://[::1]:{server.port}/\n"
        assert get(server, "/stats/", "::1").status == 200


def test_names_are_allowed_and_version_1_is_taken_as_told(path: Path, get: Get) -> None:
    write(path / "b.mmstats", two("rows", "I", 4))
    with mmash("--allow-host", "stats.example", "--rate", "row*", "--value", "hit*", path) as server:
        found = get(server, "/api/v2/families", Host="Stats.example:80")
        assert found.status == 200
        content = found.read()
        assert get(server, "/api/v2/families", Host="other.example").status == 400
    assert content.index(b'"hits","kind":"unknown"') < content.index(b'"rows","kind":"counter"')


@pytest.mark.parametrize("missing", ["starlette", "prometheus_client", "chartkick"])
def test_without_the_extra_it_says_how_to_have_it(path: Path, missing: str) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
from mmstats_reader.mmash import main
sys.exit(main(sys.argv[1:]))
"""
    done = python("-c", code, "--port", "0", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'mmstats-format[web]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_command_imports_nothing_of_the_extra() -> None:
    code = """
import sys
import mmstats_reader.mmash
print(sorted({"starlette", "uvicorn", "prometheus_client"} & sys.modules.keys()))
"""
    assert python("-c", code).stdout == "[]\n"


def test_nothing_stays_open_where_it_cannot_begin(path: Path, begun: Callable[..., int]) -> None:
    before = descriptors()
    begun(path)
    begun("--host", "192.0.2.1", path)
    assert descriptors() == before


def test_nobody_need_listen_to_what_it_says(path: Path) -> None:
    command = [sys.executable, "-m", "mmstats_reader.mmash", "--port", "0", str(path)]
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, env=environment()) as process:
        os.close(writing)
        assert process.communicate(timeout=HANG_SECONDS)[1] == b""
    assert process.returncode == 0
