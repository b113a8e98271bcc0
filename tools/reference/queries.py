"""Page of the queries that pipelines name, from the heads of their files."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from framework.runs.planner_answers import query_files

title = "Queries"

INTRODUCTION = """\
A pipeline asks one with `query = NAME` in a file or list object; its values stand in a section `parameters` there, as
`name = value`. A query in SQL has `:name` where a value goes in; one in Python is a function `ask(sql, *, name)`, which
yields lines.
"""


def lines() -> Iterator[str]:
    """Yield the page: a section for each query."""
    yield from INTRODUCTION.splitlines()
    for path in query_files():
        yield from ("", f"## {path.stem}", "")
        for line in _head(path).splitlines():
            name, colon, rest = line.partition(":")
            yield f"- *{name}*: {rest.strip()}" if colon and name in ("given", "gives") else line
        yield from ("", f"In `queries/{path.name}`.")


def _head(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return inspect.cleandoc(ast.get_docstring(ast.parse(text)) or "")
    comments = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        comments.append(line.removeprefix("--").strip())
    return "\n".join([comments[0], "", *comments[1:]])
