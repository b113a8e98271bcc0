"""Page of the keys of pipelines and sites, from the table of framework.pipeline.keys."""

from __future__ import annotations

from collections.abc import Iterator

from framework.configuration.site_file import DEFAULTS
from framework.pipeline.keys import KEYS
from tools.reference.markdown import table
from wcl import Section, read
from wcl.keys.declarations import FREE_SECTIONS, SECTION_KINDS, KeyDeclaration

title = "Keys"

INTRODUCTION = """\
Keys of the sections of a pipeline and of a site's file. An unknown key is an error where it is within two letters of
a known one, else a warning, and an error under `fw check --strict`. A pipeline declares further keys of its own in the
section `known_keys`: `key = kinds of sections | kind of value | meaning`.

A key of the top may also stand in a block, a module or a site, and holds there.

| kind of value | what it is |
|---|---|
| text | any text; variables are filled in |
| boolean | `true`, `yes`, `y` or a number, or `false`, `no`, `n`, `0`; capitals do not matter |
| integer | a whole number |
| list | several values, with commas; `1-5` is a range |
| names | several names of what the pipeline declares, with commas |
| one of | one of the words that are listed |
"""

#: What a section of a kind describes, and where it stands.
KINDS = {
    "top": "Outside all sections",
    "block": "In a block: `<block>`, `<NAME>`",
    "module": "In a module: `<module>`, `<NAME>`",
    "exec": "In a program of a module: `<exec_1>`, `<exec_2>`, ...",
    "file": "In a file object of a module: `<file>`, `<NAME>`",
    "list": "In a list object of a module: `<list>`, `<NAME>`, and in `<div_list_by_col>`",
    "site": "In a site: `<site>`, `<NAME>`",
    "archive": "In an archive: `<archive>`, `<NAME>`",
    "directory_pattern": "In a directory pattern: `<directory_pattern>`, `<NAME>`",
    "environment_def": "In an environment: `<environment_def>`, `<NAME>`",
    "container_def": "In a container: `<container_def>`, `<NAME>`",
}


def lines() -> Iterator[str]:
    """Yield the page: a table for each kind of section."""
    yield from INTRODUCTION.splitlines()
    yield ""
    yield f"{len(KEYS)} keys are known."
    defaults = read(DEFAULTS)
    for kind, heading in KINDS.items():
        entries = sorted((key, entry) for key, entry in KEYS.items() if kind in entry.sections)
        yield from ("", f"## {heading}", "")
        yield from table(("key", "value", "default", "meaning"), (_row(key, entry, defaults) for key, entry in entries))
    yield from ("", "## Sections with any keys", "")
    yield "These hold names of patterns, options, variables or descriptions, so that any key may stand in them:"
    yield f"{', '.join(f'`{name}`' for name in sorted(FREE_SECTIONS))}."


def _row(key: str, entry: KeyDeclaration, defaults: Section) -> tuple[str, str, str, str]:
    value = f"one of {', '.join(f'`{choice}`' for choice in entry.choices)}" if entry.kind == "mode" else entry.kind
    default = defaults.get(key)
    shown = f"`{default}`" if isinstance(default, str) and "top" in entry.sections else ""
    return f"`{key}`", value, shown, entry.meaning


def undescribed_kinds() -> set[str]:
    """Return the kinds of sections that keys stand in, but that the page does not describe."""
    kinds = {kind for entry in KEYS.values() for kind in entry.sections} | set(SECTION_KINDS.values())
    return kinds - set(KINDS)
