"""How long a page for Prometheus takes."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mmstats_testing.mending import control

from mmstats_format import layout

from .figures import _memory as memory
from .figures import fill, passes
from .measure import Effort, value
from .report import Figure

_LIVE = layout.V2_STATES["live"]


def collecting(effort: Effort) -> Iterator[Figure]:
    """Milliseconds for a page of a hundred counters over the files of many writers that live, as mmash serves it."""
    names = [f"requests_{number:03}" for number in range(100)]
    with tempfile.TemporaryDirectory(dir=memory()) as directory:
        places = fill(directory, names, effort.files)
        gc.collect()  # which closes the files; their process lives
        for path in Path(places["ours"]).iterdir():
            with path.open("r+b") as file:
                file.seek(layout.V2_HEADER_AT_STATE)
                file.write(control(_LIVE))
        found = passes(effort, places, names, page=True)
    theirs = value([1e3 * seconds for run in found["prometheus"] for seconds in run])
    what = f"page of {effort.files:,} live files of 100 counters"
    peer = "prometheus_client, multi-process, a page"
    first = value([1e3 * run[0] for run in found["pread"]])
    yield Figure(f"{what}, the first", "ms", first, peer, theirs)
    for who, how in [("pread", "a further one"), ("mapped", "a further one, mapped")]:
        further = value([1e3 * seconds for run in found[who] for seconds in run[1:]])
        yield Figure(f"{what}, {how}", "ms", further, peer, theirs, at_least=5)
