"""Rows that are gathered rather than read from a table, as CSV: a column for every key that any row has."""

import csv
import io
from collections.abc import Iterable, Mapping

from pipelines.calcloud.sources.schema import NAMES


def csv_of(rows: Iterable[Mapping[str, object]]) -> bytes:
    """The columns of the schema first, then the others in the order in which they come up."""
    found = list(rows)
    names = list(dict.fromkeys([*NAMES, *(name for row in found for name in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue().encode()
