"""SQL expressions for metadata: a key of a file's JSON as a number, text or boolean.

Views, indexes and questions use the same expressions, by which a database sees that an index serves a question. A
value that is not of the type is null on every database: a cast never fails.
"""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Text, case, func, literal

from framework.errors import FrameworkError

DataType = Literal["integer", "real", "text", "boolean"]
TYPES: tuple[str, ...] = get_args(DataType)

#: What the name of a key, which stands in SQL as it is, may be; short enough for the name of its index.
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")

# What a cast of PostgreSQL's surely takes: numbers from 1e-199 to 1e199.
_INTEGER = "^-?[0-9]{1,18}$"
_LARGEST = "9" * 18
_WITH_EXPONENT = "-?(0|[1-9][0-9]{0,99})([.][0-9]{1,99})?[eE][+-]?0{0,9}1?[0-9]{1,2}"
_WRITTEN_OUT = "-?(0|[1-9][0-9]{0,199})([.][0-9]{1,255})?"
_REAL = f"^({_WRITTEN_OUT}|{_WITH_EXPONENT})$"


def typed(dialect: str, key: str, data_type: str, column: str = "metadata") -> str:
    """Return the SQL of a key's value as a type; ``column`` is the column of the JSON."""
    if not KEY.fullmatch(key) or data_type not in TYPES:
        raise FrameworkError(f"{key!r} as {data_type!r}: not a metadata key and its type")
    return (_of_jsonb if dialect == "postgresql" else _of_json_text)(key, data_type, column)


def as_text(dialect: str, column: ColumnElement[Any], key: str) -> ColumnElement[Any]:
    """Return the SQL of any key's value as text, for questions that no index serves."""
    if dialect == "postgresql":
        return func.jsonb_extract_path_text(column, literal(key, Text))
    place = literal(f'$."{key}"', Text)
    kind, as_json = func.json_type(column, place), column.op("->", return_type=Text())(place)
    return case((kind == "text", func.json_extract(column, place)), (kind != "null", as_json))


def _of_jsonb(key: str, data_type: str, column: str) -> str:
    value = f"({column} ->> '{key}')"
    if data_type == "integer":
        return f"(case when {value} ~ '{_INTEGER}' then {value}::bigint end)"
    if data_type == "real":
        return f"(case when {value} ~ '{_REAL}' then {value}::double precision end)"
    if data_type == "boolean":
        return f"(case lower({value}) when 'true' then true when 'false' then false end)"
    return f'({value} collate "C")'


def _of_json_text(key: str, data_type: str, column: str) -> str:
    # The kind of JSON decides first: every row that is written goes through the indexes' expressions.
    place = f"""'$."{key}"'"""
    kind, value = f"json_type({column}, {place})", f"json_extract({column}, {place})"
    if data_type == "integer":
        digits = f"ltrim({value}, '-')"
        is_number = f"{digits} not glob '*[^0-9]*' and {value} not glob '--*' and length({digits}) between 1 and 18"
        whole = f"case when {value} between -{_LARGEST} and {_LARGEST} then {value} end"
        of_text = f"case when {is_number} then cast({value} as integer) end"
        return f"(case {kind} when 'integer' then {whole} when 'text' then {of_text} end)"
    if data_type == "real":
        number = f"case when abs({value}) < 1e199 then cast({value} as real) end"
        is_number = f"case when json_valid({value}) then json_type({value}) in ('integer', 'real') end"
        of_text = f"case when instr({value}, ' ') = 0 and {is_number} then {number} end"
        return f"(case {kind} when 'real' then {number} when 'integer' then {number} when 'text' then {of_text} end)"
    if data_type == "boolean":
        of_text = f"case lower({value}) when 'true' then 1 when 'false' then 0 end"
        return f"(case {kind} when 'true' then 1 when 'false' then 0 when 'text' then {of_text} end)"
    return f"(case {kind} when 'text' then {value} when 'null' then null else {column} -> {place} end)"
