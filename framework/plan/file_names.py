"""Names: from a file's definition and a call's values to the file's name and places."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from framework.model.plan import ARCHIVE_PATH, File
from framework.pipeline.compression import HEADER_UPDATE, compression_of, header_cards
from framework.pipeline.problems import error_at, problem_at, suggest_name
from framework.pipeline.wildcards import wild_name
from wcl import Scope, Section, SourcePosition, WclError, expand, expand_all, parse_boolean, split_list
from wcl.format import Format, compile_format, is_plain
from wcl.partial import expand_partially

#: Bytes of a name in a path; file systems take 255, and a few are added to some names.
LONGEST_NAME = 200
#: The directory pattern of a file that names none.
DEFAULT_DIRECTORY = "run"
#: How many directories are kept to be used again.
MOST_DIRECTORIES = 10_000


@dataclass(frozen=True)
class TextTemplate:
    """A text with variables, and where it was written."""

    text: str
    position: SourcePosition
    #: Who asks, where the text is a pattern that many files share.
    asked: SourcePosition | None = None

    def fill(self, scope: Scope) -> str:
        try:
            return expand(self.text, scope, self.position)
        except WclError as error:
            raise self._for_whom(error) from error

    def fill_all(self, scope: Scope) -> list[str]:
        try:
            return expand_all(self.text, scope, self.position)
        except WclError as error:
            raise self._for_whom(error) from error

    def settled(self, scope: Scope, is_open: Callable[[str], bool]) -> TextTemplate:
        """With everything filled in but the open names, if nothing is wrong with it."""
        return replace(self, text=expand_partially(self.text, scope, is_open))

    def _for_whom(self, error: WclError) -> WclError:
        """What is wrong with a shared pattern is wrong where it is used."""
        if self.asked is None:
            return error
        hint = f"{self.position} wants it: {self.text}"
        return WclError(*(problem_at(self.asked, each.message, hint) for each in error.problems))


@dataclass(frozen=True)
class FiletypeMetadata:
    """What is recorded of each file of a kind."""

    name: str
    #: Metadata keys whose values come from the pipeline; None means the keys of the call's loop.
    required: tuple[str, ...] | None
    optional: tuple[str, ...]

    def without(self, keys: Collection[str]) -> FiletypeMetadata:
        """The same, some keys being found otherwise."""
        required = None if self.required is None else tuple(key for key in self.required if key not in keys)
        return FiletypeMetadata(self.name, required, tuple(key for key in self.optional if key not in keys))


class FileNaming:
    """The names of one file definition; parsed once, when first asked for, and filled in for each call.

    Where all is plain, names are made from formats; whatever is not takes the careful way, which says what is wrong.
    """

    def __init__(
        self,
        label: str,
        section: Section,
        scope: Scope,
        pipeline: Section,
        submit_directory: str,
        *,
        made: bool = False,
        loop: Collection[str] | None = None,
    ) -> None:
        """``loop``: the names whose values differ from file to file; None where nobody knows."""
        self.label = label
        self._made = made
        self._loop = loop
        self.section = section
        self._scope = scope.child(section)
        self._pipeline = pipeline
        self._submit_directory = submit_directory
        self._outside_archives = "fullname" in section

    def open_to(self, loop: Collection[str]) -> FileNaming:
        """The same names, where only these values differ from file to file."""
        return FileNaming(
            self.label, self.section, self._scope, self._pipeline, self._submit_directory, made=self._made, loop=loop
        )

    def make(self, values: Mapping[str, str]) -> tuple[File, ...]:
        """The file, or files where the name holds a list, of a call with these loop values."""
        if self._wildcards:
            return (self._unknown(values),)
        if self._outside_archives:
            scope = self._scope.child(values)
            return tuple(self._outside(location, values) for location in self._name.fill_all(scope))
        directory, job_directory = self._archive.of(values), self._job.of(values)
        metadata = self._metadata(values)
        name = self._name_format.fill(values.get) if self._name_format else None
        if name is not None:
            return (self._file(name, directory, job_directory, metadata, values),)
        names = self._name.fill_all(self._scope.child(values))
        return tuple(self._file(name, directory, job_directory, metadata, values) for name in names)

    def _file(
        self, name: str, directory: str, job_directory: str, metadata: Mapping[str, str], values: Mapping[str, str]
    ) -> File:
        _checked(self._name, name)
        return File(
            label=self.label,
            filetype=self._filetype.name,
            path=f"{directory}/{name}" if directory else name,
            job_path=joined(job_directory, name),
            metadata=metadata,
            saved=self._saved,
            optional=self._optional,
            rename=self.rename,
            compression=self._compression,
            header=header_cards(self.section, self._scope.child(values)) if self._has_cards else (),
        )

    @cached_property
    def _wildcards(self) -> tuple[str, ...]:
        """The names that only the program gives values to, file by file."""
        return _declared(self.section, "wildcards") or () if self._made else ()

    def _unknown(self, values: Mapping[str, str]) -> File:
        """The files of one call of which nobody knows yet how many there will be."""
        position = self.section.position("wildcards")
        if self._outside_archives:
            raise error_at(
                position, "a file outside the archives has a name of its own", "give it filename, not fullname"
            )
        if twice := set(self._wildcards).intersection(values):
            raise error_at(position, f"'{twice.pop()}' is a loop key of the module: it has a value", "take it out")
        template, scope = _name_template(self.section, self._pipeline), self._scope.child(values)
        name = wild_name(
            template.text, self._wildcards, lambda text: replace(template, text=text).fill(scope), position
        )
        _checked(template, name.glob.replace("*", "x"))
        if "/" in name.glob:
            hint = "put the directory into ops_enddir and rundir, or a dirpat"
            raise error_at(template.position, f"a name with wildcards holds no directory: {name.glob}", hint)
        return File(
            label=self.label,
            filetype=self._filetype.name,
            path=joined(self._archive.of(values), name.glob),
            job_path=joined(self._job.of(values), name.glob),
            metadata=self._metadata(values),
            saved=self._saved,
            optional=self._optional,
            compression=self._compression,
            header=header_cards(self.section, scope) if self._has_cards else (),
            pattern=name.pattern,
        )

    def job_directory(self, *given: Mapping[str, str]) -> str:
        """Where a file lies in the job, from its values; the first that has a name wins."""
        return self._job.of(*given)

    @cached_property
    def is_placed(self) -> bool:
        return is_placed(self.section)

    @cached_property
    def _name(self) -> TextTemplate:
        return self._settled(_name_template(self.section, self._pipeline))

    @cached_property
    def _name_format(self) -> Format | None:
        return None if self._loop is None else compile_format(self._name.text)

    @cached_property
    def _filetype(self) -> FiletypeMetadata:
        if not self._made:
            # Nothing is recorded of it, and it may be of a type that only other pipelines know.
            return FiletypeMetadata(self.section.text("filetype", "").lower(), (), ())
        found = find_filetype(self.section, self._pipeline)
        # What stands in for a wildcard is read from each file's name.
        return found.without(self._wildcards) if self._wildcards else found

    @cached_property
    def _saved(self) -> bool:
        return _flag(self.section, "savefiles", True)

    @cached_property
    def _compression(self) -> str:
        """What the name of its copy in the archive ends with beyond its own."""
        wanted = self._made and self._saved and _flag(self.section, "compress_files", False)
        return compression_of(self._pipeline) if wanted else ""

    @cached_property
    def _has_cards(self) -> bool:
        return self._made and any(key.startswith(HEADER_UPDATE) for key, _ in self.section.sections())

    @cached_property
    def _optional(self) -> bool:
        return _flag(self.section, "optional", False)

    @cached_property
    def rename(self) -> str:
        return self.section.text("rename_file", "")

    @cached_property
    def _position(self) -> SourcePosition:
        return self.section.opened_position

    @cached_property
    def _archive(self) -> DirectoryNames:
        """Where files lie in the archive."""
        return self._directories[0]

    @cached_property
    def _job(self) -> DirectoryNames:
        """Where files lie in the job."""
        return self._directories[1]

    @cached_property
    def _directories(self) -> tuple[DirectoryNames, DirectoryNames]:
        if self._outside_archives and not is_placed(self.section):
            own = TextTemplate(self.label.rpartition(".")[2], self.section.opened_position)
            return DirectoryNames(own, self._scope), DirectoryNames(own, self._scope)
        archive, job = (self._settled(each) for each in _directory_templates(self.section, self._pipeline))
        return (
            DirectoryNames(archive, self._scope, is_compiled=self._loop is not None),
            DirectoryNames(job, self._scope, is_compiled=self._loop is not None),
        )

    def _settled(self, template: TextTemplate) -> TextTemplate:
        return template if self._loop is None else template.settled(self._scope, self._loop.__contains__)

    # ---- metadata

    def _metadata(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """What the filetype wants recorded of a file that is made, from the call's values and what surrounds them."""
        if not self._made:
            return {}
        if self._filetype.required is None and not self._filetype.optional and "$" not in "".join(values.values()):
            return values
        if self._metadata_formats is None:
            return self._careful_metadata(values)
        fixed, formats = self._metadata_formats
        if not formats:
            return fixed
        found = dict(fixed)
        for key, form in formats:
            value = form.fill(values.get)
            if value is None:
                return self._careful_metadata(values)
            found[key] = value
        return found

    @cached_property
    def _metadata_formats(self) -> tuple[dict[str, str], tuple[tuple[str, Format], ...]] | None:
        """The values that all files share, and the formats of the others; None where the careful way is needed."""
        if self._loop is None:
            return None
        required = tuple(self._loop) if self._filetype.required is None else self._filetype.required
        optional = [key for key in self._filetype.optional if key in self._loop or self._scope.look_up(key) is not None]
        fixed: dict[str, str] = {}
        formats = []
        for key in (*required, *optional):
            form = compile_format(expand_partially(f"${{{key}}}", self._scope, self._loop.__contains__))
            if form is None:
                return None
            value = None if form.names else form.fill(fixed.get)
            if value is None:
                formats.append((key, form))
            else:
                fixed[key] = value
        return fixed, tuple(formats)

    def _careful_metadata(self, values: Mapping[str, str]) -> dict[str, str]:
        scope = self._scope.child(values)
        required = tuple(values) if self._filetype.required is None else self._filetype.required
        found = {key: str(expand(_find(scope, key, self), scope, self._position)) for key in required}
        for key in self._filetype.optional:
            try:
                found[key] = str(expand(scope.find(key), scope, self._position))
            except KeyError:
                continue
        return found

    def _outside(self, location: str, values: Mapping[str, str]) -> File:
        if "://" not in location and not location.startswith("/"):
            location = f"{self._submit_directory}/{location}"
        return File(
            label=self.label,
            filetype=self._filetype.name,
            path=location,
            job_path=joined(self._job.of(values), _checked(self._name, location.rsplit("/", 1)[-1])),
            metadata=self._metadata(values),
            optional=self._optional,
            external=True,
        )


