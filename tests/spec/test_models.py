"""The models of the store orders: they hold, and have the steps that FORMAT.md has."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from mmstats_testing.running import python, skip_or_fail

SPEC = Path(__file__).parents[2] / "spec"


def test_every_model_holds_and_version_1_does_not() -> None:
    for program in ("spin", "gcc"):
        if shutil.which(program) is None:
            skip_or_fail(f"no {program} here")
    done = python(SPEC / "models" / "check.py", "--fast")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_models_have_the_steps_of_the_document() -> None:
    document = (SPEC / "FORMAT.md").read_text(encoding="utf-8")
    chapters = re.findall(r"^### (?:3\.8|3\.9|3\.12) .*?(?=^### )", document, re.MULTILINE | re.DOTALL)
    assert len(chapters) == 3
    steps = set(re.findall(r"\b[WRF]\d\.\d\b", "".join(chapters)))
    models = "".join(path.read_text(encoding="utf-8") for path in (SPEC / "models").glob("*.pml"))
    modelled = {step.replace("_", ".") for step in re.findall(r"^inline ([WRF]\d_\d)\(", models, re.MULTILINE)}
    assert modelled == steps
