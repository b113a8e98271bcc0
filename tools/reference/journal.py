"""Page of the journal: each kind of fact with its keys, from the classes of framework.model.facts."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

import msgspec

from framework.model import facts
from framework.worker.journal import journal

title = "Facts of the journal"

#: Kinds of values that other facts hold.
NESTED = (facts.FileRecord, facts.CallMessage, facts.ProgramUsage)


def lines() -> Iterator[str]:
    """Yield the page, line by line."""
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
    source_lines = text.splitlines()
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for node in ast.parse(text).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                comment = source_lines[field.lineno - 2].strip().removeprefix("#: ")
                type_name = ast.unparse(field.annotation).removesuffix(" | None").replace("|", "or")
                found[node.name, field.target.id] = comment, type_name
    return found
