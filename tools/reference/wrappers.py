"""Page of the wrappers, from the docstrings of their modules."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from framework.runs.wrapper_hooks import wrapper_files
from tools.reference.markdown import ROOT, prose

title = "Wrappers"


def lines() -> Iterator[str]:
    """Yield the page: the hooks, and a section for each wrapper."""
    yield from prose(_docstring(ROOT / "wrappers/__init__.py"))
    yield "A module names its wrapper with `wrappername`; settings stand in its section `wrapper`."
    for name in wrapper_names():
        yield from ("", f"## {name}", "")
        yield from prose(_docstring(ROOT / f"wrappers/{name}.py"))


def wrapper_names() -> list[str]:
    """Return the names of the wrappers that ship, the default first."""
    return sorted(wrapper_files(), key=lambda name: (name != "generic", name))


def _docstring(path: Path) -> str:
    return inspect.cleandoc(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
