"""Late: the process that plans a late block, as the local engine sees it."""

from __future__ import annotations

from framework.engines.run_directory import RunDirectory
from framework.engines.subcommand import Beside


class LatePlanner(Beside):
    """Plans one late block; a process of its own, so that a query that hangs can be ended with it."""

    def __init__(self, directory: RunDirectory, block: int, registry: str) -> None:
        super().__init__(directory, "planner", ["late", directory.run, str(block)], registry)
        self.block = block
