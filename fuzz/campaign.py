"""All targets fuzzed for a time, each by a process of its own, and what they came to.

Rule 1: each begins anew, with the vectors: what a run came to depends on nothing that is kept.
Rule 2: an input that shows a fault is kept, in `FINDINGS`, and its target ends.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .inputs import LARGEST
from .targets import TARGETS

ROOT = Path(__file__).parents[1]
FINDINGS = ROOT / "fuzz" / "findings"

#: Of one input: seconds; and MiB of a process, which takes some 60 for itself.
MOST_SECONDS = 10
MOST_MEMORY = 512

_COVERAGE = re.compile(r"^#\d+\s+(\w+)\s+cov: (\d+) ft: (\d+) corp: (\d+)/.*\n", re.M)
_STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)$", re.M)
#: Where files are that are made and removed thousands of times a second.
_IN_MEMORY = Path("/dev/shm")

#: Characters of a worker's last words that are shown, the fault's traceback among them.
_SHOWN = 4000


def run(seconds: int, jobs: int) -> dict[str, Any]:
    """Fuzz all targets.

    Args:
        seconds: for all of them together.
        jobs: processes at a time.

    Returns:
        What each came to, and the inputs that show faults.
    """
    share = max(seconds * jobs // len(TARGETS), 1)
    with ThreadPoolExecutor(jobs) as pool:
        runs = list(pool.map(lambda name: _fuzz(name, share), TARGETS))
    findings = [finding for each in runs for finding in each["findings"]]
    return {
        "seconds": seconds,
        "targets": runs,
        "runs": sum(each["runs"] for each in runs),
        "findings": len(findings),
        "holds": not findings,
    }


def figures_of(log: str) -> dict[str, int]:
    """What libFuzzer says at its end; what it has not come to say is 0."""
    statistics = {name: int(number) for name, number in _STATISTIC.findall(log)}
    events = [(event, [int(number) for number in numbers]) for event, *numbers in _COVERAGE.findall(log)]
    vectors = next((numbers for event, numbers in events if event == "INITED"), [0, 0, 0])
    last = events[-1][1] if events else vectors
    return {
        "runs": statistics.get("number_of_executed_units", 0),
        "runs_per_second": statistics.get("average_exec_per_sec", 0),
        "coverage_of_vectors": vectors[0],
        "coverage": last[0],
        "features_of_vectors": vectors[1],
        "features": last[1],
        "corpus": last[2],
        "memory_mib": statistics.get("peak_rss_mb", 0),
    }


def _fuzz(name: str, seconds: int) -> dict[str, Any]:
    """Fuzz one target."""
    with tempfile.TemporaryDirectory(
        prefix="mmstats-fuzz-", dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None
    ) as directory:
        found, seeds, corpus = (Path(directory, each) for each in ("found", "seeds", "corpus"))
        for each in (found, seeds, corpus):
            each.mkdir()
        for seed in TARGETS[name].seeds():
            if len(seed) <= LARGEST:
                (seeds / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
        options = {
            "max_total_time": seconds,
            "max_len": LARGEST,
            "timeout": MOST_SECONDS,
            "rss_limit_mb": MOST_MEMORY,
            "artifact_prefix": f"{found}{os.sep}",
            "print_final_stats": 1,
        }
        done = subprocess.run(
            [sys.executable, "-m", "fuzz.worker", name, corpus, seeds, *(f"-{key}={options[key]}" for key in options)],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": directory},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            check=False,
        )
        findings = [_keep(name, path) for path in sorted(found.iterdir())]
    said = _COVERAGE.sub("", done.stdout)[-_SHOWN:]
    figures = figures_of(done.stdout)
    if not findings and (done.returncode or not figures["corpus"]):
        raise RuntimeError(f"{name} ended with status {done.returncode}, and without a finding:\n{said}")
    for finding in findings:
        print(f"{said}\n{name}: a fault; to see it again: python -m fuzz {name} {finding}", file=sys.stderr)
    return {"target": name, "seconds": seconds, **figures, "findings": findings}


def _keep(name: str, path: Path) -> str:
    """Keep an input that shows a fault; gives where, from the repository's root on."""
    FINDINGS.mkdir(exist_ok=True)
    kept = FINDINGS / f"{name}-{path.name}"
    kept.write_bytes(path.read_bytes())
    return kept.relative_to(ROOT).as_posix()
