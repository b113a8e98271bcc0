"""How tables are defined: names of constraints, and the columns that come again and again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, MetaData

from framework.registry.columns import Number, Words

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def key(name: str, type_: Any = Number) -> Column[Any]:
    """A column of the primary key."""
    return Column(name, type_, primary_key=True, autoincrement=False)


def of(table: str, name: str, *, key: bool = False, required: bool = True) -> Column[Any]:
    """A number that another table's row has as its key."""
    return Column(name, Number, ForeignKey(table), primary_key=key, autoincrement=False, nullable=not required)


def required(name: str, type_: Any = Words) -> Column[Any]:
    """A column that has a value in every row."""
    return Column(name, type_, nullable=False)
