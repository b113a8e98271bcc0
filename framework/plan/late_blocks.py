"""Late blocks: which blocks are planned after the others, and what they want to know of those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from framework.pipeline.definition import BlockDefinition
from framework.pipeline.problems import PlanProblems
from framework.plan.file_lines import depended
from framework.plan.products import FileLine, Products
from wcl import Section


def is_late(block: BlockDefinition) -> bool:
    """Whether a block says that it is planned when the blocks before it have ended."""
    return says_late(block.section)


def says_late(block: Section) -> bool:
    """Whether the section of a block says so."""
    return block.text("plan", "early").strip().lower() == "late"


def check_late(blocks: tuple[BlockDefinition, ...], problems: PlanProblems) -> None:
    """A late block follows an early one, and everything behind it is late too: its numbers and its order follow."""
    for before, block in pairwise(blocks):
        if is_late(before) and not is_late(block):
            problems.add_error(
                block.section.opened_position,
                f"block '{block.name}' follows the late block '{before.name}', and cannot be planned before it",
                hint="give it plan = late too, or put it before that one in blocklist",
            )
    if blocks and is_late(blocks[0]):
        block = blocks[0]
        message = f"block '{block.name}' is the first: there is nothing that it could wait for"
        problems.add_error(block.section.position("plan"), message, hint="take plan = late out of it")


def late_names(blocks: Iterable[BlockDefinition]) -> Iterator[str]:
    """The objects, ``module.list.label``, that late blocks depend on."""
    for block in blocks:
        for module in block.modules if is_late(block) else ():
            sections = [part.section for part in module.files.values()]
            sections += [part.section for part in module.lists.values()]
            for section in sections:
                yield from (".".join(name.lower().split(".")[:3]) for name in depended(section))


def carried(names: Iterable[str], products: Products) -> dict[str, list[FileLine]]:
    """The lines of those objects that modules read: nobody could tell them again, since the world goes on."""
    return {name: lines for name in dict.fromkeys(names) if (lines := products.read_lines(name))}
