"""Lines: where the files of a file or list object come from: earlier modules, or the answer to a question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from framework.model.plan import File
from framework.pipeline.definition import FileDefinition, ListDefinition, names_of
from framework.pipeline.problems import error_at
from framework.pipeline.questions import FoundFile, FoundLine, Question, UnansweredError, question_of
from framework.plan.file_names import FileNaming, joined
from framework.plan.products import FileLine, Products
from wcl import Scope, Section, parse_boolean

NOTHING_MADE = "nothing was made of that"


@dataclass(frozen=True)
class LineSources:
    """What an object's lines may come from."""

    products: Products
    ask: Callable[[Question], Iterable[FoundLine]]


def depended(section: Section) -> tuple[str, ...]:
    """The objects of earlier modules that an object's files are those of, or are named after."""
    return (*names_of(section, "depends"), *names_of(section, "depends-newname"))


def is_sourced(section: Section) -> bool:
    """Whether an object's files come from elsewhere, and not from its own name."""
    return any(key in section for key in ("depends", "depends-newname", "query_fields", "query", "exec"))


def lines_of(
    part: FileDefinition | ListDefinition, nick: str, scope: Scope, sources: LineSources, naming: FileNaming | None
) -> list[FileLine]:
    """The lines of an object, in their order; ``nick`` names the file of a line whose source does not."""
    section = part.section
    if "depends-newname" in section:
        if naming is None:
            raise error_at(section.position("depends-newname"), "nothing says how the new files are named")
        lines = _not_empty(_depended(section, "depends-newname", sources), section, "depends-newname", NOTHING_MADE)
        new = naming.open_to(names_known(lines))
        return [_renamed(line, nick, new) for line in lines]
    if "depends" in section:
        return _not_empty(_depended(section, "depends", sources), section, "depends", NOTHING_MADE)
    question = question_of(section, scope)
    if question is None:
        raise error_at(
            part.position, f"nothing says which files {part.label} holds", hint="give it depends, or a query"
        )
    asked = next(key for key in ("query_fields", "query", "exec") if key in section)
    try:
        lines = [_found_line(found, nick) for found in sources.ask(question)]
    except UnansweredError as error:
        raise error_at(section.position(asked), str(error)) from error
    return _not_empty(lines, section, asked, "the query finds no file")


def flag(section: Section, key: str) -> bool:
    """A boolean of a section; False where it is not there."""
    value = section.get(key)
    return isinstance(value, str) and parse_boolean(value, section.position(key))


def _not_empty(lines: list[FileLine], section: Section, key: str, message: str) -> list[FileLine]:
    if not lines and not flag(section, "allow_empty"):
        raise error_at(section.position(key), message, hint="set allow_empty = True if that may be")
    return lines


def names_known(lines: Iterable[FileLine]) -> tuple[str, ...]:
    """The names of everything that is known of one of the lines or its files."""
    names: set[str] = set()
    for line in lines:
        names.update(line.keys)
        for file in line.files:
            if file.metadata is not line.keys:
                names.update(file.metadata)
    return tuple(sorted(names))


def placed(file: File, label: str, naming: FileNaming | None, *given: Mapping[str, str]) -> File:
    """A file of another module under this module's name, and where this module wants it in the job."""
    if naming is None:
        return file.placed(label, file.job_path, "")
    if not naming.is_placed:
        return file.placed(label, file.job_path, naming.rename)
    return file.placed(label, joined(naming.job_directory(*given), file.name), naming.rename)


def _depended(section: Section, key: str, sources: LineSources) -> list[FileLine]:
    position = section.position(key)
    return [line for name in names_of(section, key) for line in sources.products.lines(name, position)]


def _renamed(line: FileLine, nick: str, naming: FileNaming) -> FileLine:
    """The same keys, and a file of the object's own name."""
    known = {**line.first.metadata, **line.keys}
    return FileLine(nicks=(nick,), files=(naming.make(known)[0],), keys=line.keys)


def _found_line(found: FoundLine, nick: str) -> FileLine:
    keys: Mapping[str, str] = {}
    for each in found.values():
        keys = {**each.metadata, **keys} if keys else each.metadata
    nicks = tuple([name or nick for name in found])
    files = tuple([_file(name, each) for name, each in zip(nicks, found.values(), strict=True)])
    return FileLine(nicks=nicks, files=files, keys=keys)


def _file(nick: str, found: FoundFile) -> File:
    path, known = found.path, found.known
    return File(
        label=nick,
        filetype=found.filetype,
        path=path,
        job_path=joined(nick, path.rpartition("/")[2]),
        metadata=found.metadata,
        external=path.startswith("/") or "://" in path,
        size=known.size if known else None,
        sha256=known.sha256 if known else None,
        compression=known.compression if known else "",
        staged_from=known.archive if known else "",
    )
