"""Comparison of CSV files by column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from framework.output.text import counted
from framework.pipeline.comparison_rules import Rules
from framework.runs.verification.arrays import array_differences
from framework.runs.verification.compare import DIFFERENT, VOLATILE, Difference, UnreadableError


def differences(old: Path, new: Path, rules: Rules) -> Iterator[Difference]:
    """Yield differences column by column; a column is numeric where both files have only numbers in it."""
    was, now = _read(old), _read(new)
    if list(was.columns) != list(now.columns):
        yield Difference(DIFFERENT, f"its columns are {list(now.columns)}, were {list(was.columns)}")
        return
    if len(was) != len(now):
        yield Difference(DIFFERENT, f"it has {counted(len(now), 'row')}, had {len(was)}")
        return
    for name in was.columns:
        before, after = _values(was[name], now[name])
        found = array_differences(before, after, rules.of(name), f"column {name}", _row)
        if rules.is_volatile(name):
            yield from (Difference(VOLATILE, f"column {name}") for _ in found)
        else:
            yield from found


def _read(path: Path) -> Any:
    try:
        import pandas as pd  # optional: skyfw[ml]
    except ModuleNotFoundError as error:
        raise UnreadableError("pandas would tell where: pip install 'skyfw[ml]'") from error
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, na_filter=False, index_col=False)
    except (ValueError, OSError) as error:
        raise UnreadableError(f"it is no table: {str(error).strip()}") from error
    return table


def _row(index: tuple[int, ...]) -> str:
    return f"row {index[0] + 1}"


def _values(was: Any, now: Any) -> tuple[Any, Any]:
    """Return both columns as numbers, or else as texts."""
    import pandas as pd  # optional: skyfw[ml]

    if ((was == "") == (now == "")).all():
        try:
            before, after = (pd.to_numeric(column.where(column != "", "nan")).to_numpy() for column in (was, now))
        except (ValueError, TypeError):
            pass
        else:
            return before, after
    return was.to_numpy(dtype=object), now.to_numpy(dtype=object)
