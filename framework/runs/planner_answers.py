"""Answers to the planner's questions: from the registry, the folder ``queries``, query programs and the disk."""

from __future__ import annotations

import csv
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from sqlalchemy import exc, text

from framework.engines.process_paths import program_path
from framework.model.job import ArchivedFile
from framework.pipeline.questions import (
    ANSWER,
    FieldsQuestion,
    FoundFile,
    FoundLine,
    NamedQuestion,
    ProgramQuestion,
    Question,
    UnansweredError,
)
from framework.registry.questions.archive_copies import removals_at
from framework.registry.questions.files import find_call_outputs, find_in_archive
from framework.registry.questions.query_fields import find_by_fields, find_newest_by_name
from framework.worker.programs.programs import program_error
from wcl import Section, WclError, parse
from wcl.format import as_literal, is_plain

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import FileRow

QUERIES = Path(__file__).parents[2] / "queries"
#: Seconds that a query program may take.
PATIENCE = 600
#: What an answer says of a file that is no metadata of it.
OWN = frozenset({"filename", "path", "fullname", "filetype", "compression", "nickname", "line", "size", "sha256"})


class RegistryAnswers:
    """Answers to the planner's questions (framework.pipeline.questions) from the registry, programs and the disk."""

    def __init__(self, registry: Registry, archive: str, directory: str, sources: Sequence[str] = ()) -> None:
        self._registry = registry
        self._archive = archive
        #: Further archives, asked in this order for what the run's own does not have.
        self._sources = sources
        #: Where query programs run, and are looked for where they are named by a relative path.
        self._directory = directory

    def find_in_archive(self, paths: Sequence[str]) -> Mapping[str, ArchivedFile]:
        if not paths:
            return {}

        known = {
            path: _archived_file(row) for path, row in find_in_archive(self._registry, self._archive, paths).items()
        }
        for archive in self._sources:
            left = [path for path in paths if path not in known]
            known |= {
                path: _archived_file(row, archive)
                for path, row in find_in_archive(self._registry, archive, left).items()
            }
        return known

    def absence_reason(self, path: str) -> str | None:
        """Return who removed a file, when and why; None where nobody did."""
        removal = removals_at(self._registry, [path]).get(path)
        return f"{path.rpartition('/')[2]} {removal.message(path)}" if removal else None

    def read_error(self, location: str) -> str | None:
        """Return why a file cannot be read; addresses are left to the job."""
        scheme = urllib.parse.urlsplit(location).scheme
        if scheme in ("http", "https"):
            return None
        if "://" in location:
            return f"{scheme} cannot be fetched: give a path, or an http or https address"
        if not os.path.isfile(location):
            return "there is no such file" if not os.path.exists(location) else "it is not a file"
        return None if os.access(location, os.R_OK) else "it may not be read"

    def find_lines(self, question: Question) -> Iterable[FoundLine]:
        """Return the lines that answer a question, their files looked up in the archive."""
        if isinstance(question, FieldsQuestion):
            if not self._sources:
                return ({"": _found_file(row)} for row in find_by_fields(self._registry, self._archive, question))
            found: dict[str, FoundFile] = {}
            for archive in (self._archive, *self._sources):
                of_archive = "" if archive == self._archive else archive
                for row in find_by_fields(self._registry, archive, question):
                    found.setdefault(row.path, _found_file(row, of_archive))
            return [{"": found[path]} for path in sorted(found)]
        rows = self._run_named_query(question) if isinstance(question, NamedQuestion) else self._by_program(question)
        return self._look_up_files(rows)

    def question_error(self, question: Question) -> str | None:
        """Return why a question can never be answered: no such query, a missing parameter, a missing program."""
        try:
            if isinstance(question, NamedQuestion):
                path = _query(question.name)
                if path.suffix == ".sql":
                    _parameters(path, question.parameters)
            elif isinstance(question, ProgramQuestion):
                return program_error(self._program_location(question.argv[0]), program_path())
        except UnansweredError as error:
            return str(error)
        return None

    def find_outputs(self, run: str, calls: Sequence[int]) -> Mapping[int, Sequence[FoundFile]]:
        """Return the archived outputs of some calls of a run, by call, of the newest good execution of each."""
        found: dict[int, list[FoundFile]] = {}
        for number, row in find_call_outputs(self._registry, self._archive, run, calls):
            found.setdefault(number, []).append(_found_file(row))
        return found

    def _run_named_query(self, question: NamedQuestion) -> list[dict[str, Mapping[str, str]]]:
        """Run a query of the folder: ``<name>.sql`` with bound parameters, or ``<name>.py`` with ``ask``."""
        path = _query(question.name)
        if path.suffix == ".sql":
            statement = path.read_text(encoding="utf-8")
            return _flat(self._sql(statement, **_parameters(path, question.parameters)))
        module = importlib.import_module(f"queries.{question.name}")
        try:
            return _flat(module.ask(self._sql, **question.parameters))
        except (OSError, ValueError, LookupError) as error:
            raise UnansweredError(f"the query {question.name} fails: {error}") from error

    def _sql(self, statement: str, **parameters: object) -> list[dict[str, object]]:
        """Return the rows of a statement with named parameters; a ``.py`` query is given this to ask with."""
        try:
            with self._registry.read() as connection:
                return [dict(row) for row in connection.execute(text(statement), parameters).mappings()]
        except exc.SQLAlchemyError as error:
            raise UnansweredError(f"the registry refuses the query: {getattr(error, 'orig', error)}") from error

    def _by_program(self, question: ProgramQuestion) -> list[dict[str, Mapping[str, str]]]:
        """Run a query program, and read the file that it wrote."""
        with tempfile.TemporaryDirectory(prefix="fw-query-") as place:
            answer = os.path.join(place, f"answer.{question.form}")
            argv = [word.replace(ANSWER, answer) for word in question.argv]
            argv[0] = self._program_location(argv[0])
            environment = {**os.environ, "PATH": program_path()}
            try:
                done = subprocess.run(
                    argv, env=environment, cwd=self._directory, capture_output=True, text=True, timeout=PATIENCE,
                    check=False, errors="replace",
                )  # fmt: skip
            except (OSError, subprocess.TimeoutExpired) as error:
                raise UnansweredError(f"the query program {argv[0]} cannot be run: {error}") from error
            if done.returncode:
                last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it says nothing"]
                raise UnansweredError(f"the query program {argv[0]} ended with status {done.returncode}: {last[0]}")
            if not os.path.exists(answer):
                raise UnansweredError(f"the query program {argv[0]} wrote no answer: give it ${{qoutfile}}")
            try:
                return read_answer(Path(answer), question.form)
            except (ValueError, KeyError, TypeError, WclError) as error:
                raise UnansweredError(f"the answer of {argv[0]} cannot be read: {error}") from error

    def _program_location(self, program: str) -> str:
        """Return the path of a program; a relative one is relative to the directory of submission."""
        return os.path.join(self._directory, program) if "/" in program else program

    def _look_up_files(self, rows: list[dict[str, Mapping[str, str]]]) -> list[FoundLine]:
        """Look up the files that an answer names by base name."""
        files = [file for row in rows for file in row.values()]
        newest = self._find_newest(
            {file["filename"] for file in files if "filename" in file and not {"path", "fullname"} & file.keys()}
        )
        paths = {file["path"] for file in files if "path" in file and not file["path"].startswith("/")}
        known = self.find_in_archive(sorted(paths))
        return [{nick: self._complete(file, newest, known) for nick, file in row.items()} for row in rows]

    def _find_newest(self, names: set[str]) -> dict[str, FoundFile]:
        """Return the newest file of each name; the run's own archive goes first, then the others in their order."""
        newest: dict[str, FoundFile] = {}
        for archive in (*reversed(self._sources), self._archive):
            of_archive = "" if archive == self._archive else archive
            rows_of = find_newest_by_name(self._registry, archive, names)
            newest |= {name: _found_file(row, of_archive) for name, row in rows_of.items()}
        return newest

    def _complete(
        self, file: Mapping[str, str], newest: Mapping[str, FoundFile], known: Mapping[str, ArchivedFile]
    ) -> FoundFile:
        metadata = {key: as_literal(str(value)) for key, value in file.items() if key not in OWN and value is not None}
        if path := file.get("fullname") or file.get("path"):
            return FoundFile(path=path, filetype=file.get("filetype", ""), metadata=metadata, known=known.get(path))
        name = file.get("filename")
        if name is None:
            raise UnansweredError("an answer names no file: it has neither filename nor path")
        if name not in newest:
            raise UnansweredError(f"the query names {name}, which the archive does not have")
        found = newest[name]
        return replace(found, metadata={**found.metadata, **metadata})


