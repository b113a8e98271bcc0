"""The column types of the registry, which mean the same on every database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, TIMESTAMP, BigInteger, Dialect, Double, Integer, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import INTERVAL, JSONB
from sqlalchemy.types import TypeEngine, UserDefinedType

#: Seconds since 1970 up to which a moment is one on every database and in Python.
YEAR_10000 = 253_402_300_800.0


class Time(TypeDecorator[float]):
    """A moment, in Python seconds since 1970: REAL on SQLite, timestamptz on PostgreSQL."""

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
    """An array of PostgreSQL's, as a parameter: written at once, where the driver would look at each number."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        return "BIGINT[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[int] | None], str | None]:
        return lambda numbers: None if numbers is None else f"{{{','.join(map(str, numbers))}}}"

    def literal_processor(self, dialect: Dialect) -> Callable[[Sequence[int]], str]:
        return lambda numbers: f"'{{{','.join(map(str, map(int, numbers)))}}}'::bigint[]"
