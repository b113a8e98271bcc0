"""What is wrong with the rows of a source: the impossible are set aside with reasons, the doubtful kept with flags."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.calcloud.sources.dataset import CRSPLIT_SEVERAL
from pipelines.calcloud.sources.schema import COLUMNS, DATE_NAMES, NAMES, SIMULATED, contradictions
from pipelines.calcloud.sources.source import Line, Source
from pipelines.calcloud.training_data.features import normalise_crsplit

Value = str | int | float

#: The kinds of doubt, each a column of 0 and 1; `flagged` is 1 where any of them is.
FLAGS = ("flag_two_decimals", "flag_crsplit")
FLAGGED = "flagged"

#: From this day on one exposure (CRSPLIT 1) is coded 1; before, it was coded 2 like several.
CRSPLIT_PUT_RIGHT = "2021-08-09"


@dataclass(frozen=True)
class Quarantined:
    """A row that cannot be used, whole, with what is wrong with it."""

    line: Line
    #: `column: what is wrong`, or `row: ...` where no single column is to blame.
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Every row of the source, in one of two places."""

    #: The columns of the schema, then the source's others as text, then the flags and `simulated`.
    kept: pd.DataFrame
    quarantined: tuple[Quarantined, ...]

    def rows(self) -> dict[str, int]:
        """How many were read, kept and quarantined."""
        kept, quarantined = len(self.kept), len(self.quarantined)
        return {"rows_read": kept + quarantined, "rows_kept": kept, "rows_quarantined": quarantined}

    def quarantined_by_reason(self) -> dict[str, int]:
        """Rows by the column to blame (a row with two counts twice)."""
        counts = Counter(
            place for row in self.quarantined for place in {reason.split(":")[0] for reason in row.reasons}
        )
        return dict(sorted(counts.items()))

    def flagged_by_flag(self) -> dict[str, int]:
        """Rows by kind of doubt, and in `flagged` those with any."""
        return {flag: int(self.kept[flag].sum()) for flag in (*FLAGS, FLAGGED)}


def inspect(source: Source) -> Inspection:
    """Read every row by the schema; nothing is dropped."""
    good: list[dict[str, Value]] = []
    bad: list[Quarantined] = []
    lines_by_ipst: dict[str, Line] = {}
    for line in source.lines:
        values, reasons = _read_row(line, source.header)
        if not reasons:
            first = lines_by_ipst.setdefault(str(values["ipst"]).lower(), line)
            if first is not line:
                reasons = [f"ipst: {values['ipst']} stands in line {first.number} already"]
        if reasons:
            bad.append(Quarantined(line, tuple(reasons)))
        else:
            good.append(values)
    others = [name for name in source.header if name not in NAMES]
    kept = pd.DataFrame(good, columns=[*NAMES, *others])
    return Inspection(kept=_with_flags(kept), quarantined=tuple(bad))


def _read_row(line: Line, header: tuple[str, ...]) -> tuple[dict[str, Value], list[str]]:
    if len(line.fields) != len(header):
        return {}, [f"row: has {len(line.fields)} fields, the header has {len(header)}"]
    text = dict(zip(header, line.fields, strict=True))
    values: dict[str, Value] = {}
    reasons = []
    for column in COLUMNS:
        try:
            values[column.name] = column.read(text[column.name])
        except ValueError as error:
            reasons.append(f"{column.name}: {error}")
    if not reasons:
        reasons = [f"{column}: {fault}" for column, fault in contradictions(values)]
    return text | values, reasons


def _with_flags(kept: pd.DataFrame) -> pd.DataFrame:
    """A doubt that a row brings along, from an earlier reading, stays with it."""
    hundredths = kept["memory"].to_numpy(float) * 100
    doubts = {
        FLAGS[0]: np.abs(hundredths - np.rint(hundredths)) < 1e-6,
        FLAGS[1]: _doubtful_crsplit(kept),
    }
    for flag, doubtful in doubts.items():
        kept[flag] = (doubtful | _marked(kept, flag)).astype(int)
    kept[FLAGGED] = kept[list(FLAGS)].max(axis=1).astype(int)
    kept[SIMULATED] = _marked(kept, SIMULATED).astype(int)
    kept["crsplit"] = normalise_crsplit(kept["crsplit"])
    return kept


def _doubtful_crsplit(kept: pd.DataFrame) -> pd.Series:
    """Raw counts instead of codes, and the code 2 from the days when it also stood for one exposure."""
    raw = kept["crsplit"] > CRSPLIT_SEVERAL
    dates = [name for name in DATE_NAMES if name in kept]
    if not dates:
        return raw
    # Of several tables one after another, each row has the date that its own table gives.
    said = kept[dates].map(str.strip).replace("", pd.NA).bfill(axis=1).iloc[:, 0].fillna("")
    old = said.map(_day).astype(str) < CRSPLIT_PUT_RIGHT
    return raw | (old & (kept["crsplit"] == CRSPLIT_SEVERAL))


def _day(text: str) -> str:
    """ISO text as it is, seconds since 1970 as a day; an unreadable date sorts before all others."""
    text = text.strip()
    if text[:4].isdigit() and text[4:5] == "-":
        return text[:10]
    try:
        return str(pd.Timestamp(float(text), unit="s").date())
    except (ValueError, OverflowError):
        return ""


def _marked(kept: pd.DataFrame, name: str) -> "pd.Series[bool]":
    if name not in kept:
        return pd.Series(False, index=kept.index)
    return kept[name].astype(str).str.strip().isin(["1", "1.0", "True", "true"])
