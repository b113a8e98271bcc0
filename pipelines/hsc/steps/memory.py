"""A repository in memory: what steps of one process pass to each other, without files."""

from collections.abc import Callable, Collection, MutableMapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.hsc.errors import InputError
from pipelines.hsc.repository.repository import TEMPLATES, Repository, read_templates
from pipelines.hsc.steps import command
from pipelines.hsc.steps.command import Step, ask_of, parser_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.hsc.pixels.background import Background
    from pipelines.hsc.pixels.exposure import Exposure

InProcess = Callable[[Sequence[str], MutableMapping[str, Any], Collection[str]], int]


@dataclass(frozen=True)
class Memory(Repository):
    """A repository of which some data are no files, but objects by the path that they would have."""

    objects: MutableMapping[str, Any]
    #: Whether what is written to a path stays in memory instead.
    stays: Callable[[str, Path], bool]

    def exposure(self, dataset: str, **data_id: str | int) -> "Exposure":
        path = self._held(dataset, data_id)
        return self.objects[path] if path else super().exposure(dataset, **data_id)

    def put_exposure(self, dataset: str, exposure: "Exposure", **data_id: str | int) -> None:
        if not self._hold(dataset, exposure, data_id):
            super().put_exposure(dataset, exposure, **data_id)

    def put_background(self, dataset: str, background: "Background", **data_id: str | int) -> None:
        if not self._hold(dataset, background, data_id):
            super().put_background(dataset, background, **data_id)

    def table(self, dataset: str, **data_id: str | int) -> "NDArray[Any]":
        path = self._held(dataset, data_id)
        return self.objects[path] if path else super().table(dataset, **data_id)

    def put_table(self, dataset: str, table: "NDArray[Any]", **data_id: str | int) -> None:
        self.check_schema(dataset)
        if not self._hold(dataset, table, data_id):
            super().put_table(dataset, table, **data_id)

    def _hold(self, dataset: str, thing: object, data_id: dict[str, str | int]) -> bool:
        path = self.outputs / self.names(dataset, data_id)[0]
        if self.stays(dataset, path):
            self.objects[str(path)] = thing
            return True
        return False

    def _held(self, dataset: str, data_id: dict[str, str | int]) -> str | None:
        for root in dict.fromkeys((self.outputs, self.inputs)):
            for name in self.names(dataset, data_id):
                path = str(root / name)
                found = [each for each in self.objects if fnmatchcase(each, path)] if "*" in name else [path]
                if len(found) > 1:
                    raise InputError(f"{path} means {len(found)} things in memory: {', '.join(sorted(found))}")
                if found and found[0] in self.objects:
                    return found[0]
        return None


def open_memory(
    inputs: Path, outputs: Path, objects: MutableMapping[str, Any], stays: Callable[[str, Path], bool]
) -> Memory:
    """One on the files of a repository."""
    return Memory(inputs, outputs, read_templates(inputs / TEMPLATES), objects, stays)


def in_process(step: Step) -> InProcess:
    """The step as a function: its arguments, what is in memory by path, and the paths of what is to stay there.

    It gives back the exit status that the step's program would have.
    """

    def call(arguments: Sequence[str], objects: MutableMapping[str, Any], memory: Collection[str]) -> int:
        given = parser_of(step).parse_args(arguments)

        def act() -> None:
            outputs = given.output or given.repository
            step.act(
                ask_of(step, given),
                open_memory(given.repository, outputs, objects, lambda dataset, path: str(path) in memory),
            )

        return command.run(step.command, act)

    return call
