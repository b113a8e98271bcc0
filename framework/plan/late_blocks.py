"""Late blocks: the objects of earlier blocks that they depend on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from framework.pipeline.definition import BlockDefinition
from framework.plan.products import FileLine, Products


def find_carried_lines(blocks: Iterable[BlockDefinition], products: Products) -> dict[str, list[FileLine]]:
    """Return the lines of the objects that earlier modules read and late blocks depend on.

    A late block gets the lines that the earlier modules had: asked again, a query might find others.
    """
    names = dict.fromkeys(_late_dependencies(blocks))
    return {name: lines for name in names if (lines := products.read_lines(name))}


def _late_dependencies(blocks: Iterable[BlockDefinition]) -> Iterator[str]:
    """Yield the objects that late blocks depend on, ``module.list.label``."""
    for block in blocks:
        for module in block.modules if block.is_late else ():
            for part in module.objects.values():
                yield from (".".join(name.lower().split(".")[:3]) for name in part.dependencies)
