"""Finished jobs from a DynamoDB table, one item a job.

`ddb:TABLE`, or `ddb:TABLE?name=timestamp&method=gt&type=int&value=1620740441`: only items that match.
Methods are begins_with, between, eq, gt, gte, lt and lte, types str, int and float; between has two values, as in
value=5..9.
"""

import urllib.parse
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.rows import csv_from_rows

DDB = "ddb:"
_METHODS = ("begins_with", "between", "eq", "gt", "gte", "lt", "lte")
_TYPES = ("str", "int", "float")


def read_table(name: str) -> bytes:
    """Read a DynamoDB table.

    Parameters
    ----------
    name : str
        `ddb:TABLE`, with a filter after `?`.

    Returns
    -------
    bytes
        The items as CSV, with all columns that any item has.

    Raises
    ------
    InputError
        If the table cannot be read, or no item matches.
    """
    table, _, query = name.removeprefix(DDB).partition("?")
    try:
        import boto3  # optional library
        from botocore.exceptions import BotoCoreError, ClientError  # optional library
    except ImportError as error:
        raise InputError(f"{name}: needs boto3: pip install 'skyfw[s3]'") from error
    condition = _condition(name, dict(urllib.parse.parse_qsl(query, strict_parsing=True))) if query else None
    try:
        rows = list(_items(boto3.resource("dynamodb").Table(table), condition))
    except (BotoCoreError, ClientError) as error:
        raise InputError(f"{name}: cannot be read ({error})") from error
    if not rows:
        raise InputError(f"{name}: no item of the table matches")
    return csv_from_rows(rows)


def _items(table: Any, condition: Any) -> Iterator[Mapping[str, object]]:
    request: dict[str, object] = {} if condition is None else {"FilterExpression": condition}
    while True:
        page = table.scan(**request)
        for item in page["Items"]:
            yield {name: _plain(value) for name, value in item.items()}
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _plain(value: object) -> object:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def _condition(name: str, query: Mapping[str, str]) -> Any:
    from boto3.dynamodb.conditions import Attr  # optional library

    if set(query) != {"name", "method", "type", "value"}:
        raise InputError(f"{name}: a filter has name, method, type and value")
    if query["method"] not in _METHODS or query["type"] not in _TYPES:
        raise InputError(f"{name}: method is one of {', '.join(_METHODS)}, type one of {', '.join(_TYPES)}")
    try:
        values = [_typed(text, query["type"]) for text in query["value"].split("..")]
    except InvalidOperation:
        raise InputError(f"{name}: {query['value']!r} is not of type {query['type']}") from None
    if len(values) != (2 if query["method"] == "between" else 1):
        raise InputError(f"{name}: between has two values, first..last, every other method one")
    return getattr(Attr(query["name"]), query["method"])(*values)


def _typed(text: str, kind: str) -> str | Decimal:
    return text if kind == "str" else Decimal(text)
