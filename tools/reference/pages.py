"""All pages of docs/reference, with their text."""

from __future__ import annotations

from types import ModuleType

from tools.reference import environment, exit_codes, journal, keys, queries, tables, verbs, wrappers
from tools.reference.markdown import DOCS

#: Name of each page with the module that makes it, in the order of the table of contents.
PAGES: dict[str, ModuleType] = {
    "verbs": verbs,
    "exit-codes": exit_codes,
    "environment": environment,
    "keys": keys,
    "wrappers": wrappers,
    "queries": queries,
    "tables": tables,
    "journal": journal,
}


def page_text(name: str) -> str:
    """Return the text of a page."""
    page = PAGES[name]
    source = f"tools/reference/{page.__name__.rpartition('.')[2]}.py"
    head = [f"# {page.title}", "", f"<!-- made by {source}: make docs -->", ""]
    return "\n".join([*head, *page.lines()]) + "\n"


def write_pages() -> None:
    """Write every page."""
    DOCS.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        (DOCS / f"{name}.md").write_text(page_text(name), encoding="utf-8")
