"""Run spin on the models of the store orders, and on each model with a step left out or two neighbours swapped.

Without a change a model has to hold (version 1's must not); with one, spin has to find a counterexample, or FREE says
where FORMAT.md leaves the order free. A line for each run; status 1 where one ends otherwise than it should.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
FORMAT = HERE.parent / "FORMAT.md"

#: The models that hold, with the rules whose steps they have.
MODELS = {
    "latch": ("W2", "R4"),
    "publication": ("W3", "W1", "R2"),
    "growth": ("W4", "R2"),
    "folding": ("F3", "F4"),
}

#: What must not hold: the model, the names defined for it, and what that means.
MISTAKES = (
    ("version1", "", "version 1: two copies that agree (V1-R2)"),
    ("version1", "SECOND_LOOK", "version 1: index, value, index again"),
    ("latch", "TWO_COPIES", "two copies that agree in place of R4, and contents that come again"),
    ("folding", "RENAMED_UNSYNCHRONISED", "F3.6 without synchronising the directory, and power failing"),
    ("folding", "LISTED_UNSYNCHRONISED", "F3.2 without synchronising the directory, and power failing"),
    ("folding", "LISTED_BEFORE_LOCK", "the files that are there looked up before F3.1"),
    ("folding", "ARCHIVE_NOT_HELD", "a reader that compares inodes without holding the archive open"),
    ("folding", "FILE_NOT_COMPARED", "a kept descriptor that counts without V2-R9"),
)

#: The changes that no model may notice, each with the words of FORMAT.md that allow it.
FREE = {
    "latch: W2_1 and W2_2 swapped": "W2.1 and W2.2 may change places: nobody else sees the private copy.",
    "growth: R2_4 and R2_5 swapped": "R2.4 and R2.5 may change places.",
    "publication: W3_1 and W3_2 swapped": "W3.1 and W3.2 may change places: nothing is visible before W3.4.",
}


class Run(NamedTuple):
    """A model, what is defined for it, and the order of steps that takes the place of its own."""

    model: str
    title: str
    holds: bool
    defined: str = ""
    steps: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """What spin found: the assertion that failed, if one did, and how."""

    states: int
    failed: str
    trace: list[str]


def steps_of(rule: str, text: str) -> tuple[str, ...]:
    """The steps of a rule in the order of the model, each a line of its own."""
    return tuple(re.findall(rf"^ *({rule}_\d)\(\);?$", text, re.MULTILINE))


def reordered(text: str, steps: tuple[str, ...], order: tuple[str, ...]) -> str:
    """The model with these steps, which are neighbours, in another order, or fewer of them."""
    block = re.compile(r"\n".join(rf" *{step}\(\);?" for step in steps) + "$", re.MULTILINE)
    # A block without statements is none, and the last one of a block may have a semicolon.
    changed, number = block.subn("".join(f"{step}();\n" for step in order) + "skip;", text)
    if not steps or number != 1:
        raise ValueError(f"the steps {', '.join(steps)} are not neighbours, once")
    return changed


def runs_of_models() -> Iterator[Run]:
    """Each model by itself, and each mistake."""
    for model in MODELS:
        yield Run(model, "without a change", holds=True)
    for model, defined, title in MISTAKES:
        yield Run(model, title, holds=False, defined=defined)


def runs_of_variants() -> Iterator[Run]:
    """Each step left out, and each swapped with the next."""
    for model, rules in MODELS.items():
        text = read(model)
        for rule in rules:
            steps = steps_of(rule, text)
            for at, step in enumerate(steps):
                before, after = steps[:at], steps[at + 1 :]
                variants = [(f"{step} left out", before + after)]
                if after:
                    variants.append((f"{step} and {after[0]} swapped", (*before, after[0], step, *after[1:])))
                for title, order in variants:
                    yield Run(model, title, f"{model}: {title}" in FREE, steps=steps, order=order)


def read(model: str) -> str:
    """The text of a model."""
    return (HERE / f"{model}.pml").read_text(encoding="utf-8")


def command(*arguments: str, directory: str) -> str:
    """What a program prints; its error where it fails."""
    done = subprocess.run(arguments, cwd=directory, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def verify(run: Run, readable: bool = False) -> Outcome:
    """Let spin look at every state that the model can reach."""
    text = reordered(read(run.model), run.steps, run.order) if run.steps else read(run.model)
    defined = [f"-D{run.defined}"] if run.defined else []
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "memory.pml").write_text(read("memory"), encoding="utf-8")
        Path(directory, "model.pml").write_text(text, encoding="utf-8")
        command("spin", *defined, "-a", "model.pml", directory=directory)
        # Breadth first finds the shortest counterexample, which is the readable one, but takes more time and memory.
        shortest = ["-DBFS"] if run.model == "version1" or readable else []
        options = ["-O1", "-w", "-DSAFETY", "-DCOLLAPSE", *shortest]
        command("gcc", *options, "-o", "pan", "pan.c", directory=directory)
        said = command("./pan", "-m100000", "-w23", directory=directory)
        failed = re.search(r"^pan:\d+: (.*) \(at depth", said, re.MULTILINE)
        if not failed and ("errors: 0" not in said or "Search not completed" in said):
            raise RuntimeError(f"spin did not finish: {said}")
        states = re.search(r"^ *(\d+) states, stored", said, re.MULTILINE)
        trace = []
        if failed:
            replay = command("spin", *defined, "-t", "model.pml", directory=directory)
            trace = [line.strip() for line in replay.splitlines() if re.match(r" +(\w+( \d)?: |the |file )", line)]
        return Outcome(int(states[1]) if states else 0, failed[1] if failed else "", trace)


def as_expected(run: Run, outcome: Outcome) -> bool:
    """Whether it holds, or fails in one of the model's assertions: a model that is only stuck shows nothing."""
    return not outcome.failed if run.holds else outcome.failed.startswith("assertion violated")


def main() -> int:
    """Check all, or only the models by themselves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="only the models by themselves and the known mistakes")
    parser.add_argument("--traces", action="store_true", help="print every counterexample, not only version 1's")
    arguments = parser.parse_args()
    words = " ".join(FORMAT.read_text(encoding="utf-8").split())
    wrong = [f"FORMAT.md does not say: {quoted}" for quoted in FREE.values() if quoted not in words]
    runs = [*runs_of_models(), *([] if arguments.fast else runs_of_variants())]

    def check(run: Run) -> Outcome:
        return verify(run, readable=arguments.traces and not run.holds)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for run, outcome in zip(runs, pool.map(check, runs), strict=True):
            expected = as_expected(run, outcome)
            result = f"counterexample, {outcome.failed}" if outcome.failed else "holds"
            remark = "" if expected else "  <-- not as it should be"
            print(f"{run.model}: {run.title}: {result}; {outcome.states} states{remark}")
            if outcome.failed and (arguments.traces or run.model == "version1" or not expected):
                print(*(f"    {line}" for line in outcome.trace), sep="\n")
            if not expected:
                wrong.append(f"{run.model}: {run.title}")
    for line in wrong:
        print(f"not as it should be: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