class DirectoryNames:
    """The directories that a template gives; most files of a module share theirs."""

    def __init__(self, template: TextTemplate, scope: Scope, *, is_compiled: bool = False) -> None:
        self._template = template
        self._scope = scope
        self._format = compile_format(template.text) if is_compiled else None
        names = self._format.names if self._format else ()
        #: The directory where nothing tells directories apart.
        self._constant: str | None = None
        #: The one value that tells directories apart, and the directories that some of its values give.
        self._name = names[0] if len(names) == 1 else None
        self._by_value: dict[str | None, str] = {}
        #: Texts that were filled in, and what is left of them.
        self._known: dict[str, str] = {}

    def of(self, *given: Mapping[str, str]) -> str:
        """The directory of a file with these values, the first that has a name winning.

        Parts that optional variables leave empty are left out.
        """
        if self._constant is not None:
            return self._constant
        value = None
        if self._name is not None:
            for each in given:
                value = each.get(self._name)
                if value is not None:
                    break
            found = self._by_value.get(value)
            if found is not None:
                return found
        values = (
            given[0] if len(given) == 1 else {name: text for each in reversed(given) for name, text in each.items()}
        )
        text = self._format.fill(values.get) if self._format else None
        if text is None:
            return self._tidied(self._template.fill(self._scope.child(values)))
        found = self._tidied(text)
        if self._format and not self._format.names:
            self._constant = found
        if value is not None and is_plain(value) and len(self._by_value) < MOST_DIRECTORIES:
            self._by_value[value] = found
        return found

    def _tidied(self, text: str) -> str:
        found = self._known.get(text)
        if found is None:
            found = _checked(self._template, re.sub(r"(?<=.)/+", "/", text).removesuffix("/"))
            if len(self._known) < MOST_DIRECTORIES:
                self._known[text] = found
        return found