class ReplanAnswers(RegistryAnswers):
    """Answers for a run that is planned again: its own outputs do not count as archived."""

    def __init__(
        self, registry: Registry, archive: str, directory: str, sources: Sequence[str] = (), *, own: str
    ) -> None:
        super().__init__(registry, archive, directory, sources)
        self._own = own + "/"

    def find_in_archive(self, paths: Sequence[str]) -> Mapping[str, ArchivedFile]:
        return super().find_in_archive([path for path in paths if not path.startswith(self._own)])

    def find_lines(self, question: Question) -> Iterable[FoundLine]:
        found = super().find_lines(question)
        return (line for line in found if not any(file.path.startswith(self._own) for file in line.values()))


def query_files() -> list[Path]:
    """Return the files of the queries that pipelines may name, by name."""
    return sorted(path for path in QUERIES.iterdir() if path.suffix in (".sql", ".py") and path.stem[0] != "_")


def _query(name: str) -> Path:
    """Return the file of a query."""
    if not name.isidentifier():
        raise UnansweredError(f"'{name}' is no query's name")
    for path in (QUERIES / f"{name}.sql", QUERIES / f"{name}.py"):
        if path.is_file():
            return path
    known = [path.stem for path in query_files()]
    raise UnansweredError(f"there is no query '{name}'; there is: {', '.join(known) or 'none'}")


