"""Finished jobs of a DynamoDB table, one item a job.

`ddb:TABLE`, or `ddb:TABLE?name=timestamp&method=gt&type=int&value=1620740441`: only items whose attribute is so.
Methods are begins_with, between, eq, gt, gte, lt and lte, types str, int and float; between has two values, as in
value=5..9.
"""

import urllib.parse
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.rows import csv_of

DDB = "ddb:"
_METHODS = ("begins_with", "between", "eq", "gt", "gte", "lt", "lte")
_TYPES = ("str", "int", "float")


def read_table(name: str) -> bytes:
    """All pages of the table, as CSV; a column that only later pages have is there as well."""
    table, _, query = name.removeprefix(DDB).partition("?")
    try:
        import boto3  # only this source needs it
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise InputError(f"{name}: needs boto3: pip install 'skyfw[s3]'") from error
    condition = _condition(name, dict(urllib.parse.parse_qsl(query, strict_parsing=True))) if query else None
    try:
        rows = list(_items(boto3.resource("dynamodb").Table(table), condition))
    except (BotoCoreError, ClientError) as error:
        raise InputError(f"{name}: cannot be read ({error})") from error
    if not rows:
        raise InputError(f"{name}: no item of the table is so")
    return csv_of(rows)


def _items(table: Any, condition: Any) -> Iterator[Mapping[str, object]]:
    asked: dict[str, Any] = {} if condition is None else {"FilterExpression": condition}
    while True:
        page = table.scan(**asked)
        for item in page["Items"]:
            yield {name: _plain(value) for name, value in item.items()}
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _plain(value: object) -> object:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def _condition(name: str, asked: Mapping[str, str]) -> Any:
    from boto3.dynamodb.conditions import Attr

    if set(asked) != {"name", "method", "type", "value"}:
        raise InputError(f"{name}: a filter has name, method, type and value")
    if asked["method"] not in _METHODS or asked["type"] not in _TYPES:
        raise InputError(f"{name}: method is one of {', '.join(_METHODS)}, type one of {', '.join(_TYPES)}")
    try:
        values = [_typed(text, asked["type"]) for text in asked["value"].split("..")]
    except InvalidOperation:
        raise InputError(f"{name}: {asked['value']!r} is no {asked['type']}") from None
    if len(values) != (2 if asked["method"] == "between" else 1):
        raise InputError(f"{name}: between has two values, first..last, every other method one")
    return getattr(Attr(asked["name"]), asked["method"])(*values)


def _typed(text: str, kind: str) -> str | Decimal:
    return text if kind == "str" else Decimal(text)
