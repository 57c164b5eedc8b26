"""The manifests for containers: they hang together, and each of their commands does its part, in one directory."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn
import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are a package of their own
from mmstats_testing.mmashing import Mmash
from mmstats_testing.running import HANG_SECONDS, environment, python
from mmstats_testing.serving import HOST

from mmstats_reader import Directory

EXAMPLES = Path(__file__).parents[2] / "examples"
BIN = Path(sys.executable).parent
WRITER = "from mmstats_writer import Writer\nWriter(app='shop').counter('served').inc(5)"


class Container(NamedTuple):
    """What a manifest says of one."""

    command: list[str]
    environment: dict[str, str]
    #: Where volumes are mounted, and whether they may be written to.
    mounts: dict[str, bool]


def kubernetes() -> dict[str, Container]:
    """The containers of the pod, that which runs first among them."""
    manifest = yaml.safe_load((EXAMPLES / "kubernetes.yaml").read_text(encoding="utf-8"))
    template = manifest["spec"]["template"]
    assert template["metadata"]["labels"] == manifest["spec"]["selector"]["matchLabels"]
    pod = template["spec"]
    (volume,) = pod["volumes"]
    assert volume["emptyDir"]["medium"] == "Memory"
    assert volume["emptyDir"]["sizeLimit"]
    found = {}
    for container in pod["initContainers"] + pod["containers"]:
        mounts = {mount["mountPath"]: not mount.get("readOnly", False) for mount in container["volumeMounts"]}
        assert [mount["name"] for mount in container["volumeMounts"]] == [volume["name"]]
        variables = {variable["name"]: variable["value"] for variable in container.get("env", ())}
        found[container["name"]] = Container(container["command"], variables, mounts)
    return found


def compose() -> dict[str, Container]:
    """The services."""
    manifest = yaml.safe_load((EXAMPLES / "compose.yaml").read_text(encoding="utf-8"))
    (volume,) = manifest["volumes"]
    assert manifest["volumes"][volume]["driver_opts"]["type"] == "tmpfs"
    found = {}
    for name, service in manifest["services"].items():
        mounts = {}
        for mount in service["volumes"]:
            source, target, *rights = mount.split(":")
            assert source == volume
            mounts[target] = rights != ["ro"]
        found[name] = Container(service["command"], service.get("environment", {}), mounts)
    assert len({service["user"] for service in manifest["services"].values()}) == 1, "a cleaner is its writers' user"
    return found


@pytest.fixture(params=[kubernetes, compose])
def containers(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Container]:
    """Those of a manifest, with a directory of the test in place of the volume."""
    volume = tmp_path / "volume"
    volume.mkdir()
    found: dict[str, Container] = request.param()

    def located(text: str) -> str:
        return text.replace("/stats", str(volume)) if text.startswith("/stats") else text

    for name, container in found.items():
        assert set(container.mounts) == {"/stats"}
        found[name] = Container(
            [located(part) for part in container.command],
            {variable: located(value) for variable, value in container.environment.items()},
            container.mounts,
        )
    if "directory" in found:
        volume.chmod(0o777)  # as an emptyDir is
    return found


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A command of this project; it is killed at the end."""
    with subprocess.Popen(
        [BIN / command[0], *command[1:]], stdout=subprocess.PIPE, text=True, env=environment(PYTHONUNBUFFERED="1")
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def asked(port: int, host: str) -> tuple[int, str]:
    """What mmash answers to who asks for its page for Prometheus under this name."""
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=HANG_SECONDS)) as connection:
        connection.request("GET", "/metrics", headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_containers_of_a_manifest_work_together(containers: dict[str, Container]) -> None:
    writer = containers["shop"]
    directory = Path(writer.environment["MMSTATS_PATH"])
    if first := containers.get("directory"):
        refused = python("-c", WRITER, MMSTATS_PATH=str(directory.parent))
        assert "PermissionError" in refused.stderr, "an emptyDir itself is refused"
        for _ in range(2):  # it may run again
            subprocess.run(first.command, check=True, timeout=HANG_SECONDS)
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert writer.mounts["/stats"]
    wrote = python("-c", WRITER, **writer.environment)
    assert (wrote.returncode, wrote.stderr) == (0, "")
    assert len(os.listdir(directory)) == 1

    shows = containers["mmash"]
    assert not shows.mounts["/stats"], "who looks need not write"
    with running(["0" if part == "5002" else part for part in shows.command]) as process:
        assert process.stdout is not None
        port = Mmash(process, process.stdout.readline()).port
        for host in ("10.1.2.3:5002", *["mmash:5002"] * ("--allow-host" in shows.command)):
            status, page = asked(port, host)
            assert status == 200
            assert "\nserved_total 5.0\n" in page
        assert asked(port, "elsewhere:5002")[0] == 400

    cleans = containers["cleanstats"]
    assert cleans.mounts["/stats"]
    with running(cleans.command) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("folded ")
        process.send_signal(signal.SIGTERM)  # as containers are stopped
        assert process.wait(HANG_SECONDS) == 0
    assert [name for name in os.listdir(directory) if name.endswith(".mmstats")] == ["shop.archive.mmstats"]
    with Directory(directory) as stats:
        assert stats.poll().total("served") == 5


def test_uvicorn_takes_the_application_s_command(containers: dict[str, Container]) -> None:
    name, *arguments = containers["shop"].command
    assert name == "uvicorn"
    context = uvicorn.main.make_context(name, arguments)  # refuses what it does not know
    assert context.params["app"] == "fastapi_app:app"
    assert context.params["workers"] == 2