def _parameters(path: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the parameters that a statement names."""
    wanted = set(re.findall(r"(?<![:\w]):([a-z_]\w*)", path.read_text(encoding="utf-8")))
    if missing := wanted - given.keys():
        raise UnansweredError(f"the query {path.stem} needs {', '.join(sorted(missing))}: set parameters")
    return {name: given[name] for name in wanted}


def read_answer(path: Path, form: str) -> list[dict[str, Mapping[str, str]]]:
    """Return the lines of an answer, each with its files by nickname (empty where the form has none)."""
    if form == "csv":
        with open(path, newline="", encoding="utf-8") as file:
            return _flat(csv.DictReader(file))
    if form == "json":
        rows = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(rows, dict):
            rows = list(rows["list"]["line"].values())
        return [_files_by_nickname(row.get("file", row)) for row in rows]
    # Query programs write a key without a value where they have none.
    text = re.sub(r"(?m)^\s*[\w.-]+\s*=\s*$", "", path.read_text(encoding="utf-8"))
    lines = parse(text, str(path)).section("list").section("line").sections()
    return [_files_by_nickname(line.section("file")) for _, line in lines]


def _flat(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Mapping[str, str]]]:
    """Group rows of one file each into lines: rows with the same ``line`` belong together, by their ``nickname``."""
    lines: dict[str, dict[str, Mapping[str, str]]] = {}
    for number, row in enumerate(rows):
        key = str(row.get("line") or f"#{number}")
        lines.setdefault(key, {})[str(row.get("nickname") or "")] = {
            name: str(value) for name, value in row.items() if value is not None
        }
    return list(lines.values())


def _files_by_nickname(row: Mapping[str, Any] | Section) -> dict[str, Mapping[str, str]]:
    """Return the files of a line by nickname: ``{nick: {filename: ...}}``, or one file; numbers are no nicknames."""
    inner = {nick: part for nick, part in row.items() if isinstance(part, Mapping)}
    if not inner:
        inner = {"": row}
    return {
        "" if re.fullmatch(r"file\d+", nick) else nick: {key: str(value) for key, value in part.items()}
        for nick, part in inner.items()
    }


def _found_file(row: FileRow, archive: str = "") -> FoundFile:
    metadata = {sys.intern(key): _intern_value(str(value)) for key, value in row.metadata.items()}
    return FoundFile(path=row.path, filetype=row.filetype, metadata=metadata, known=_archived_file(row, archive))


def _intern_value(value: str) -> str:
    """Return one string object for equal values, since most values are those of many files."""
    return sys.intern(value) if is_plain(value) else as_literal(value)


def _archived_file(row: FileRow, archive: str = "") -> ArchivedFile:
    if row.packed:
        ending, size, sha256 = row.packed
        return ArchivedFile(size, sha256, ending, archive)
    return ArchivedFile(row.size or 0, row.sha256 or "", "", archive)
