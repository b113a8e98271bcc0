"""Files by a filetype, ``key=value`` and a condition, as ``fw query`` finds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from framework.registry.database.connection import Registry
from framework.registry.questions.file_selection import find_files
from framework.registry.questions.files import FileRow
from framework.registry.questions.key_values import key_value_conditions
from framework.registry.questions.selection import Selection
from framework.registry.questions.where_clause import parse_where_clause


def find(
    db: Registry, filetype: str | None, values: Mapping[str, Sequence[str]] | None = None, where: str | None = None
) -> list[FileRow]:
    conditions = key_value_conditions(values or {})
    if where is not None:
        conditions = (*conditions, parse_where_clause(where))
    return find_files(db, Selection(filetypes=() if filetype is None else (filetype,), conditions=conditions))
