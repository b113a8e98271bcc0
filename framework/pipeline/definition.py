"""Definitions: the blocks, modules, files, lists and programs of a pipeline, as its author wrote them.

A definition keeps its section, since each key of it is a variable for the texts inside. Keys that mean something to the
planner are properties. Some are read when they are first used: a wrong value in a definition that nothing uses stops no
plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from framework.pipeline.compression import HEADER_UPDATE
from framework.pipeline.section_values import read_flag, read_names, require_text
from wcl import Section, SourcePosition, parse_boolean

#: Keys of an object that say where its files come from, in the order in which they are heeded.
SOURCE_KEYS = ("depends", "depends-newname", "query_fields", "query", "exec")
#: Keys of an object that ask a question.
QUESTION_KEYS = ("query_fields", "query", "exec")
#: Keys that say where a file lies in the job.
DIRECTORY_KEYS = ("dirpat", "rundir", "ops_enddir")
#: Keys of what is passed on to the queue of a site, as one word each.
QUEUE_KEYS = ("partition", "account")


@dataclass(frozen=True, kw_only=True)
class ObjectDefinition:
    """A ``file`` or ``list`` section of a module."""

    label: str
    section: Section

    @property
    def position(self) -> SourcePosition:
        """Position at which the section opens."""
        return self.section.opened_position

    @property
    def depends(self) -> tuple[str, ...]:
        """Objects of earlier modules whose files these are."""
        return read_names(self.section, "depends")

    @property
    def renames(self) -> tuple[str, ...]:
        """Objects of earlier modules whose files stand behind these, under names of this object."""
        return read_names(self.section, "depends-newname")

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Objects of earlier modules that this object needs."""
        return (*self.depends, *self.renames)

    @property
    def has_source(self) -> bool:
        """True if the files come from elsewhere, and not from the object's own name."""
        return any(key in self.section for key in SOURCE_KEYS)

    @property
    def is_list_only(self) -> bool:
        """True if the files are members of lists only, and not passed themselves."""
        return read_flag(self.section, "listonly")

    @property
    def allows_empty(self) -> bool:
        """True if the object may have no files."""
        return read_flag(self.section, "allow_empty")


@dataclass(frozen=True, kw_only=True)
class FileDefinition(ObjectDefinition):
    """A ``file`` section of a module."""

    #: Keys by which a call finds its own file among several; None if the pipeline does not say.
    match: tuple[str, ...] | None

    @property
    def allows_several(self) -> bool:
        """True if a call may get several files."""
        return read_flag(self.section, "ignore_multiple_error")


@dataclass(frozen=True, kw_only=True)
class ListDefinition(ObjectDefinition):
    """A ``list`` section of a module."""

    divide_by: tuple[str, ...]

    @property
    def allows_missing(self) -> bool:
        """True if files may be missing when the list is written."""
        return read_flag(self.section, "allow_missing")

    @property
    def parts(self) -> list[tuple[str, Section]]:
        """Sections of the list files that are written from the same lines, by label.

        That is the list's own section, or one for each set of columns (``div_list_by_col``).
        """
        children = list(self.section.section("div_list_by_col").sections())
        if not children:
            return [(self.label, self.section)]
        shared = {key: value for key, value in self.section.items() if isinstance(value, str)}
        return [(name, Section.of({**shared, **child}, child.opened_position, child.path)) for name, child in children]

    @property
    def part_labels(self) -> set[str]:
        """Labels by which a program may use the list."""
        return {self.label, *(name for name, _ in self.section.section("div_list_by_col").sections())}


