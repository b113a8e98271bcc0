"""Rules that the files of a pipeline share: patterns of names and directories, filetypes, and compression.

They are looked up when a file first needs them: a wrong rule that no file uses stops no plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from framework.pipeline.compression import read_compression
from framework.pipeline.problems import error_at, suggest_name
from framework.pipeline.section_values import read_names, require_text
from framework.pipeline.text_template import TextTemplate
from wcl import Section, SourcePosition, WclError

#: Name of the directory pattern of files that name none.
DEFAULT_DIRECTORY = "run"


@dataclass(frozen=True)
class FiletypeMetadata:
    """Metadata that are recorded of the files of a type."""

    name: str
    #: Keys that must have a value; None means the keys of the call's loop.
    required: tuple[str, ...] | None
    optional: tuple[str, ...]

    def without(self, keys: Collection[str]) -> FiletypeMetadata:
        """Return the metadata but for some keys."""
        required = None if self.required is None else tuple(key for key in self.required if key not in keys)
        return FiletypeMetadata(self.name, required, tuple(key for key in self.optional if key not in keys))


class FileRules:
    """Rules for files, looked up by the names that the files' sections hold."""

    def __init__(self, pipeline: Section, submit_directory: str) -> None:
        self._pipeline = pipeline
        #: Directory that relative paths outside the archives start from.
        self.submit_directory = submit_directory

    @cached_property
    def compression(self) -> str:
        """Ending of compressed files; empty if the pipeline has nothing compressed."""
        return read_compression(self._pipeline)

    def find_filetype(self, section: Section) -> FiletypeMetadata:
        """Return the metadata of the filetype that a section names; a file that is only read may have none."""
        if "filetype" not in section:
            return FiletypeMetadata("", (), ())
        name = section["filetype"]
        types = self._pipeline.section("filetype_metadata")
        if not isinstance(name, str) or not isinstance(types.get(name.lower()), Section):
            hint = suggest_name(str(name).lower(), dict(types.sections()))
            raise error_at(section.position("filetype"), f"unknown filetype '{name}'", hint)
        declared = types.section(name.lower())
        required = read_names(declared, "metadata") if isinstance(declared.get("metadata"), str) else None
        optional = read_names(declared, "optional_metadata")
        for _, hdu in declared.section("hdus").sections():
            required = (*(required or ()), *hdu.section("r").section("w"))
            optional = (*optional, *hdu.section("o").section("w"))
        return FiletypeMetadata(name.lower(), required, optional)

    def find_name_template(self, section: Section) -> TextTemplate:
        """Return the template of the names of a section's files: filename, fullname, or the pattern of filepat."""
        for key in ("filename", "fullname"):
            if key in section:
                return TextTemplate(require_text(section, key), section.position(key))
        if "filepat" not in section:
            hint = "give it filename, filepat or fullname"
            raise error_at(section.opened_position, "nothing names this file", hint)
        return TextTemplate(*self._find_name_pattern(section), section.position("filepat"))

    def find_directory_templates(self, section: Section) -> tuple[TextTemplate, TextTemplate]:
        """Return the templates of the directories of a section's files: in the archive, and in the job."""
        patterns = self._pipeline.section("directory_pattern")
        name = require_text(section, "dirpat") if "dirpat" in section else DEFAULT_DIRECTORY
        pattern = patterns.get(name.lower())
        if not isinstance(pattern, Section):
            hint = suggest_name(name.lower(), dict(patterns.sections()))
            raise error_at(section.position("dirpat"), f"unknown directory pattern '{name}'", hint)
        user = section.opened_position
        return (
            TextTemplate(require_text(pattern, "ops"), pattern.position("ops"), user),
            TextTemplate(require_text(pattern, "runtime"), pattern.position("runtime"), user),
        )

    def check_names(self, section: Section, keys: Iterable[str]) -> Iterator[WclError]:
        """Yield an error for each of the keys filetype, dirpat and filepat that names something unknown."""
        checks: dict[str, Callable[[Section], object]] = {
            "filetype": self.find_filetype,
            "dirpat": self.find_directory_templates,
            "filepat": self._find_name_pattern,
        }
        for key in keys:
            if key in section:
                try:
                    checks[key](section)
                except WclError as error:
                    yield error

    def _find_name_pattern(self, section: Section) -> tuple[str, SourcePosition]:
        patterns = self._pipeline.section("filename_pattern")
        name = require_text(section, "filepat")
        if not isinstance(patterns.get(name.lower()), str):
            hint = suggest_name(name.lower(), patterns)
            raise error_at(section.position("filepat"), f"unknown file name pattern '{name}'", hint)
        return require_text(patterns, name.lower()), patterns.position(name.lower())
