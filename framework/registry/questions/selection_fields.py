"""Fields of files that a selection may name: columns, and keys of the metadata."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, select

from framework.errors import FrameworkError
from framework.registry.questions.selection import Literal, LiteralKind
from framework.registry.schema.metadata_sql import KEY
from framework.registry.schema.tables import desfile, ops_filetype_metadata, pfw_attempt
from wcl.spelling import did_you_mean

#: How many of a type's newest files tell which keys there are that nobody declares.
_SAMPLE = 100


class Field(NamedTuple):
    """The table and the type of a field that is a column."""

    table: str
    #: integer, real, text, boolean or time.
    data_type: str


#: The fields of files that are columns; every other field is a key of the metadata.
FIELDS = {
    "filename": Field("file", "text"),
    "path": Field("file", "text"),
    "filetype": Field("file", "text"),
    "compression": Field("file", "text"),
    "filesize": Field("file", "integer"),
    "sha256": Field("file", "text"),
    "created_date": Field("file", "time"),
    "pfw_attempt_id": Field("file", "integer"),
    "run": Field("attempt", "text"),
    "reqnum": Field("attempt", "integer"),
    "unitname": Field("attempt", "text"),
    "attnum": Field("attempt", "integer"),
    "campaign": Field("attempt", "text"),
    "pipeline": Field("attempt", "text"),
    "project": Field("attempt", "text"),
    "operator": Field("attempt", "text"),
}
#: The fields of ``key=value`` and of ``--where``; to these the other names are metadata keys.
OPERATOR_FIELDS = FIELDS.keys() - {"compression", "pfw_attempt_id", "project"}
#: The fields of ``query_fields``; to it ``created_date`` is a metadata key.
PLANNER_FIELDS = FIELDS.keys() - {"created_date"}


class FileTables(NamedTuple):
    """The table of files, and that of the attempts that made them, as a query names them."""

    file: FromClause = desfile
    attempt: FromClause = pfw_attempt

    def column(self, name: str) -> ColumnElement[Any]:
        """Return the column of one of :data:`FIELDS`."""
        return (self.attempt if FIELDS[name].table == "attempt" else self.file).c[name]


class MetadataKeys:
    """The metadata keys of some filetypes, and their types, as the registry declares them."""

    def __init__(self, connection: Connection, filetypes: tuple[str, ...]) -> None:
        self._connection = connection
        self.filetype = filetypes[0] if len(filetypes) == 1 else None
        row = ops_filetype_metadata.c
        query = select(row.filetype, row.column_name, row.data_type)
        if self.filetype is not None:
            query = query.where(row.filetype == self.filetype)
        #: Key to filetype to its type of data.
        self._declared: dict[str, dict[str, str]] = {}
        for name, key, data_type in connection.execute(query):
            self._declared.setdefault(key, {})[name] = data_type
        self._used: set[str] = set()

    def declared_type(self, key: str) -> str | None:
        """Return the type of a key of the only filetype; None where there are several types, or nobody declares it."""
        return self._declared.get(key, {}).get(self.filetype or "")

    def find_type(self, key: str, value: Literal | None) -> str:
        """Return the type of a key that is compared with a value; FrameworkError where no file has the key."""
        if key in self._declared:
            self._used.add(key)
            types = set(self._declared[key].values())
            return types.pop() if len(types) == 1 else "text"
        recorded = self._recorded_keys()
        if key in recorded and KEY.fullmatch(key):
            is_number = value is not None and value.kind in (LiteralKind.NUMBER, LiteralKind.BOOLEAN)
            return "real" if is_number else "text"
        owner = f"a {self.filetype}" if self.filetype else "a file"
        known = sorted({*OPERATOR_FIELDS, *self._declared, *recorded})
        hint = did_you_mean(key, known) or f"there is {', '.join(known)}"
        more = "" if self.filetype else "; with a filetype, its files' other keys too"
        raise FrameworkError(f"{key!r} is not on record of {owner}: {hint}{more}")

    def types_with_all_keys(self) -> list[str] | None:
        """Return the filetypes that declare all keys that were looked up, so that an index serves; None if none was."""
        types = [set(self._declared[key]) for key in self._used]
        return sorted(set.intersection(*types)) if types else None

    def _recorded_keys(self) -> set[str]:
        """Return the keys of the type's newest files."""
        if self.filetype is None:
            return set()
        newest = select(desfile.c.metadata).where(desfile.c.filetype == self.filetype).limit(_SAMPLE)
        return {key for metadata in self._connection.execute(newest).scalars() for key in metadata or ()}
