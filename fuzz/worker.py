"""Fuzz one target: ``python -m fuzz.worker TARGET SEED-OR-CORPUS… [-libFuzzer options]``; needs atheris."""

from __future__ import annotations

import sys
from itertools import count
from random import Random

import atheris

with atheris.instrument_imports(include=["mmstats_format", "mmstats_reader"]):
    # The schemas are imported when they are first used, and that would be too late.
    import mmstats_format.schema1
    import mmstats_format.schema2  # noqa: F401

    from .mutating import mutate
    from .targets import TARGETS, run_bounded

#: One input of so many is run with its memory watched, which takes several times as long.
WATCHED = 64


def main() -> None:
    """Run until libFuzzer ends the process."""
    target = TARGETS[sys.argv.pop(1)]
    numbers = count(1)

    def test(data: bytes) -> None:
        if next(numbers) % WATCHED:
            target.run(data)
        else:
            run_bounded(target, data)

    def change(data: bytes, most: int, seed: int) -> bytes:
        return mutate(data, most, Random(seed), atheris.Mutate)

    def cross(data: bytes, other: bytes, most: int, seed: int) -> bytes:
        return mutate(data, most, Random(seed), atheris.Mutate, other)

    atheris.Setup(sys.argv, test, custom_mutator=change, custom_crossover=cross)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