@dataclass(frozen=True, kw_only=True)
class NamingDefinition:
    """Keys of a file or list that say how its files are named, recorded and stored."""

    #: Label in the plan, such as ``file.red``, ``list.reds`` or ``log``.
    label: str
    section: Section
    #: True if the module makes the files.
    is_output: bool

    @property
    def position(self) -> SourcePosition:
        """Position at which the section opens."""
        return self.section.opened_position

    @property
    def is_external(self) -> bool:
        """True if the files lie outside the archives: ``fullname`` says where."""
        return "fullname" in self.section

    @cached_property
    def sets_directory(self) -> bool:
        """True if the section says where the files lie in the job."""
        return any(key in self.section for key in DIRECTORY_KEYS)

    @cached_property
    def wildcards(self) -> tuple[str, ...]:
        """Variables of the name to which only the program gives values, file by file."""
        return read_names(self.section, "wildcards") if self.is_output else ()

    @cached_property
    def is_saved(self) -> bool:
        """True if the files are kept in the archive."""
        return self._flag("savefiles", default=True)

    @cached_property
    def is_compressed(self) -> bool:
        """True if the files are compressed in the archive."""
        return self.is_output and self.is_saved and self._flag("compress_files", default=False)

    @cached_property
    def is_optional(self) -> bool:
        """True if a file may be missing."""
        return self._flag("optional", default=False)

    @cached_property
    def rename(self) -> str:
        """A second name in the job, which a program insists on."""
        return self.section.text("rename_file", "")

    @cached_property
    def has_header_cards(self) -> bool:
        """True if cards are added to the headers of the files before they are stored."""
        return self.is_output and any(key.startswith(HEADER_UPDATE) for key, _ in self.section.sections())

    def _flag(self, key: str, *, default: bool) -> bool:
        if key not in self.section:
            return default
        return parse_boolean(require_text(self.section, key), self.section.position(key))


@dataclass(frozen=True, kw_only=True)
class ExecDefinition:
    """An ``exec_N`` section of a module."""

    number: int
    section: Section
    used: tuple[str, ...]
    made: tuple[str, ...]
    #: Pairs of labels: what a file was made from, and the file.
    derived: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class ModuleDefinition:
    """A module of the pipeline."""

    name: str
    section: Section
    #: Section of the block that the module stands in.
    block: Section
    wrapper: str
    loop: tuple[str, ...]
    loop_object: str
    #: Labels of lists in the order in which their lines are asked for.
    list_order: tuple[str, ...]
    files: Mapping[str, FileDefinition]
    lists: Mapping[str, ListDefinition]
    execs: tuple[ExecDefinition, ...]

    @property
    def position(self) -> SourcePosition:
        """Position at which the section opens."""
        return self.section.opened_position

    @cached_property
    def made(self) -> frozenset[str]:
        """Labels of everything that its programs make."""
        return frozenset(label for step in self.execs for label in step.made)

    @cached_property
    def used(self) -> frozenset[str]:
        """Labels of everything that its programs read."""
        return frozenset(label for step in self.execs for label in step.used)

    @property
    def objects(self) -> Mapping[str, ObjectDefinition]:
        """Files and lists by label: ``file.red``, ``list.reds``."""
        files: dict[str, ObjectDefinition] = {f"file.{label}": part for label, part in self.files.items()}
        return {**files, **{f"list.{label}": part for label, part in self.lists.items()}}

    @property
    def is_noop(self) -> bool:
        """True if the module only asks and lists, and no call of it runs."""
        return read_flag(self.section, "noop")

    @property
    def block_name(self) -> str:
        """Name of the block that the module stands in."""
        return self.block.path.rpartition(".")[2]

    @property
    def has_log_pattern(self) -> bool:
        """True if the module names the logs of its calls itself."""
        return "modnamepat" in self.section

    @property
    def wrapper_settings(self) -> Section:
        """Section with the settings of the wrapper."""
        return self.section.section("wrapper")

    def position_of(self, key: str) -> SourcePosition:
        """Return the position of a key; that of the module if the key is set elsewhere, or not at all."""
        return self.section.position(key) if key in self.section else self.position


@dataclass(frozen=True, kw_only=True)
class BlockDefinition:
    """A block of the pipeline."""

    name: str
    number: int
    section: Section
    modules: tuple[ModuleDefinition, ...]

    @property
    def position(self) -> SourcePosition:
        """Position at which the section opens."""
        return self.section.opened_position

    @property
    def is_late(self) -> bool:
        """True if the block is planned when the blocks before it have ended."""
        return is_late_block(self.section)

    @property
    def divide_jobs_by(self) -> tuple[str, ...]:
        """Keys of calls for each value of which there is a job."""
        return read_names(self.section, "divide_jobs_by")


def is_late_block(block: Section) -> bool:
    """Return whether the section of a block says that it is planned when the blocks before it have ended."""
    return block.text("plan", "early").strip().lower() == "late"
