"""Positions at which a pipeline defines the files of its calls, for messages about a plan."""

from __future__ import annotations

from framework.model.job import Call
from framework.pipeline.definition import BlockDefinition
from wcl import SourcePosition


class DefinitionPositions:
    """Positions of the definitions of files and modules."""

    def __init__(self, blocks: tuple[BlockDefinition, ...]) -> None:
        modules = [module for block in blocks for module in block.modules]
        self._files = {
            (module.name, f"file.{label}"): part.position for module in modules for label, part in module.files.items()
        }
        self._modules = {module.name: module.position for module in modules}

    def find(self, call: Call, label: str) -> SourcePosition:
        """Return the position of a file of a call; that of its module if the file has no section."""
        return self._files.get((call.module, label), self._modules[call.module])


def describe_call(call: Call) -> str:
    """Return the module of a call with its keys, for messages."""
    values = ", ".join(f"{key}={value}" for key, value in call.keys.items())
    return f"{call.module} ({values})" if values else call.module
