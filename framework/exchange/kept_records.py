"""Records that an import leaves as they are: of files from outside, which a run of a bundle claims to have made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, select

from framework.exchange.run_rows import canonical, columns_of, comparable, microseconds
from framework.registry.database.chunks import chunks
from framework.registry.schema import tables as schema

#: Rows by the name of their table, as :mod:`run_rows` gives them.
Tables = Mapping[str, list[list[Any]]]
#: Column with the file that a link says to have been made.
_MADE = {"opm_was_generated_by": "desfile_id", "opm_was_derived_from": "child_desfile_id"}
_PATH, _MAKER = "id", "pfw_attempt_id"


def find_kept_records(connection: Connection, tables: Tables, run: str, *, is_known: bool) -> list[str]:
    """Return the paths of files of a run that are on record here without a maker, and with another record.

    A file that came with a run that read it has the same record: it gets its maker. Of a run that is here already, all
    files without a maker were kept.
    """
    columns = columns_of("desfile")
    rows = [dict(zip(columns, row, strict=True)) for row in tables["desfile"]]
    claimed = {row[_PATH][0]: row for row in rows if row[_MAKER] == run and not row["path_version"]}
    file = schema.desfile.c
    query = select(file.path, file.filetype, file.metadata, file.created_date).where(
        file.path_version == "", file.pfw_attempt_id.is_(None)
    )
    kept = []
    for some in chunks(sorted(claimed)):
        for here in connection.execute(query.where(file.path.in_(some))):
            ours = [here.filetype, canonical(here.metadata), microseconds(here.created_date)]
            theirs = [claimed[here.path][name] for name in ("filetype", "metadata", "created_date")]
            if is_known or comparable(ours) != comparable(theirs):
                kept.append(here.path)
    return sorted(kept)


def without_makers(tables: Tables, paths: Collection[str]) -> Tables:
    """Return the rows of a run without those that say that it made these files."""
    if not paths:
        return tables
    chosen = frozenset(paths)
    changed = dict(tables)
    path, maker = (columns_of("desfile").index(name) for name in (_PATH, _MAKER))
    changed["desfile"] = [
        [None if at == maker and row[path][0] in chosen and not row[path][1] else value for at, value in enumerate(row)]
        for row in tables["desfile"]
    ]
    for name, column in _MADE.items():
        made = columns_of(name).index(column)
        changed[name] = [row for row in tables[name] if not _is_of(row[made], chosen)]
    return changed


def _is_of(file: Any, chosen: frozenset[str]) -> bool:
    return isinstance(file, list) and len(file) == 2 and file[0] in chosen and not file[1]
