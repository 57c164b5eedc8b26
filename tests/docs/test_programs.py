"""Programs, configurations and command lines that the pages show are what they are said to be.

`test_readme` runs what prints something. Here are programs that are started, by the real thing: gunicorn, promtool, an
OTLP collector; and the options of commands, by the commands' own help.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from mmstats_testing.receiving import collector
from mmstats_testing.running import HANG_SECONDS, environment, python, skip_or_fail
from mmstats_testing.serving import HOST, Load, served

from .test_readme import FENCE, PAGES, ROOT, STATISTICS

HOWTO = ROOT / "docs" / "howto"
#: Every page with commands; the implementations' are for people too.
SHELL_PAGES = [*PAGES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "interop").glob("*/README.md"))]
COMMANDS = ("slurpstats", "pollstats", "cleanstats", "mmtop", "mmash", "mmstats-conformance", "mmstats_reader.otel")
REQUESTS, WORKERS = 60, 3
COUNTS = "from mmstats_writer import Writer\nstats = Writer(app='shop')\nstats.counter('hits').inc(3)\n"


def shown(page: Path, language: str) -> list[str]:
    """The blocks of a page in a language."""
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [match["text"] for match in found if match["language"].strip() == language]


def programs(page: str) -> list[str]:
    """The Python programs of a page, in order."""
    return shown(HOWTO / page, "{code-block} python")


def test_every_program_of_the_pages_is_run_here() -> None:
    there = {page.name: len(programs(page.name)) for page in HOWTO.glob("*.md") if programs(page.name)}
    assert there == {"prometheus-client.md": 4, "prometheus.md": 2, "opentelemetry.md": 1}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_moving_from_prometheus_client_keeps_the_page(tmp_path: Path, after: bool) -> None:
    application, settings = programs("prometheus-client.md")[2:] if after else programs("prometheus-client.md")[:2]
    files = tmp_path / "files"
    files.mkdir()
    (tmp_path / "shop.py").write_text(application.replace(STATISTICS, str(files)), encoding="utf-8")
    (tmp_path / "gunicorn.conf.py").write_text(settings, encoding="utf-8")
    # The page's own command, with the test's socket, and so many workers that each knows a part only.
    lines = "".join(shown(HOWTO / "prometheus-client.md", "sh")).splitlines()
    (command,) = (line for line in lines if "gunicorn" in line and ("MMSTATS_PATH" in line) == after)
    variable, *words = shlex.split(command)
    run = [sys.executable, "-m", *words, "--bind", "fd://{fd}", "--workers", str(WORKERS), "--no-control-socket"]
    with served(run, tmp_path / "output", tmp_path, **{variable.partition("=")[0]: str(files)}) as server:
        assert Load(server.port, REQUESTS).wait().answers == {"Hello\n": REQUESTS}, server.output
        page = httpx.get(f"http://{HOST}:{server.port}/metrics", timeout=HANG_SECONDS, trust_env=False).text
        server.stop()
    assert f'http_requests_total{{method="GET"}} {REQUESTS}.0' in page
    assert "\nhttp_inflight 0.0\n" in page
    assert f'http_latency_seconds_bucket{{le="+Inf"}} {REQUESTS}.0' in page
    assert f"http_latency_seconds_count {REQUESTS}.0" in page


def test_the_collector_of_the_page_is_on_the_page_that_is_there(tmp_path: Path) -> None:
    show = "from prometheus_client import generate_latest\nprint(generate_latest(REGISTRY).decode())\n"
    register, take_off = (block.replace(STATISTICS, str(tmp_path)) for block in programs("prometheus.md"))
    for program, own in ((register, True), (register + take_off, False)):
        done = python("-c", COUNTS + program + show, MMSTATS_PATH=str(tmp_path))
        assert (done.returncode, done.stderr) == (0, "")
        assert "\nhits_total " in done.stdout
        # Of the process that answers there is no label, of those with files there are.
        assert ("\nprocess_cpu_seconds_total " in done.stdout) is own
        assert ("\nprocess_cpu_seconds_total{" in done.stdout) is not own


def test_the_program_that_pushes_does_so(tmp_path: Path) -> None:
    (push,) = programs("opentelemetry.md")
    with collector() as receiver:
        done = python(
            "-c",
            COUNTS + push.replace(STATISTICS, str(tmp_path)),
            MMSTATS_PATH=str(tmp_path),
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            NO_PROXY=HOST,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert receiver.pushes[-1].services["shop"]["hits"].values == {(): 3}


@pytest.mark.parametrize("page", ["prometheus.md", "prometheus-client.md"])
def test_prometheus_takes_the_configuration(page: str, tmp_path: Path) -> None:
    if not (promtool := shutil.which("promtool")):
        skip_or_fail("there is no promtool (Debian: prometheus)")
    (configuration,) = shown(HOWTO / page, "yaml")
    path = tmp_path / "prometheus.yml"
    path.write_text(configuration, encoding="utf-8")
    done = subprocess.run([promtool, "check", "config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@functools.cache
def options(command: str, *subcommand: str) -> set[str]:
    """The options that a command's help names."""
    module = command.startswith("mmstats_reader.")
    run = [sys.executable, "-m", command] if module else [str(Path(sys.executable).with_name(command))]
    done = subprocess.run([*run, *subcommand, "--help"], env=environment(), capture_output=True, text=True, check=True)
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", done.stdout))


def command_lines() -> list[tuple[str, list[str]]]:
    """Each call of a command of ours in a shell block or a unit file, with the page where it stands."""
    found = []
    for page in SHELL_PAGES:
        for line in "".join(shown(page, "sh") + shown(page, "ini")).replace("\\\n", " ").splitlines():
            # Each simple command by itself.
            for part in re.split(r"&&|[|;>]", line.removeprefix("ExecStart=")):
                words = shlex.split(part, comments=True)
                at = next((at for at, word in enumerate(words) if os.path.basename(word) in COMMANDS), None)
                if at is not None:
                    found.append((page.relative_to(ROOT).as_posix(), words[at:]))
    return found


LINES = command_lines()


@pytest.mark.parametrize(("page", "words"), LINES, ids=[f"{page}: {' '.join(words)}" for page, words in LINES])
def test_every_option_in_a_shell_block_is_one_of_the_command(page: str, words: list[str]) -> None:
    command, *rest = words
    subcommand = rest[:1] if command == "mmstats-conformance" else []
    known = options(os.path.basename(command), *subcommand)
    assert {word.partition("=")[0] for word in rest if re.match(r"--?[a-zA-Z]", word)} <= known


def test_there_are_command_lines() -> None:
    assert {os.path.basename(words[0]) for _, words in LINES} == set(COMMANDS)
