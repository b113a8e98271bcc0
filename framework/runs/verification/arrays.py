"""Comparison of arrays: the values of a column or an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from framework.pipeline.comparison_rules import Tolerance
from framework.runs.verification.compare import CLOSE, DIFFERENT, Difference, display_value

#: What an index is called, from its place in the array.
Name = Callable[[tuple[int, ...]], str]


def array_differences(was: Any, now: Any, tolerance: Tolerance, name: str, at: Name) -> Iterator[Difference]:
    """Yield at most one difference: the first value out of tolerance, or the largest distance within it."""
    import numpy as np  # optional: skyfw[astro]

    if was.shape != now.shape:
        yield Difference(DIFFERENT, f"{name} has shape {now.shape}, was {was.shape}")
        return
    differ = _unequal(was, now)
    if not differ.any():
        return
    is_number = all(np.issubdtype(part.dtype, np.number) for part in (was, now))
    beyond = differ & ~_within(was, now, tolerance) if is_number else differ
    if not beyond.any():
        largest = np.nanmax(np.abs(now[differ].astype("c16") - was[differ].astype("c16")))
        words = f"{differ.sum()} of {differ.size} values differ by at most {largest:.3g}, within its tolerance"
        yield Difference(CLOSE, f"{name}: {words}")
        return
    first = tuple(int(index) for index in np.unravel_index(int(beyond.argmax()), beyond.shape))
    words = f"{at(first)} is {display_value(now[first])}, was {display_value(was[first])}"
    yield Difference(DIFFERENT, f"{name}: {beyond.sum()} of {beyond.size} values differ; {words}")


def _unequal(was: Any, now: Any) -> Any:
    """Return a mask of the elements that differ; NaN equals NaN."""
    import numpy as np  # optional: skyfw[astro]

    if was.dtype == object or now.dtype == object:
        pairs = zip(was.ravel(), now.ravel(), strict=True)
        unequal = [not np.array_equal(np.asarray(a), np.asarray(b), equal_nan=_is_float(a)) for a, b in pairs]
        return np.array(unequal, dtype=bool).reshape(was.shape)
    unequal = was != now
    if all(np.issubdtype(part.dtype, np.inexact) for part in (was, now)):
        unequal &= ~(np.isnan(was) & np.isnan(now))
    return unequal


def _is_float(value: Any) -> bool:
    import numpy as np  # optional: skyfw[astro]

    return bool(np.issubdtype(np.asarray(value).dtype, np.inexact))


def _within(was: Any, now: Any, tolerance: Tolerance) -> Any:
    import numpy as np  # optional: skyfw[astro]

    kind = "c16" if any(np.iscomplexobj(part) for part in (was, now)) else "f8"
    with np.errstate(invalid="ignore", over="ignore"):
        before, after = was.astype(kind), now.astype(kind)
        apart = np.abs(after - before)
        near = apart <= tolerance.absolute + tolerance.relative * np.abs(before)
    # Integers of 64 bits may be equal as floats and are not.
    return near & np.isfinite(apart) & ((apart > 0) | (tolerance != Tolerance()))
