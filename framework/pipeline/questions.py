"""Questions that files and lists ask of the registry or of programs, and the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from framework.model.job import ArchivedFile
from framework.pipeline.problems import error_at, suggest_name
from wcl import Quoted, Scope, Section, SourcePosition, expand, split_command, split_list

#: Stands on a program's command line where the file for its answer is named.
ANSWER = "@answer@"
FORMS = ("wcl", "json", "csv")


@dataclass(frozen=True, kw_only=True)
class FieldsQuestion:
    """Files of the archive by the values of their metadata."""

    #: ``band`` or ``exposure.band`` to the values that it may have; ``x%``, ``!x``, ``null`` as operators write them.
    conditions: Mapping[str, tuple[str, ...]]
    table: str
    #: Pairs of fields that are equal, such as ``image.expnum`` and ``exposure.expnum``.
    joins: tuple[tuple[str, str], ...] = ()
    #: Fields wanted besides those that the file has anyway.
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NamedQuestion:
    """A question of the folder ``queries``, with its parameters."""

    name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ProgramQuestion:
    """A program that writes its answer to a file."""

    argv: tuple[str, ...]
    form: str


Question = FieldsQuestion | NamedQuestion | ProgramQuestion


class FoundFile(Struct, frozen=True, kw_only=True, gc=False):
    """A file that an answer names; its path is that of the archive, or absolute for one outside."""

    path: str
    filetype: str = ""
    metadata: Mapping[str, str] = {}
    known: ArchivedFile | None = None


#: One line of an answer: files that belong together, by their nicknames (empty where the answer gives none).
FoundLine = Mapping[str, FoundFile]


class UnansweredError(Exception):
    """A question cannot be answered; the message says why."""


class PlannerQuestions(Protocol):
    """The one way by which planning asks about the registry, the archives and the disk."""

    def find_in_archive(self, paths: Sequence[str]) -> Mapping[str, ArchivedFile]:
        """Return those of the archive paths that exist, with size and checksum of each."""

    def absence_reason(self, path: str) -> str | None:
        """Return why the archive no longer has a path that it had once; None if it never had it."""
        ...

    def find_lines(self, question: Question) -> Iterable[FoundLine]:
        """Return the lines that answer a question; UnansweredError if there is no answer."""
        ...

    def read_error(self, location: str) -> str | None:
        """Return why a path or URL outside the archives cannot be read; None if it can, or if only the job can tell."""
        ...

    def question_error(self, question: Question) -> str | None:
        """Return why a question can never be answered, such as an unknown query; None if it can be asked."""
        ...

    def find_outputs(self, run: str, calls: Sequence[int]) -> Mapping[int, Sequence[FoundFile]]:
        """Return the archived files of those calls of a run that ended well, by the call's number."""
        ...


def read_question(section: Section, scope: Scope) -> Question | None:
    """Return the question that the section of a file or list asks; None if it asks nothing."""
    scope = scope.child(section)
    if "query_fields" in section:
        return _fields_question(section, scope)
    if "query" in section:
        return _named_question(section, scope)
    return _program_question(section, scope) if "exec" in section else None


def _fields_question(section: Section, scope: Scope) -> FieldsQuestion:
    position = section.position("query_fields")
    conditions = {}
    for name in _names(section, "query_fields"):
        conditions[name.lower()] = tuple(split_list(expand(_find_value(name, scope, position), scope, position)))
    joins = []
    for pair in _names(section, "join"):
        left, equals, right = (part.strip() for part in pair.partition("="))
        if not equals or not left or not right:
            raise error_at(section.position("join"), f"'{pair}' joins nothing", "a.key = b.key")
        joins.append((left.lower(), right.lower()))
    table = section.text("query_table", "image").lower()
    return FieldsQuestion(
        conditions=conditions, table=table, joins=tuple(joins), outputs=_names(section, "output_fields")
    )


def _named_question(section: Section, scope: Scope) -> NamedQuestion:
    """Return the question of a query; its parameters stand in a section ``parameters``, as ``name = value``."""
    position = section.position("query")
    values = section.section("parameters")
    parameters = {name: str(expand(values.text(name), scope, values.position(name))) for name in values}
    return NamedQuestion(name=expand(section.text("query"), scope, position), parameters=parameters)


def _program_question(section: Section, scope: Scope) -> ProgramQuestion:
    answer = Quoted(ANSWER)
    scope = scope.child({"qoutfile": answer, "outputxml": answer, "outputfile": answer})
    argv = split_command(section.text("exec"), scope, section.position("exec"))
    if "args" in section:
        argv += split_command(section.text("args"), scope, section.position("args"))
    form = section.text("qouttype", "wcl").lower()
    if form not in FORMS:
        raise error_at(section.position("qouttype"), f"unknown form of an answer '{form}'", suggest_name(form, FORMS))
    return ProgramQuestion(argv=tuple(argv), form=form)


def _find_value(name: str, scope: Scope, position: SourcePosition) -> str:
    """Return the value of a field: its own, or that of its last part (``band`` for ``image.band``)."""
    for key in (name, name.rpartition(".")[2]):
        try:
            return scope.find(key)
        except KeyError:
            continue
    raise error_at(position, f"'{name}' is asked for, and nothing says which", f"set {name.rpartition('.')[2]} = value")


def _names(section: Section, key: str) -> tuple[str, ...]:
    return tuple(name for name in split_list(section.text(key)) if name) if key in section else ()
