"""Files of a definition: from its section and the values of a call to the files' names, paths and metadata.

Plain names are filled in by formats (quick), all others by ``expand`` (careful, with errors that name their place).
Expanding every name would break the bar on planning 100,000 calls (benchmarks/plan.py); tests/plan/test_quick_names.py
holds both ways equal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property

from framework.model.job import File
from framework.pipeline.compression import read_header_cards
from framework.pipeline.definition import NamingDefinition
from framework.pipeline.file_rules import FileRules, FiletypeMetadata
from framework.pipeline.problems import error_at
from framework.pipeline.text_template import ModuleScope, TextTemplate
from framework.pipeline.wildcards import fill_wildcard_name
from framework.plan.directory_names import DirectoryNames
from framework.plan.file_metadata import MetadataValues
from framework.plan.paths import check_path, join_path
from wcl import Format, compile_format


class FileNaming:
    """Names of the files of one definition; its templates are read when they are first used."""

    def __init__(self, definition: NamingDefinition, rules: FileRules, scope: ModuleScope) -> None:
        self._definition = definition
        self._rules = rules
        self._scope = scope.child(definition.section)

    def with_loop(self, loop: Collection[str]) -> FileNaming:
        """Return the same names for files that differ in these values only."""
        return FileNaming(self._definition, self._rules, replace(self._scope, loop=loop))

    def make(self, values: Mapping[str, str]) -> tuple[File, ...]:
        """Return the file of the call with these values; several files if the name holds a list."""
        if self._definition.wildcards:
            return (self._make_wild(values),)
        if self._definition.is_external:
            locations = self._name.fill_all(self._scope.scope.child(values))
            return tuple(self._make_external(location, values) for location in locations)
        directory, job_directory = self._archive_directories.fill(values), self._job_directories.fill(values)
        metadata = self._fill_metadata(values)
        name = self._name_format.fill(values.get) if self._name_format else None
        if name is not None:
            return (self._make_file(name, directory, job_directory, metadata, values),)
        names = self._name.fill_all(self._scope.scope.child(values))
        return tuple(self._make_file(name, directory, job_directory, metadata, values) for name in names)

    def relabel(self, file: File, label: str, *layers: Mapping[str, str]) -> File:
        """Return a file of another module as this module sees it, in the directory that this definition sets."""
        definition = self._definition
        if not definition.sets_directory:
            return file.relabelled(label, file.job_path, definition.rename)
        return file.relabelled(label, join_path(self._job_directories.fill(*layers), file.name), definition.rename)

    @property
    def sets_directory(self) -> bool:
        """True if the definition says where its files lie in the job."""
        return self._definition.sets_directory

    def _make_file(
        self, name: str, directory: str, job_directory: str, metadata: Mapping[str, str], values: Mapping[str, str]
    ) -> File:
        definition = self._definition
        check_path(self._name, name)
        return File(
            label=definition.label,
            filetype=self._filetype.name,
            path=f"{directory}/{name}" if directory else name,
            job_path=join_path(job_directory, name),
            metadata=metadata,
            saved=definition.is_saved,
            optional=definition.is_optional,
            rename=definition.rename,
            compression=self._compression,
            header=self._header_cards(values) if definition.has_header_cards else (),
        )

    def _make_wild(self, values: Mapping[str, str]) -> File:
        """Return the one file that stands for all files of a name with wildcards."""
        definition = self._definition
        position = definition.section.position("wildcards")
        if definition.is_external:
            hint = "give it filename, not fullname"
            raise error_at(position, "a file outside the archives has a name of its own", hint)
        if twice := set(definition.wildcards).intersection(values):
            raise error_at(position, f"'{twice.pop()}' is a loop key of the module: it has a value", "take it out")
        template = self._rules.find_name_template(definition.section)
        scope = self._scope.scope.child(values)
        name = fill_wildcard_name(
            template.text, definition.wildcards, lambda text: replace(template, text=text).fill(scope), position
        )
        check_path(template, name.glob.replace("*", "x"))
        if "/" in name.glob:
            hint = "put the directory into ops_enddir and rundir, or a dirpat"
            raise error_at(template.position, f"a name with wildcards holds no directory: {name.glob}", hint)
        return File(
            label=definition.label,
            filetype=self._filetype.name,
            path=join_path(self._archive_directories.fill(values), name.glob),
            job_path=join_path(self._job_directories.fill(values), name.glob),
            metadata=self._fill_metadata(values),
            saved=definition.is_saved,
            optional=definition.is_optional,
            compression=self._compression,
            header=self._header_cards(values) if definition.has_header_cards else (),
            pattern=name.pattern,
        )

    def _make_external(self, location: str, values: Mapping[str, str]) -> File:
        """Return the file at a path or an address outside the archives."""
        if "://" not in location and not location.startswith("/"):
            location = f"{self._rules.submit_directory}/{location}"
        return File(
            label=self._definition.label,
            filetype=self._filetype.name,
            path=location,
            job_path=join_path(self._job_directories.fill(values), check_path(self._name, location.rsplit("/", 1)[-1])),
            metadata=self._fill_metadata(values),
            optional=self._definition.is_optional,
            external=True,
        )

    def _fill_metadata(self, values: Mapping[str, str]) -> Mapping[str, str]:
        return self._metadata.fill(values) if self._definition.is_output else {}

    def _header_cards(self, values: Mapping[str, str]) -> tuple[tuple[str, str, str, str], ...]:
        return read_header_cards(self._definition.section, self._scope.scope.child(values))

    @cached_property
    def _name(self) -> TextTemplate:
        return self._scope.fill_shared(self._rules.find_name_template(self._definition.section))

    @cached_property
    def _name_format(self) -> Format | None:
        return None if self._scope.loop is None else compile_format(self._name.text)

    @cached_property
    def _filetype(self) -> FiletypeMetadata:
        definition = self._definition
        if not definition.is_output:
            # Nothing is recorded of a file that is read; its type may be one that only other pipelines know.
            return FiletypeMetadata(definition.section.text("filetype", "").lower(), (), ())
        # Values of wildcards are read from each file's name.
        return self._rules.find_filetype(definition.section).without(definition.wildcards)

    @cached_property
    def _metadata(self) -> MetadataValues:
        return MetadataValues(self._definition, self._filetype, self._scope)

    @cached_property
    def _compression(self) -> str:
        """Ending that the copy in the archive has beyond the file's name."""
        return self._rules.compression if self._definition.is_compressed else ""

    @cached_property
    def _archive_directories(self) -> DirectoryNames:
        return self._directories[0]

    @cached_property
    def _job_directories(self) -> DirectoryNames:
        return self._directories[1]

    @cached_property
    def _directories(self) -> tuple[DirectoryNames, DirectoryNames]:
        definition = self._definition
        if definition.is_external and not definition.sets_directory:
            label = TextTemplate(definition.label.rpartition(".")[2], definition.position)
            scope = replace(self._scope, loop=None)
            return DirectoryNames(label, scope), DirectoryNames(label, scope)
        archive, job = self._rules.find_directory_templates(definition.section)
        return DirectoryNames(archive, self._scope), DirectoryNames(job, self._scope)
