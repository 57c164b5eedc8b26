"""The exporter under the conformance kit (``spec/CONFORMANCE.md``, P-18): ``exporter.py DIRECTORY``.

It is what `mmstats_reader.prometheus` gives, but for what that tells of itself.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

from prometheus_client import Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.samples import Sample

from mmstats_reader import Directory
from mmstats_reader._openmetrics import metrics


def page(where: str) -> bytes:
    """The OpenMetrics text of a directory."""
    found = []
    with Directory(where) as directory:
        for name, type_, unit, help_, samples in metrics(directory.poll()):
            metric = Metric(name, help_, type_, unit)
            metric.samples = [Sample(name + suffix, labels, value) for suffix, labels, value in samples]
            found.append(metric)
    text: bytes = generate_latest(SimpleNamespace(collect=lambda: found))  # type: ignore[no-untyped-call]
    return text


if __name__ == "__main__":
    sys.stdout.buffer.write(page(sys.argv[1]))
