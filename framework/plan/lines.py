"""Lines: where the files of a file or list object come from: earlier modules, or the answer to a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from framework.plan.definition import FileDefinition, ListDefinition, names_of
from framework.plan.findings import wrong
from framework.plan.model import File
from framework.plan.naming import Naming, is_placed
from framework.plan.products import Line, Products
from framework.plan.questions import FoundFile, FoundLine, Question, UnansweredError, question_of
from wcl import Scope, Section


@dataclass(frozen=True)
class Sources:
    """What an object's lines may come from."""

    products: Products
    ask: Callable[[Question], Sequence[FoundLine]]


def is_sourced(section: Section) -> bool:
    """Whether an object's files come from elsewhere, and not from its own name."""
    return any(key in section for key in ("depends", "depends-newname", "query_fields", "query", "exec"))


def lines_of(
    part: FileDefinition | ListDefinition, nick: str, scope: Scope, sources: Sources, naming: Naming | None
) -> list[Line]:
    """The lines of an object, in their order; ``nick`` names the file of a line whose source does not."""
    section = part.section
    if "depends-newname" in section:
        if naming is None:
            raise wrong(section.place("depends-newname"), "nothing says how the new files are named")
        return [_renamed(line, nick, naming) for line in _depended(section, "depends-newname", sources)]
    if "depends" in section:
        return _depended(section, "depends", sources)
    question = question_of(section, scope)
    if question is None:
        raise wrong(part.place, f"nothing says which files {part.label} holds", hint="give it depends, or a query")
    asked = next(section.place(key) for key in ("query_fields", "query", "exec") if key in section)
    try:
        answer = sources.ask(question)
    except UnansweredError as error:
        raise wrong(asked, str(error)) from error
    if not answer:
        raise wrong(asked, "the query finds no file")
    return [_found_line(found, nick) for found in answer]


def placed(file: File, label: str, section: Section, naming: Naming, values: Mapping[str, str]) -> File:
    """A file of another module under this module's name, and where this module wants it in the job."""
    rename = section.text("rename_file", "")
    if not is_placed(section):
        return file.placed(label, file.job_directory, rename)
    return file.placed(label, naming.job_directory(values), rename)


def _depended(section: Section, key: str, sources: Sources) -> list[Line]:

    place = section.place(key)
    return [line for name in names_of(section, key) for line in sources.products.lines(name, place)]


def _renamed(line: Line, nick: str, naming: Naming) -> Line:
    """The same keys, and a file of the object's own name."""
    known = {**line.first.metadata, **line.first.keys, **line.keys}
    return Line({nick: naming.make(known)[0]}, line.keys)


def _found_line(found: FoundLine, nick: str) -> Line:
    files = {name or nick: _file(name or nick, each) for name, each in found.items()}
    keys: dict[str, str] = {}
    for each in found.values():
        keys = {**each.metadata, **keys}
    return Line(files, keys)


def _file(nick: str, found: FoundFile) -> File:
    directory, _, name = found.path.rpartition("/")
    outside = found.path if found.path.startswith("/") or "://" in found.path else ""
    return File(
        label=nick,
        filetype=found.filetype,
        name=name,
        directory="" if outside else directory,
        job_directory=nick,
        keys=found.metadata,
        metadata=found.metadata,
        outside=outside,
        known=found.known,
    )
