"""The examples of each implementation's README: what the first publishes, the second shows."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mmstats_testing.running import HANG_SECONDS

from interop.languages import ROOT, languages
from mmstats_format.conformance._files import canonical

from .conftest import Commands

INTEROP = ROOT / "interop"
#: Where the READMEs put their files.
PLACES = re.compile(r"/(?:dev/shm|run/shop|tmp)(?=[/\"'])")


def programs(language: str, directory: Path) -> list[str]:
    """The two programs of a README, with its files in this directory."""
    found = re.findall(
        r"^```(?:c|go|rust|java|js|python)\n(.*?)^```", (INTEROP / language / "README.md").read_text(), re.M | re.S
    )
    assert len(found) == 2, f"{language} has {len(found)} examples"
    return [PLACES.sub(str(directory), program) for program in found]


def run(directory: Path, *command: str | Path, lines: int = 0) -> str:
    """What a program prints, all or so many lines; what it cannot do fails."""
    with subprocess.Popen(
        command, cwd=directory, stdout=subprocess.PIPE, text=True, env=os.environ | {"GOFLAGS": "-mod=mod"}
    ) as process:
        try:
            if lines:
                assert process.stdout
                return "".join(process.stdout.readline() for _ in range(lines))
            output, _ = process.communicate(timeout=HANG_SECONDS)
            assert process.returncode == 0, command
            return output
        finally:
            process.kill()


def c(directory: Path, name: str, program: str) -> str:
    source = directory / f"{name}.c"
    source.write_text(program)
    here = INTEROP / "c"
    run(directory, "cc", "-Wall", "-Werror", f"-I{here}", source, here / "build/libmmstats.a", "-pthread", "-o", name)
    return run(directory, directory / name)


def go(directory: Path, name: str, program: str) -> str:
    """The README's are parts of a function."""
    imports = [f'"{package}"' for package in ("fmt", "log", "mmstats") if f"{package}." in program]
    body = "\n".join("\t" + line for line in program.splitlines())
    source = directory / name
    source.mkdir()
    (source / "main.go").write_text(
        f"package main\n\nimport (\n{chr(10).join(imports)}\n)\n\nfunc main() {{\n{body}\n}}\n"
    )
    (source / "go.mod").write_text(
        f"module example\n\ngo 1.19\n\nrequire mmstats v0.0.0\n\nreplace mmstats => {INTEROP / 'go'}\n"
    )
    return run(source, "go", "run", ".")


def rust(directory: Path, name: str, program: str) -> str:
    """The README's second is a part of a function, and its first removes its file in the end."""
    if "fn main" not in program:
        used, _, body = program.partition("\n\n")
        program = f"{used}\nfn main() {{\n{body}\n}}\n"
    program = program.replace("std::env::temp_dir()", f'std::path::Path::new("{directory}")').replace(
        "rust-shop", "shop"
    )
    program = program.replace("std::fs::remove_file(writer.path().unwrap()).map_err(Refused::File)", "Ok(())")
    source = directory / f"{name}.rs"
    source.write_text(program)
    library = INTEROP / "rust/target/release"
    run(
        directory,
        "rustc",
        "--edition",
        "2021",
        "-Dwarnings",
        "--extern",
        f"mmstats={library}/libmmstats.rlib",
        "-o",
        directory / name,
        source,
    )
    return run(directory, directory / name)


def java(directory: Path, name: str, program: str) -> str:
    found = re.search(r"class (\w+)", program)
    assert found
    source = directory / f"{found[1]}.java"
    source.write_text(program)
    return run(directory, "java", "-cp", INTEROP / "java/build", source)


def js(directory: Path, name: str, program: str) -> str:
    source = directory / f"{name}.mjs"
    source.write_text(program.replace("'./src/", f"'{INTEROP}/js/src/"))
    return run(directory, "node", source, lines=2 if "setInterval" in program else 0)


def python(directory: Path, name: str, program: str) -> str:
    source = directory / f"{name}.py"
    source.write_text(program)
    return run(directory, languages()["python"].commands()["reader"].split()[0], source)


HOW: dict[str, tuple[Callable[[Path, str, str], str], list[str]]] = {
    "c": (c, ["hits 1000"]),
    "go": (go, ["hits [/index] 1"]),
    "rust": (rust, ['hits ["/"]', "latency []"]),
    "java": (java, ["orders [", "fr"]),
    "js": (js, ["requests GET 1", "latency"]),
    "python": (python, ["orders {'payment': 'card'} 1", "latency {}"]),
}


@pytest.mark.parametrize(
    "language",
    [pytest.param(name, marks=() if name in ("c", "python") else pytest.mark.interop) for name in languages()],
)
def test_what_the_first_example_publishes_the_second_shows(language: str, commands: Commands, tmp_path: Path) -> None:
    commands(language)
    execute, expected = HOW[language]
    publish, read = programs(language, tmp_path)
    execute(tmp_path, "publish", publish)
    (path,) = tmp_path.glob("*.mmstats")
    assert canonical(path.read_bytes())["version"] == 2
    output = execute(tmp_path, "read", read)
    assert [part for part in expected if part not in output] == [], output
