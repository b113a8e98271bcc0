#!/usr/bin/env python3
"""Print the reference of the journal: each kind of fact with its keys, from the classes of framework.model.facts.

python tools/journal_reference.py > docs/reference/journal.md
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import msgspec

from framework.model import facts
from framework.worker.journal import journal

#: Kinds of values that other facts hold.
NESTED = (facts.FileRecord, facts.CallMessage, facts.ProgramUsage)


def reference_lines() -> Iterator[str]:
    """The page, line by line."""
    yield "# Facts of the journal"
    yield ""
    yield "<!-- made by tools/journal_reference.py; edit framework/model/facts.py -->"
    yield ""
    for paragraph in inspect.cleandoc(journal.__doc__ or "").split("\n\n")[1:]:
        if "docs/reference" not in paragraph:
            yield from (*paragraph.splitlines(), "")
    yield "Every fact has the keys `e` (its kind) and `t` (when it happened: seconds since 1970, UTC)."
    for fact in facts.FACTS:
        yield from _section(fact, f"`{fact.__struct_config__.tag}`", passed_over=("t",))
    yield ""
    yield "## Values within facts"
    for kind in NESTED:
        yield from _section(kind, kind.__name__, level="###")


def _section(
    kind: type[msgspec.Struct], title: str, level: str = "##", passed_over: tuple[str, ...] = ()
) -> Iterator[str]:
    yield ""
    yield f"{level} {title}"
    yield ""
    yield from inspect.cleandoc(kind.__doc__ or "").splitlines()
    sentences = _sentences()
    keys = [field for field in msgspec.structs.fields(kind) if field.encode_name not in passed_over]
    if not keys:
        return
    yield ""
    yield "| key | type | required | meaning |"
    yield "|---|---|---|---|"
    for field in keys:
        sentence, type_name = next(
            sentences[base.__name__, field.name] for base in kind.__mro__ if (base.__name__, field.name) in sentences
        )
        yield f"| `{field.encode_name}` | {type_name} | {'yes' if field.required else ''} | {sentence} |"


def _sentences() -> dict[tuple[str, str], tuple[str, str]]:
    """Class and field to the comment above the field and its type, without ``None``."""
    text = inspect.getsource(facts)
    lines = text.splitlines()
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for node in ast.parse(text).body:
        for field in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                comment = lines[field.lineno - 2].strip().removeprefix("#: ")
                type_name = ast.unparse(field.annotation).removesuffix(" | None").replace("|", "or")
                found[node.name, field.target.id] = comment, type_name
    return found


if __name__ == "__main__":
    print("\n".join(reference_lines()))
