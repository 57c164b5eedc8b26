"""An update that comes while its metric is being published goes by the store order too.

By then readers may see the slot: what was counted in private memory meanwhile is not copied over it, but published.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from mmstats_testing.interrupting import before_each
from mmstats_testing.steps import canonical, steps

from mmstats_writer import Writer

#: Every so many instructions of a publication are interrupted: a prime, so that loops are met at different places.
STRIDE = 11


def publish(path: Path, interrupted: int) -> tuple[int, list[bytes | None]]:
    """Make a label set and update it, and once more at that instruction.

    Gives how many instructions there are, and what the file held at each; None stands for the update in between.
    """
    writer = Writer(path.parent, path.name)
    times = writer.histogram("times", labelnames=["path"], bounds=[1])
    times.labels(path="before").observe(1)
    seen: list[bytes | None] = [path.read_bytes()]
    instructions = 0

    def look() -> None:
        content = path.read_bytes()
        if content != seen[-1]:
            seen.append(content)

    def step() -> None:
        nonlocal instructions
        look()
        if instructions == interrupted:
            times.labels(path="new").observe(2)
            seen.append(None)
            look()
        instructions += 1

    with before_each(step):
        times.labels(path="new").observe(1)
    look()
    writer.remove()
    return instructions, seen


def test_an_update_that_interrupts_the_publication_of_its_metric_is_published_by_steps(tmp_path: Path) -> None:
    """V2-W2, V2-W3, V2-W5: also then no store is more than one step, and none is to what is published."""
    instructions, _ = publish(tmp_path / "whole.mmstats", -1)
    odd: dict[int, set[str]] = {}
    counts: list[Any] = []
    for interrupted in range(0, instructions, STRIDE):
        _, seen = publish(tmp_path / f"{interrupted}.mmstats", interrupted)
        for before, after in pairwise(seen):
            found = steps(before, after) if before is not None and after is not None else {"the update"}
            if len(found) != 1 or "none" in found:
                odd[interrupted] = found
        assert seen[-1] is not None
        (family,) = canonical(seen[-1])["families"]
        counts += [series["value"]["counts"] for series in family["series"]]
    assert odd == {}
    assert counts == [["1", "0"], ["1", "1"]] * len(range(0, instructions, STRIDE))
