"""Definitions: what a pipeline's sections say of its blocks, modules, files, lists and programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from framework.pipeline.problems import PlanProblems, suggest_name
from wcl import Section, SourcePosition, split_list

#: A column of a list: a name, or ``$FMT{format, name}``.
COLUMN = re.compile(r"\$FMT\{[^{}]*\}|[^,\s]+", re.IGNORECASE)
#: What wrappers were called when they were files to run.
WRAPPERS = {"genwrap.py": "generic", "genwrap_lsst.py": "lsst"}
EXEC_SECTION = re.compile(r"exec_(\d+)")


@dataclass(frozen=True, kw_only=True)
class FileDefinition:
    """A ``file`` section of a module."""

    label: str
    section: Section
    #: The keys by which a call finds its own among several; None where the pipeline does not say.
    match: tuple[str, ...] | None

    @property
    def position(self) -> SourcePosition:
        return self.section.opened_position


@dataclass(frozen=True, kw_only=True)
class ListDefinition:
    """A ``list`` section of a module."""

    label: str
    section: Section
    divide_by: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def position(self) -> SourcePosition:
        return self.section.opened_position


@dataclass(frozen=True, kw_only=True)
class ExecDefinition:
    """An ``exec_N`` section of a module."""

    number: int
    section: Section
    used: tuple[str, ...]
    made: tuple[str, ...]
    derived: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class ModuleDefinition:
    """A step of the pipeline as it is written."""

    name: str
    section: Section
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
        return self.section.opened_position

    @property
    def made(self) -> frozenset[str]:
        return frozenset(label for step in self.execs for label in step.made)

    @property
    def used(self) -> frozenset[str]:
        return frozenset(label for step in self.execs for label in step.used)


@dataclass(frozen=True, kw_only=True)
class BlockDefinition:
    """A block of the pipeline as it is written."""

    name: str
    number: int
    section: Section
    modules: tuple[ModuleDefinition, ...]


def read_blocks(pipeline: Section, problems: PlanProblems) -> tuple[BlockDefinition, ...]:
    """The blocks of ``blocklist`` in their order, with what is wrong in them added to the problems."""
    blocks = []
    with problems.collect():
        names = split_list(pipeline.text("blocklist"))
        for number, name in enumerate(names, start=1):
            section = _named(pipeline, "block", name, pipeline.position("blocklist"), problems)
            if section is not None:
                blocks.append(_read_block(pipeline, name, number, section, problems))
    return tuple(blocks)


def _read_block(pipeline: Section, name: str, number: int, section: Section, problems: PlanProblems) -> BlockDefinition:
    modules = []
    with problems.collect():
        for module_name in split_list(section.text("modulelist")):
            module = _named(pipeline, "module", module_name, section.position("modulelist"), problems)
            if module is None:
                continue
            with problems.collect():
                modules.append(_read_module(module_name, module, section, problems))
    return BlockDefinition(name=name, number=number, section=section, modules=tuple(modules))


def _named(pipeline: Section, kind: str, name: str, position: SourcePosition, problems: PlanProblems) -> Section | None:
    sections = pipeline.section(kind)
    found = sections.get(name.lower())
    if isinstance(found, Section):
        return found
    known = [key for key, value in sections.items() if isinstance(value, Section)]
    problems.add_error(position, f"unknown {kind} '{name}'", hint=suggest_name(name.lower(), known))
    return None


def _read_module(name: str, section: Section, block: Section, problems: PlanProblems) -> ModuleDefinition:
    module = ModuleDefinition(
        name=name,
        section=section,
        block=block,
        wrapper=WRAPPERS.get(_text(section, "wrappername", "generic"), _text(section, "wrappername", "generic")),
        loop=names_of(section, "wrapperloop"),
        loop_object=_text(section, "loopobj").lower(),
        list_order=names_of(section, "list_order"),
        files={key: _read_file(key, part) for key, part in _sections(section, "file")},
        lists={key: _read_list(key, part) for key, part in _sections(section, "list")},
        execs=tuple(_read_execs(section)),
    )
    _check_labels(module, problems)
    return module


def _read_file(label: str, section: Section) -> FileDefinition:
    match = next((names_of(section, key) for key in ("match", "divide_by", "loopkey") if key in section), None)
    return FileDefinition(label=label, section=section, match=match)


def _read_list(label: str, section: Section) -> ListDefinition:
    divide_by = next((names_of(section, key) for key in ("divide_by", "match", "loopkey") if key in section), ())
    columns = tuple(COLUMN.findall(_text(section, "columns")))
    return ListDefinition(label=label, section=section, divide_by=divide_by, columns=columns)


def _read_execs(section: Section) -> Iterable[ExecDefinition]:
    numbered = {int(found[1]): key for key in section if (found := EXEC_SECTION.fullmatch(key))}
    for number, key in sorted(numbered.items()):
        part = section.section(key)
        pairs = [pair.split(":", 1) for pair in names_of(part, "ancestry") if ":" in pair]
        yield ExecDefinition(
            number=number,
            section=part,
            used=names_of(part, "used"),
            made=names_of(part, "was_generated_by"),
            derived=tuple((parent.strip(), child.strip()) for parent, child in pairs),
        )


def _check_labels(module: ModuleDefinition, problems: PlanProblems) -> None:
    if not module.execs:
        problems.add_error(module.position, f"module '{module.name}' runs nothing", hint="give it a section <exec_1>")
    known = {f"file.{label}" for label in module.files} | {f"list.{label}" for label in module.lists}
    known |= {f"wrapper.{key}" for key in module.section.section("wrapper")}
    for step in module.execs:
        named = [("used", label) for label in step.used] + [("was_generated_by", label) for label in step.made]
        named += [("ancestry", label) for pair in step.derived for label in pair]
        for key, label in named:
            if ".".join(label.split(".")[:2]) not in known:
                problems.add_error(
                    step.section.position(key),
                    f"unknown object '{label}' in module '{module.name}'",
                    hint=suggest_name(label, known),
                )
    for label in sorted(module.made & module.used):
        problems.add_error(module.position, f"module '{module.name}' both reads and makes '{label}'")


def _sections(section: Section, key: str) -> Iterable[tuple[str, Section]]:
    return ((name, part) for name, part in section.section(key).items() if isinstance(part, Section))


def _text(section: Section, key: str, default: str = "") -> str:
    value = section.get(key, default)
    return value if isinstance(value, str) else default


def names_of(section: Section, key: str) -> tuple[str, ...]:
    """The names in a value; none where there is no such key."""
    value = section.get(key)
    return tuple(str(name) for name in split_list(value) if name) if isinstance(value, str) else ()
