"""Inspection of the rows of a source: impossible rows are quarantined with reasons, doubtful rows are flagged."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.calcloud.sources.dataset import CRSPLIT_SEVERAL
from pipelines.calcloud.sources.keywords import is_unknown, read_yes_or_no
from pipelines.calcloud.sources.schema import COLUMNS, DATE_NAMES, FAULT, NAMES, SIMULATED, contradictions
from pipelines.calcloud.sources.source import Source, SourceLine
from pipelines.calcloud.training_data.features import normalise_crsplit

Value = str | int | float

#: Columns of 0 and 1, one for each kind of doubt; `flagged` is 1 where any of them is.
FLAGS = ("flag_two_decimals", "flag_crsplit")
FLAGGED = "flagged"
#: Columns that say yes or no, where a source has them.
MARKS = (*FLAGS, SIMULATED)

#: From this day on one exposure (CRSPLIT 1) is coded 1; before, it was coded 2 like several.
CRSPLIT_CORRECTED = "2021-08-09"


@dataclass(frozen=True)
class QuarantinedRow:
    """A row that cannot be used, with the reasons."""

    line: SourceLine
    #: `column: fault`, or `row: fault` where no single column is at fault.
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """All rows of a source, kept or quarantined."""

    #: Columns of the schema, then other columns of the source as text, then the flags and `simulated`.
    kept: pd.DataFrame
    quarantined: tuple[QuarantinedRow, ...]

    def rows(self) -> dict[str, int]:
        """Count the rows that were read, kept and quarantined."""
        kept, quarantined = len(self.kept), len(self.quarantined)
        return {"rows_read": kept + quarantined, "rows_kept": kept, "rows_quarantined": quarantined}

    def quarantined_by_reason(self) -> dict[str, int]:
        """Count the quarantined rows by the column at fault; a row with two such columns counts twice."""
        counts = Counter(
            column for row in self.quarantined for column in {reason.split(":")[0] for reason in row.reasons}
        )
        return dict(sorted(counts.items()))

    def flagged_by_flag(self) -> dict[str, int]:
        """Count the kept rows by kind of doubt, and under `flagged` those with any."""
        return {flag: int(self.kept[flag].sum()) for flag in (*FLAGS, FLAGGED)}


def inspect(source: Source) -> Inspection:
    """Read every row by the schema.

    Parameters
    ----------
    source : Source
        The table; none of its rows is dropped.

    Returns
    -------
    Inspection
        The rows that can be used, with flags, and the others with reasons.
    """
    good: list[dict[str, Value]] = []
    bad: list[QuarantinedRow] = []
    lines_by_ipst: dict[str, SourceLine] = {}
    for line in source.lines:
        values, reasons = _read_row(line, source.header)
        if not reasons:
            first = lines_by_ipst.setdefault(str(values["ipst"]).lower(), line)
            if first is not line:
                reasons = [f"ipst: {values['ipst']} is also in line {first.number}"]
        if reasons:
            bad.append(QuarantinedRow(line, tuple(reasons)))
        else:
            good.append(values)
    others = [name for name in source.header if name not in (*NAMES, *MARKS, FAULT)]
    kept = pd.DataFrame(good, columns=[*NAMES, *others, *MARKS])
    return Inspection(kept=_with_flags(kept), quarantined=tuple(bad))


def masks_without_flagged(table: pd.DataFrame) -> dict[str, npt.NDArray[np.bool_]]:
    """Return the selections of rows that metrics are computed for.

    Parameters
    ----------
    table : pandas.DataFrame
        n jobs with their flags.

    Returns
    -------
    dict[str, NDArray[np.bool_]]
        Masks of n: `all`, `without_...` for each kind of doubt, and `without_flagged`.
    """
    masks = {"all": np.ones(len(table), dtype=bool)}
    for flag in FLAGS:
        masks[flag.replace("flag_", "without_")] = (table[flag] == 0).to_numpy()
    return masks | {"without_flagged": (table[FLAGGED] == 0).to_numpy()}


def _read_row(line: SourceLine, header: tuple[str, ...]) -> tuple[dict[str, Value], list[str]]:
    if len(line.fields) != len(header):
        return {}, [f"row: has {len(line.fields)} fields, the header has {len(header)}"]
    text = dict(zip(header, line.fields, strict=True))
    if fault := text.get(FAULT, "").strip():
        return {}, [f"source: {fault}"]
    values: dict[str, Value] = {}
    reasons = []
    for name in MARKS:
        try:
            text[name] = str(int(_is_marked(text.get(name, ""))))
        except ValueError as error:
            reasons.append(f"{name}: {error}")
    for column in COLUMNS:
        try:
            values[column.name] = column.read(text[column.name])
        except ValueError as error:
            reasons.append(f"{column.name}: {error}")
    if not reasons:
        reasons = [f"{column}: {fault}" for column, fault in contradictions(values)]
    return text | values, reasons


def _with_flags(table: pd.DataFrame) -> pd.DataFrame:
    """Add the flags; a flag that the source has already stays."""
    hundredths = table["memory"].to_numpy(float) * 100
    doubtful_by_flag = {
        FLAGS[0]: np.abs(hundredths - np.rint(hundredths)) < 1e-6,
        FLAGS[1]: _doubtful_crsplit(table),
    }
    for flag, doubtful in doubtful_by_flag.items():
        table[flag] = (doubtful | (table[flag] == "1")).astype(int)
    table[FLAGGED] = table[list(FLAGS)].max(axis=1).astype(int)
    table[SIMULATED] = (table[SIMULATED] == "1").astype(int)
    table["crsplit"] = normalise_crsplit(table["crsplit"])
    return table


def _doubtful_crsplit(table: pd.DataFrame) -> pd.Series:
    """Mark counts instead of codes, and the code 2 from the time when it also meant one exposure."""
    counts = table["crsplit"] > CRSPLIT_SEVERAL
    dates = [name for name in DATE_NAMES if name in table]
    if not dates:
        return counts
    # Of several tables one after another, each row has the date that its own table gives.
    measured = table[dates].map(str.strip).replace("", pd.NA).bfill(axis=1).iloc[:, 0].fillna("")
    old = measured.map(_day).astype(str) < CRSPLIT_CORRECTED
    return counts | (old & (table["crsplit"] == CRSPLIT_SEVERAL))


def _day(text: str) -> str:
    """Return the day of ISO text or of seconds since 1970; an unreadable date is empty, and sorts before all others."""
    text = text.strip()
    if text[:4].isdigit() and text[4:5] == "-":
        return text[:10]
    try:
        return str(pd.Timestamp(float(text), unit="s").date())
    except (ValueError, OverflowError):
        return ""


def _is_marked(text: str) -> bool:
    return not is_unknown(text) and read_yes_or_no(text)
