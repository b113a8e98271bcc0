"""Numbers that a pipeline may ask for, and their bounds."""

from __future__ import annotations

import math
from itertools import pairwise

from framework.pipeline.problems import error_at
from wcl import Scope, SourcePosition, expand

#: Smallest and greatest value of each key.
BOUNDS = {
    "reqnum": (1, 2**31 - 1),
    "attnum": (1, 2**31 - 1),
    "max_calls": (1, 10_000_000),
    "max_wrappers_per_job": (1, 10_000_000),
    "fw_nmaxthread": (1, 256),
    "max_fwthreads": (1, 256),
    "max_running": (1, 10_000_000),
    "max_retries": (0, 1000),
    "max_walltime": (1e-6, 10_000_000),
    "request_memory": (1, 2**31 - 1),
    "request_disk": (1, 2**53),
    "request_cpus": (1, 100_000),
    "request_gpus": (0, 1000),
    "gpus": (0, 1000),
    "max_transfers": (1, 10_000),
    "max_setuptime": (1e-6, 10_000),
    "memory_statuses": (1, 255),
}
#: Keys whose values may have a fraction.
FRACTIONAL = frozenset({"max_walltime", "max_setuptime"})


def parse_number(key: str, text: str, position: SourcePosition) -> float:
    """Return the value of a key as a number; raise WclError if it is not one within its bounds."""
    least, greatest = BOUNDS[key]
    try:
        value = float(text)
    except ValueError:
        raise error_at(position, f"{key} = {text} is not a number") from None
    if not math.isfinite(value) or not least <= value <= greatest:
        raise error_at(position, f"{key} = {text} is out of bounds", hint=f"from {least:g} to {greatest:g}")
    if key not in FRACTIONAL and value != int(value):
        raise error_at(position, f"{key} = {text} is not a whole number")
    return value


def parse_numbers(key: str, text: str, position: SourcePosition) -> tuple[float, ...]:
    """Return the numbers of a list separated by commas."""
    return tuple(parse_number(key, part.strip(), position) for part in text.split(","))


def parse_rising_numbers(key: str, text: str, position: SourcePosition) -> tuple[float, ...]:
    """Return the numbers of a list; raise WclError unless each is greater than the one before."""
    values = parse_numbers(key, text, position)
    if any(later <= earlier for earlier, later in pairwise(values)):
        hint = "first what is asked for, then what after a failure"
        raise error_at(position, f"{key} = {text} does not rise", hint)
    return values


def find_whole_number(scope: Scope, key: str, position: SourcePosition) -> int | None:
    """Return the value that a scope has of a key; None if it has none."""
    try:
        text = scope.find(key)
    except KeyError:
        return None
    position = scope.position(key) or position
    return int(parse_number(key, expand(text, scope, position), position))
