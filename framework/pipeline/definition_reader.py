"""Reading of definitions: from a pipeline's sections to its blocks with their modules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from framework.pipeline.definition import (
    BlockDefinition,
    ExecDefinition,
    FileDefinition,
    ListDefinition,
    ModuleDefinition,
)
from framework.pipeline.problems import PlanProblems, suggest_name
from framework.pipeline.section_values import read_names, read_text
from wcl import Section, SourcePosition, split_list

#: Names of wrappers in DESDM, where they were programs.
WRAPPERS = {"genwrap.py": "generic", "genwrap_lsst.py": "lsst"}
EXEC_SECTION = re.compile(r"exec_(\d+)")


def read_blocks(pipeline: Section, problems: PlanProblems) -> tuple[BlockDefinition, ...]:
    """Return the blocks of ``blocklist`` in their order; what is wrong in them is added to the problems."""
    blocks = []
    with problems.collect():
        names = split_list(pipeline.text("blocklist"))
        for number, name in enumerate(names, start=1):
            section = _find_section(pipeline, "block", name, pipeline.position("blocklist"), problems)
            if section is not None:
                blocks.append(_read_block(pipeline, name, number, section, problems))
    return tuple(blocks)


def _read_block(pipeline: Section, name: str, number: int, section: Section, problems: PlanProblems) -> BlockDefinition:
    modules = []
    with problems.collect():
        for module_name in split_list(section.text("modulelist")):
            module = _find_section(pipeline, "module", module_name, section.position("modulelist"), problems)
            if module is None:
                continue
            with problems.collect():
                modules.append(_read_module(module_name, module, section, problems))
    return BlockDefinition(name=name, number=number, section=section, modules=tuple(modules))


def _find_section(
    pipeline: Section, kind: str, name: str, position: SourcePosition, problems: PlanProblems
) -> Section | None:
    sections = pipeline.section(kind)
    found = sections.get(name.lower())
    if isinstance(found, Section):
        return found
    problems.add_error(position, f"unknown {kind} '{name}'", hint=suggest_name(name.lower(), dict(sections.sections())))
    return None


def _read_module(name: str, section: Section, block: Section, problems: PlanProblems) -> ModuleDefinition:
    wrapper = read_text(section, "wrappername", "generic")
    module = ModuleDefinition(
        name=name,
        section=section,
        block=block,
        wrapper=WRAPPERS.get(wrapper, wrapper),
        loop=read_names(section, "wrapperloop"),
        loop_object=read_text(section, "loopobj").lower(),
        list_order=read_names(section, "list_order"),
        files={key: _read_file(key, part) for key, part in section.section("file").sections()},
        lists={key: _read_list(key, part) for key, part in section.section("list").sections()},
        execs=tuple(_read_execs(section)),
    )
    _check_labels(module, problems)
    return module


def _read_file(label: str, section: Section) -> FileDefinition:
    match = next((read_names(section, key) for key in ("match", "divide_by", "loopkey") if key in section), None)
    return FileDefinition(label=label, section=section, match=match)


def _read_list(label: str, section: Section) -> ListDefinition:
    divide_by = next((read_names(section, key) for key in ("divide_by", "match", "loopkey") if key in section), ())
    return ListDefinition(label=label, section=section, divide_by=divide_by)


def _read_execs(section: Section) -> Iterable[ExecDefinition]:
    numbered = {int(found[1]): key for key in section if (found := EXEC_SECTION.fullmatch(key))}
    for number, key in sorted(numbered.items()):
        part = section.section(key)
        pairs = [pair.split(":", 1) for pair in read_names(part, "ancestry") if ":" in pair]
        yield ExecDefinition(
            number=number,
            section=part,
            used=read_names(part, "used"),
            made=read_names(part, "was_generated_by"),
            derived=tuple((parent.strip(), child.strip()) for parent, child in pairs),
        )


def _check_labels(module: ModuleDefinition, problems: PlanProblems) -> None:
    """Report a module without programs, objects that it does not define, and objects that it both reads and makes."""
    if not module.execs:
        problems.add_error(module.position, f"module '{module.name}' runs nothing", hint="give it a section <exec_1>")
    known = {*module.objects, *(f"wrapper.{key}" for key in module.wrapper_settings)}
    for step in module.execs:
        for key, label in _labels_of_step(step):
            if ".".join(label.split(".")[:2]) not in known:
                problems.add_error(
                    step.section.position(key),
                    f"unknown object '{label}' in module '{module.name}'",
                    hint=suggest_name(label, known),
                )
    for label in sorted(module.made & module.used):
        problems.add_error(module.position, f"module '{module.name}' both reads and makes '{label}'")


def _labels_of_step(step: ExecDefinition) -> Iterator[tuple[str, str]]:
    """Yield the labels that a step names, each with the key that it stands in."""
    for key, labels in (
        ("used", step.used), ("was_generated_by", step.made), ("ancestry", chain.from_iterable(step.derived))
    ):  # fmt: skip
        for label in labels:
            yield key, label
