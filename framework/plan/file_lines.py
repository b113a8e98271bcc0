"""Lines of an object: its files come from earlier modules, or answer a question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from framework.model.job import File
from framework.pipeline.definition import QUESTION_KEYS, ObjectDefinition
from framework.pipeline.problems import error_at
from framework.pipeline.questions import FoundFile, FoundLine, Question, UnansweredError, read_question
from framework.plan.paths import join_path
from framework.plan.products import FileLine, Products
from wcl import Scope

#: A function that gives the files of lines new names.
Renamer = Callable[[list[FileLine]], list[FileLine]]


@dataclass(frozen=True)
class LineSources:
    """Sources of the lines of objects."""

    products: Products
    #: Function that answers a question.
    find_lines: Callable[[Question], Iterable[FoundLine]]


def find_lines(
    definition: ObjectDefinition, nickname: str, scope: Scope, sources: LineSources, rename: Renamer | None
) -> list[FileLine]:
    """Return the lines of an object, in their order.

    The nickname names the files of lines that give none. ``rename`` is None if the object does not name its files.
    """
    section = definition.section
    if "depends-newname" in section:
        if rename is None:
            raise error_at(section.position("depends-newname"), "nothing says how the new files are named")
        lines = _find_dependencies(definition, definition.renames, "depends-newname", sources)
        return rename(lines)
    if "depends" in section:
        return _find_dependencies(definition, definition.depends, "depends", sources)
    question = read_question(section, scope)
    if question is None:
        hint = "give it depends, or a query"
        raise error_at(definition.position, f"nothing says which files {definition.label} holds", hint)
    key = next(key for key in QUESTION_KEYS if key in section)
    try:
        lines = [_to_file_line(found, nickname) for found in sources.find_lines(question)]
    except UnansweredError as error:
        raise error_at(section.position(key), str(error)) from error
    return _refuse_empty(lines, definition, key, "the query finds no file")


def known_names(lines: Iterable[FileLine]) -> tuple[str, ...]:
    """Return the names of all keys and metadata of some lines, sorted."""
    names: set[str] = set()
    for line in lines:
        names.update(line.keys)
        for file in line.files:
            if file.metadata is not line.keys:
                names.update(file.metadata)
    return tuple(sorted(names))


def _find_dependencies(
    definition: ObjectDefinition, names: Iterable[str], key: str, sources: LineSources
) -> list[FileLine]:
    position = definition.section.position(key)
    lines = [line for name in names for line in sources.products.lines(name, position)]
    return _refuse_empty(lines, definition, key, "nothing was made of that")


def _refuse_empty(lines: list[FileLine], definition: ObjectDefinition, key: str, message: str) -> list[FileLine]:
    if not lines and not definition.allows_empty:
        position = definition.section.position(key)
        raise error_at(position, message, hint="set allow_empty = True if that may be")
    return lines


def _to_file_line(found: FoundLine, nickname: str) -> FileLine:
    keys: Mapping[str, str] = {}
    for each in found.values():
        keys = {**each.metadata, **keys} if keys else each.metadata
    nicknames = tuple([name or nickname for name in found])
    files = tuple([_to_file(name, each) for name, each in zip(nicknames, found.values(), strict=True)])
    return FileLine(nicks=nicknames, files=files, keys=keys)


def _to_file(label: str, found: FoundFile) -> File:
    path, known = found.path, found.known
    return File(
        label=label,
        filetype=found.filetype,
        path=path,
        job_path=join_path(label, path.rpartition("/")[2]),
        metadata=found.metadata,
        external=path.startswith("/") or "://" in path,
        size=known.size if known else None,
        sha256=known.sha256 if known else None,
        compression=known.compression if known else "",
        staged_from=known.archive if known else "",
    )