def joined(directory: str, name: str) -> str:
    """A file's path in its job, which no program takes for an option."""
    if directory:
        return f"{directory}/{name}"
    return f"./{name}" if name.startswith("-") else name


def check_names(section: Section, pipeline: Section, keys: Iterable[str]) -> Iterator[WclError]:
    """What a file's definition names that there is not: filetype, directory pattern, file name pattern."""
    checks: dict[str, Callable[[], object]] = {
        "filetype": lambda: find_filetype(section, pipeline),
        "dirpat": lambda: _directory_templates(section, pipeline),
        "filepat": lambda: _pattern(pipeline, "filename_pattern", section, "filepat"),
    }
    for key in keys:
        if key in section:
            try:
                checks[key]()
            except WclError as error:
                yield error


def is_placed(section: Section) -> bool:
    """Whether a file's definition says itself where the file lies in the job."""
    return any(key in section for key in ("dirpat", "rundir", "ops_enddir"))


def find_filetype(section: Section, pipeline: Section) -> FiletypeMetadata:
    """The filetype a section names, with the metadata keys that its declaration asks for.

    A file that is only read need not have one.
    """
    if "filetype" not in section:
        return FiletypeMetadata("", (), ())
    name = section["filetype"]
    types = pipeline.section("filetype_metadata")
    if not isinstance(name, str) or not isinstance(types.get(name.lower()), Section):
        known = [key for key, value in types.items() if isinstance(value, Section)]
        raise error_at(
            section.position("filetype"), f"unknown filetype '{name}'", hint=suggest_name(str(name).lower(), known)
        )
    declared = types.section(name.lower())
    required = _declared(declared, "metadata")
    optional = _declared(declared, "optional_metadata") or ()
    for hdu in declared.section("hdus").values():
        if isinstance(hdu, Section):
            required = (*(required or ()), *hdu.section("r").section("w"))
            optional = (*optional, *hdu.section("o").section("w"))
    return FiletypeMetadata(name.lower(), required, optional)


