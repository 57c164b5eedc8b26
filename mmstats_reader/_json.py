"""Values in strict JSON, the same wherever a tool or server gives them.

Rule 1: JSON has no NaN and no infinities: they are the strings ``"NaN"``, ``"+Inf"`` and ``"-Inf"``.
"""

from __future__ import annotations

import math

from ._values import Histogram, Summary, Value


def json_value(value: Value) -> object:
    """A value as `json.dumps` takes it with ``allow_nan=False``.

    Unset is null, a summary ``{"count", "sum", "min", "max", "last"}``, and a histogram ``{"count", "sum", "bounds",
    "counts"}`` with the counts of its buckets each by itself.
    """
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
        case Summary():
            return {name: json_value(getattr(value, name)) for name in ("count", "sum", "min", "max", "last")}
        case Histogram():
            lists = {"bounds": [json_value(bound) for bound in value.bounds], "counts": list(value.counts)}
            return {"count": value.count, "sum": json_value(value.sum), **lists}
    return value
