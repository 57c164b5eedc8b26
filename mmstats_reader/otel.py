"""The statistics of a directory for OpenTelemetry: observed, and pushed to a collector by OTLP over HTTP.

    Directory ── View ── metrics_data ── exporter ──► collector

``python -m mmstats_reader.otel /dev/shm/mmstats`` does so as a program of its own, `push_every` in a thread of one that
is there. Where the collector is, and how it is spoken to, the environment says (``OTEL_EXPORTER_OTLP_…``).

Rule 1: what cannot be read or pushed is said once, and tried again at the next push.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from mmstats_format import FormatError
from mmstats_format.cli import complain, end_by_sigterm, run

from ._directory import Directory

try:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import export

    from ._otlp import History, metrics_data
except ImportError:
    if __name__ != "__main__":
        raise
    complain("mmstats_reader.otel: it needs an extra: pip install 'mmstats-format[otel]'")
    sys.exit(1)

__all__ = ["History", "main", "metrics_data", "push_every"]

_DEFAULT_SECONDS = 60.0
#: What is told of beside files and directories.
_COLLECTOR, _NOTHING = "the collector", "no statistics files"


def push_every(
    seconds: float,
    *where: str | os.PathLike[str],
    exporter: export.MetricExporter | None = None,
    report: Callable[[str], None] | None = None,
    rate: Iterable[str] = (),
    value: Iterable[str] = (),
) -> Callable[[], None]:
    """Push what the files say again and again, in a thread of its own that ends with the program.

    What cannot be read or pushed is tried again the next time. Call it in one process alone, and after it has forked.

    Args:
        seconds: from one beginning to the next.
        where: directories, files and patterns, as for a `Directory`.
        exporter: of OpenTelemetry's library; by default OTLP over HTTP, as the environment has it.
        report: is called with a line for each thing that does not go any more, and when pushes go again.
        rate: patterns of version 1 labels whose numbers are counters, as for a `Directory`.
        value: patterns of those that are of unknown kind, likewise.

    Returns:
        What pushes a last time and ends it. It waits for that, as long as the exporter takes for a push, or two.
    """
    to = exporter or OTLPMetricExporter()
    stats, history, ended = Directory(*where, rate=rate, value=value), History(), threading.Event()
    said: dict[str, str] = {}

    def once() -> bool:
        wrong, done = {}, True
        try:
            view = stats.poll()
        except OSError as error:
            wrong[str(error.filename)] = f"{error.filename}: {_reason(error)}"
        else:
            wrong = {path: f"{path}: {_reason(error)}" for path, error in view.errors.items()}
            data = metrics_data(view, history)
            if not (data.resource_metrics or wrong):
                wrong[_NOTHING] = f"{_NOTHING} in {', '.join(stats.where)}"
            if data.resource_metrics and (failure := _export(to, data)):
                wrong[_COLLECTOR] = f"{_COLLECTOR}: {failure}; it is tried again, and no count is lost"
                done = False
        if report is not None:
            for what in [what for what in wrong if what not in said]:
                report(wrong[what])
            if _COLLECTOR in said and _COLLECTOR not in wrong:
                report(f"{_COLLECTOR}: it takes metrics again")
        said.clear()
        said.update(wrong)
        return done

    def rounds() -> None:
        begun = time.monotonic()
        while True:
            last = ended.is_set()
            done = once()
            # Where a push that was on its way at the end has failed, another one would.
            if last or (ended.is_set() and not done):
                break
            now = time.monotonic()
            begun = max(begun + seconds, now)
            ended.wait(begun - now)
        to.shutdown()
        stats.close()

    thread = threading.Thread(target=rounds, name="mmstats-otel", daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end


class _Hearing(logging.Handler):
    """Hears what the exporter says first in this thread: nothing else tells why it failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first, self._thread = "", threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.first = self.first or record.getMessage()


def _export(exporter: export.MetricExporter, data: export.MetricsData) -> str:
    """Push; why it failed, or nothing."""
    logger, hearing = logging.getLogger("opentelemetry"), _Hearing()
    logger.addHandler(hearing)
    try:
        if exporter.export(data) is export.MetricExportResult.SUCCESS:
            return ""
    except Exception as error:  # any exporter may be given
        return f"{type(error).__name__}: {error}"
    finally:
        logger.removeHandler(hearing)
    return hearing.first.rstrip(".") or "the exporter failed"


def _reason(error: Exception) -> str:
    if isinstance(error, FormatError):
        error.filename = None  # it stands at the beginning of the line
        return str(error)
    return getattr(error, "strerror", None) or str(error)


def main(arguments: Sequence[str] | None = None) -> int:
    """Push until told to end; see ``python -m mmstats_reader.otel --help``.

    Returns:
        0 when it was told to end by SIGTERM, 130 by Ctrl-C.
    """
    return run(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mmstats_reader.otel",
        description="Push the statistics that running programs publish to an OpenTelemetry collector, by OTLP over "
        "HTTP, again and again until it is interrupted, and then a last time.",
        epilog="Without FILE: what MMSTATS_GLOB matches, else the *.mmstats files of MMSTATS_PATH, else those of the "
        "temporary directory. The variables OTEL_EXPORTER_OTLP_…, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES mean "
        "what they mean to OpenTelemetry. Status: 0 ended by SIGTERM, 2 wrong arguments, 130 ended by Ctrl-C.",
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="a file, a pattern of files, or a directory for its *.mmstats files"
    )
    parser.add_argument(
        "--every",
        type=_seconds,
        metavar="SECONDS",
        help="from one push to the next; by default OTEL_METRIC_EXPORT_INTERVAL, which is milliseconds, else 60",
    )
    parser.add_argument(
        "--endpoint",
        type=_url,
        metavar="URL",
        help="the collector, as in OTEL_EXPORTER_OTLP_ENDPOINT; by default what that says, else http://localhost:4318",
    )
    parser.add_argument(
        "--rate", action="append", default=[], metavar="GLOB", help="version 1 labels that are counters (repeatable)"
    )
    parser.add_argument(
        "--value", action="append", default=[], metavar="GLOB", help="version 1 labels that are values (repeatable)"
    )
    options = parser.parse_args(arguments)
    seconds = options.every or _interval()
    end_by_sigterm()
    end = push_every(
        seconds,
        *options.files,
        exporter=OTLPMetricExporter(endpoint=options.endpoint),
        report=lambda line: complain(f"mmstats_reader.otel: {line}"),
        rate=options.rate,
        value=options.value,
    )
    try:
        threading.Event().wait()
    finally:
        end()
    return 0


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise ValueError
    return seconds


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError
    return text.rstrip("/") + "/v1/metrics"


def _interval() -> float:
    try:
        return _seconds(os.environ["OTEL_METRIC_EXPORT_INTERVAL"]) / 1000
    except (KeyError, ValueError):
        return _DEFAULT_SECONDS


if __name__ == "__main__":
    sys.exit(main())