def _declared(section: Section, key: str) -> tuple[str, ...] | None:
    value = section.get(key)
    return tuple(name for name in split_list(value) if name) if isinstance(value, str) else None


def _find(scope: Scope, key: str, naming: FileNaming) -> str:
    try:
        return scope.find(key)
    except KeyError:
        raise error_at(
            naming.section.opened_position,
            f"no value for the metadata key '{key}' of {naming.label}",
            hint="set it in the file's section, or take it out of filetype_metadata",
        ) from None


def _name_template(section: Section, pipeline: Section) -> TextTemplate:
    for key in ("filename", "fullname"):
        if key in section:
            return TextTemplate(_text(section, key), section.position(key))
    if "filepat" not in section:
        raise error_at(section.opened_position, "nothing names this file", hint="give it filename, filepat or fullname")
    return TextTemplate(*_pattern(pipeline, "filename_pattern", section, "filepat"), section.position("filepat"))


def _directory_templates(section: Section, pipeline: Section) -> tuple[TextTemplate, TextTemplate]:
    patterns = pipeline.section("directory_pattern")
    name = _text(section, "dirpat") if "dirpat" in section else DEFAULT_DIRECTORY
    found = patterns.get(name.lower())
    if not isinstance(found, Section):
        known = [key for key, value in patterns.items() if isinstance(value, Section)]
        raise error_at(
            section.position("dirpat"), f"unknown directory pattern '{name}'", hint=suggest_name(name.lower(), known)
        )
    asked = section.opened_position
    return (
        TextTemplate(_text(found, "ops"), found.position("ops"), asked),
        TextTemplate(_text(found, "runtime"), found.position("runtime"), asked),
    )


def _pattern(pipeline: Section, kind: str, section: Section, key: str) -> tuple[str, SourcePosition]:
    patterns = pipeline.section(kind)
    name = _text(section, key)
    if not isinstance(patterns.get(name.lower()), str):
        raise error_at(
            section.position(key), f"unknown file name pattern '{name}'", hint=suggest_name(name.lower(), patterns)
        )
    return _text(patterns, name.lower()), patterns.position(name.lower())


def _text(section: Section, key: str) -> str:
    value = section[key]
    if not isinstance(value, str):
        raise error_at(section.position(key), f"'{key}' is a section where a value is wanted")
    return value


def _flag(section: Section, key: str, default: bool) -> bool:
    return parse_boolean(_text(section, key), section.position(key)) if key in section else default


def _checked(template: TextTemplate, text: str) -> str:
    """Refuse what would leave its directory, or be no text in a database."""
    if text and not ARCHIVE_PATH.fullmatch(text):
        raise error_at(
            template.position,
            f"{text!r} cannot be a path in an archive",
            hint="names between single slashes, no '..', no leading slash and no NUL",
        )
    if (len(text) > LONGEST_NAME or not text.isascii()) and any(
        len(part.encode()) > LONGEST_NAME for part in text.split("/")
    ):
        raise error_at(template.position, f"a name in '{text[:60]}...' is too long", f"at most {LONGEST_NAME} bytes")
    return text
