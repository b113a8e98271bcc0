"""Conditions on files as ``key=value``, with ``%`` for any text in a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from framework.errors import FrameworkError
from framework.registry.questions.selection import Condition, FieldComparison, Literal, LiteralKind, Operator, Or


def key_value_conditions(values: Mapping[str, Sequence[str]]) -> tuple[Condition, ...]:
    """Return a condition for each key: it has one of its values."""
    return tuple(Or(tuple(_comparison(key, value) for value in each)) for key, each in values.items())


def _comparison(key: str, value: str) -> FieldComparison:
    if not key or '"' in key:
        raise FrameworkError(f"{key!r} is not a metadata key")
    operator = Operator.LIKE if "%" in value else Operator.EQUAL
    return FieldComparison(field=key, operator=operator, values=(Literal(LiteralKind.WORD, value),))
