"""Column types that mean the same on every database, and columns that many tables have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    TIMESTAMP,
    BigInteger,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import INTERVAL, JSONB
from sqlalchemy.types import TypeEngine, UserDefinedType

#: Seconds since 1970 up to which a moment is one on every database and in Python.
YEAR_10000 = 253_402_300_800.0


class Time(TypeDecorator[float]):
    """Time as Python's seconds since 1970: REAL on SQLite, timestamptz on PostgreSQL."""

    impl = Double
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        postgres = dialect.name == "postgresql"
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if postgres else Double())

    def process_bind_param(self, value: float | None, dialect: Dialect) -> Any:
        return value if value is None or dialect.name != "postgresql" else datetime.fromtimestamp(value, UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> float | None:
        return value.timestamp() if isinstance(value, datetime) else value


#: Sorted by code point everywhere, so that both databases answer in the same order.
Words = Text().with_variant(Text(collation="C"), "postgresql")

#: SQLite's INTEGER holds 64 bits, and only under that name is it a table's own key.
Number = BigInteger().with_variant(Integer(), "sqlite")

#: What lies between two moments: seconds, or an interval.
Elapsed: TypeEngine[Any] = Double().with_variant(INTERVAL(), "postgresql")

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Numbers(UserDefinedType[Sequence[int]]):
    """PostgreSQL's array of integers, as one parameter; the driver would inspect each number of a list."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        return "BIGINT[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[int] | None], str | None]:
        return lambda numbers: None if numbers is None else f"{{{','.join(map(str, numbers))}}}"

    def literal_processor(self, dialect: Dialect) -> Callable[[Sequence[int]], str]:
        return lambda numbers: f"'{{{','.join(map(str, map(int, numbers)))}}}'::bigint[]"


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def key(name: str, type_: Any = Number, comment: str | None = None) -> Column[Any]:
    """Return a column of a primary key."""
    return Column(name, type_, primary_key=True, autoincrement=False, comment=comment)


def of(table: str, name: str, comment: str | None = None, *, key: bool = False, required: bool = True) -> Column[Any]:
    """Return a column that refers to the key of another table."""
    target = ForeignKey(table)
    return Column(name, Number, target, primary_key=key, autoincrement=False, nullable=not required, comment=comment)


def required(name: str, type_: Any = Words, comment: str | None = None) -> Column[Any]:
    """Return a column that has a value in every row."""
    return Column(name, type_, nullable=False, comment=comment)
