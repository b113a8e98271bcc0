"""Checks of definitions: mistakes that show before any call is made."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from framework.pipeline.definition import BlockDefinition, ModuleDefinition
from framework.pipeline.file_rules import FileRules
from framework.pipeline.problems import PlanProblems, suggest_name


def check_blocks(
    blocks: tuple[BlockDefinition, ...], wrappers: Mapping[str, object], rules: FileRules, problems: PlanProblems
) -> None:
    """Check the modules of all blocks, and the order of late blocks."""
    modules = [module for block in blocks for module in block.modules]
    for module in modules:
        _check_wrapper(module, wrappers, problems)
    for module in modules:
        _check_uses(module, problems)
    for module in modules:
        _check_file_rules(module, rules, problems)
    _check_late_blocks(blocks, problems)


def _check_wrapper(module: ModuleDefinition, wrappers: Mapping[str, object], problems: PlanProblems) -> None:
    if module.wrapper not in wrappers:
        hint = suggest_name(module.wrapper, wrappers)
        problems.add_error(module.position_of("wrappername"), f"unknown wrapper '{module.wrapper}'", hint)


def _check_uses(module: ModuleDefinition, problems: PlanProblems) -> None:
    """Report files that a module defines, and neither uses nor makes."""
    labels = {".".join(label.split(".")[:2]) for label in module.used | module.made}
    nicknames = {label.rsplit(".", 1)[-1] for label in module.used}
    for label, part in module.files.items():
        if f"file.{label}" not in labels and label not in nicknames and "listonly" not in part.section:
            problems.add_error(
                part.position,
                f"file.{label} of module '{module.name}' is neither used nor generated",
                hint="name it in used or was_generated_by of an exec section",
            )


def _check_file_rules(module: ModuleDefinition, rules: FileRules, problems: PlanProblems) -> None:
    """Report filetypes and patterns that files and lists name, and that do not exist."""
    for part in module.objects.values():
        # A query may ask for a type that this pipeline does not make.
        keys = ("dirpat", "filepat") if part.has_source else ("filetype", "dirpat", "filepat")
        for error in rules.check_names(part.section, keys):
            problems.extend(error.problems)


def _check_late_blocks(blocks: tuple[BlockDefinition, ...], problems: PlanProblems) -> None:
    """Report an early block behind a late one, and a late block without a block before it."""
    for before, block in pairwise(blocks):
        if before.is_late and not block.is_late:
            problems.add_error(
                block.position,
                f"block '{block.name}' follows the late block '{before.name}', and cannot be planned before it",
                hint="give it plan = late too, or put it before that one in blocklist",
            )
    if blocks and blocks[0].is_late:
        block = blocks[0]
        message = f"block '{block.name}' is the first: there is nothing that it could wait for"
        problems.add_error(block.section.position("plan"), message, hint="take plan = late out of it")
