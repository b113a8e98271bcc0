"""CSV of rows that come from several records, with a column for every key that any row has."""

import csv
import io
from collections.abc import Iterable, Mapping

from pipelines.calcloud.sources.schema import NAMES


def csv_from_rows(rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return rows as CSV: the columns of the schema first, then the others in the order of their first row.

    Parameters
    ----------
    rows : Iterable[Mapping[str, object]]
        Values by column.

    Returns
    -------
    bytes
        CSV with a header; a missing value is empty.
    """
    found = list(rows)
    names = list(dict.fromkeys([*NAMES, *(name for row in found for name in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue().encode()
