"""Declarations of keys: the sections that a key may stand in, the kind of its value, and its meaning."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from wcl.section import Section

Kind = Literal["text", "boolean", "integer", "list", "mode", "names"]

#: Sections with any keys: names of patterns, options, environment variables, descriptions of files.
FREE_SECTIONS = frozenset(
    {
        "cmdline", "replace", "filename_pattern", "job_environment", "condor_job_environment", "environment",
        "file_header", "filetype_metadata", "exec_def", "qcf", "wrapper", "wcl", "data_def", "job_file_mvmt",
        "transfer_stats", "fileclass", "catalog_def", "dagman", "condor_submit", "condor_limits", "metadata_type",
    }
)  # fmt: skip
#: Sections that hold one section for each item of a kind: name to kind.
SECTION_KINDS = {
    "block": "block",
    "module": "module",
    "file": "file",
    "list": "list",
    "div_list_by_col": "list",
    "site": "site",
    "archive": "archive",
    "directory_pattern": "directory_pattern",
    "environment_def": "environment_def",
    "container_def": "container_def",
}


@dataclass(frozen=True)
class KeyDeclaration:
    """The declaration of a key."""

    #: Kinds of sections that it may stand in: top, block, module, exec, file, list, site, archive, directory_pattern,
    #: environment_def, container_def.
    sections: tuple[str, ...]
    #: Kind of its value; `names` is a list of names that it refers to.
    kind: Kind
    meaning: str
    #: Values of a mode, as regular expressions.
    choices: tuple[str, ...] = ()


def parse_declarations(text: str) -> dict[str, KeyDeclaration]:
    """Parse a table of declarations, one a line: `key | sections | kind, or mode and its choices | meaning`."""
    known: dict[str, KeyDeclaration] = {}
    for line in text.strip().splitlines():
        key, sections, kind, meaning = (cell.strip() for cell in line.split("|", 3))
        choices = tuple(kind.split()[1:])
        known[key] = KeyDeclaration(tuple(sections.split()), kind.split()[0], meaning, choices)  # type: ignore[arg-type]
    return known


def section_kind(section: Section) -> str | None:
    """Return the kind of a section; None if it may hold any keys."""
    if not section.path:
        return "top"
    names = section.path.split(".")
    if any(name in FREE_SECTIONS for name in names):
        return None
    if re.fullmatch(r"exec_\d+", names[-1]):
        return "exec"
    if len(names) > 1:
        return SECTION_KINDS.get(names[-2])
    # A file may hold a module alone, without the section around it.
    return "module" if "wrappername" in section else None


def allowed_keys(known: Mapping[str, KeyDeclaration], kind: str) -> Iterable[str]:
    """Return the keys that may stand in a kind of section."""
    return (key for key, entry in known.items() if is_allowed_in(entry, kind))


def is_allowed_in(entry: KeyDeclaration, kind: str) -> bool:
    """Return whether a key may stand in a kind of section; a block, module or site may have any key of the top."""
    return kind in entry.sections or (kind in ("block", "module", "site") and "top" in entry.sections)
