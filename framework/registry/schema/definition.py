"""How tables are defined: names of constraints, and the columns that come again and again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, MetaData

from framework.registry.schema.column_types import Number, Words

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def key(name: str, type_: Any = Number, comment: str | None = None) -> Column[Any]:
    """A column of the primary key."""
    return Column(name, type_, primary_key=True, autoincrement=False, comment=comment)


def of(table: str, name: str, comment: str | None = None, *, key: bool = False, required: bool = True) -> Column[Any]:
    """A number that another table's row has as its key."""
    target = ForeignKey(table)
    return Column(name, Number, target, primary_key=key, autoincrement=False, nullable=not required, comment=comment)


def required(name: str, type_: Any = Words, comment: str | None = None) -> Column[Any]:
    """A column that has a value in every row."""
    return Column(name, type_, nullable=False, comment=comment)
