"""Context of planning: everything that making the calls of a module needs besides the module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from framework.pipeline.file_rules import FileRules
from framework.pipeline.pipeline_definition import PipelineDefinition
from framework.pipeline.software import SoftwareDefinitions
from framework.plan.file_lines import LineSources
from wcl import Scope, SourcePosition


class PlanningHooks(Protocol):
    """Parts of a plan that come from the wrappers."""

    def takes_inputs(self, name: str) -> bool:
        """Return whether a wrapper reads files of its own, which ``inputs`` lists."""
        ...

    def adds_arguments(self, name: str) -> bool:
        """Return whether a wrapper adds ``arguments`` to command lines."""
        ...

    def shares_process(self, name: str) -> bool:
        """Return whether programs run as functions, in one process with others of their job, which ``step`` finds."""
        ...

    def inputs(self, name: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return the locations of files outside the archives, by label."""
        ...

    def arguments(
        self, name: str, settings: Mapping[str, str], members: Mapping[str, list[Mapping[str, str]]]
    ) -> list[str]:
        """Return further words for the command line of the first program."""
        ...

    def step(self, argv: Sequence[str], position: SourcePosition) -> str:
        """Return the function ``package.module:function`` that does a program's work in a shared process."""
        ...


@dataclass(frozen=True, kw_only=True)
class PlanningContext:
    """Values that planning a module needs besides the module."""

    pipeline: PipelineDefinition
    #: Values of the run, its archive, its site and the top level.
    scope: Scope
    files: FileRules
    sources: LineSources
    wrappers: PlanningHooks
    software: SoftwareDefinitions
