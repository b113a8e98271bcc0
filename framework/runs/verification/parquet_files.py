"""Comparison of parquet files by column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from framework.output.text import counted
from framework.pipeline.comparison_rules import Rules
from framework.runs.verification.arrays import array_differences
from framework.runs.verification.compare import DIFFERENT, VOLATILE, Difference, UnreadableError, display_value


def differences(old: Path, new: Path, rules: Rules) -> Iterator[Difference]:
    """Yield differences column by column; only one column is in memory at a time."""
    try:
        import pyarrow as pa  # optional: skyfw[ml]
        import pyarrow.parquet as pq  # optional: skyfw[ml]
    except ModuleNotFoundError as error:
        raise UnreadableError("pyarrow would tell where: pip install 'skyfw[ml]'") from error
    try:
        with pq.ParquetFile(old) as was, pq.ParquetFile(new) as now:
            yield from _in_tables(was, now, rules)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableError(f"it is no whole parquet file: {error}") from error


def _in_tables(was: Any, now: Any, rules: Rules) -> Iterator[Difference]:
    before, after = was.schema_arrow, now.schema_arrow
    if before.names != after.names:
        yield Difference(DIFFERENT, f"its columns are {after.names}, were {before.names}")
        return
    if was.metadata.num_rows != now.metadata.num_rows:
        yield Difference(DIFFERENT, f"it has {counted(now.metadata.num_rows, 'row')}, had {was.metadata.num_rows}")
        return
    for name in before.names:
        types = before.field(name).type, after.field(name).type
        if types[0] != types[1]:
            yield Difference(DIFFERENT, f"column {name} is of type {types[1]}, was {types[0]}")
            continue
        columns = [file.read(columns=[name]).column(name) for file in (was, now)]
        found = _in_column(columns[0], columns[1], name, rules)
        if rules.is_volatile(name):
            yield from (Difference(VOLATILE, f"column {name}") for _ in found)
        else:
            yield from found


def _in_column(was: Any, now: Any, name: str, rules: Rules) -> Iterator[Difference]:
    import pyarrow as pa  # optional: skyfw[ml]

    kind = was.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        if not was.equals(now):
            yield from _first(was, now, name)
        return
    if not was.is_null().equals(now.is_null()):
        yield from _first(was, now, name)
        return
    filled = [part.fill_null(0).to_numpy() for part in (was, now)]
    yield from array_differences(filled[0], filled[1], rules.of(name), f"column {name}", _row)


def _row(index: tuple[int, ...]) -> str:
    return f"row {index[0] + 1}"


def _first(was: Any, now: Any, name: str) -> Iterator[Difference]:
    pairs = enumerate(zip(was, now, strict=True), start=1)
    for row, (before, after) in pairs:
        a, b = before.as_py(), after.as_py()
        if repr(a) != repr(b):
            yield Difference(DIFFERENT, f"column {name}: row {row} is {display_value(b)}, was {display_value(a)}")
            return
