"""A repository in memory, with which steps of one process pass data to each other without files."""

from collections.abc import Callable, Collection, MutableMapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.hsc.errors import InputError
from pipelines.hsc.repository.repository import TEMPLATES, Repository, read_templates
from pipelines.hsc.steps import command
from pipelines.hsc.steps.command import PipelineStep, make_parser, parse_step_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.hsc.pixels.background import SkyBackground
    from pipelines.hsc.pixels.exposure import Exposure

InProcess = Callable[[Sequence[str], MutableMapping[str, Any], Collection[str]], int]


@dataclass(frozen=True)
class MemoryRepository(Repository):
    """A repository with some data as objects, by the paths that their files would have."""

    objects: MutableMapping[str, Any]
    #: Whether a dataset's path is kept as an object instead of written.
    is_kept: Callable[[str, Path], bool]

    def read_exposure(self, dataset: str, **data_id: str | int) -> "Exposure":
        """Return an image from memory, or else read it.

        Raises
        ------
        InputError
            If several objects in memory have the name, or there is neither object nor file.
        """
        path = self._find_object(dataset, data_id)
        return self.objects[path] if path else super().read_exposure(dataset, **data_id)

    def write_exposure(self, dataset: str, exposure: "Exposure", **data_id: str | int) -> None:
        """Keep an image in memory, or else write it."""
        if not self._keep_object(dataset, exposure, data_id):
            super().write_exposure(dataset, exposure, **data_id)

    def write_background(self, dataset: str, background: "SkyBackground", **data_id: str | int) -> None:
        """Keep a sky background in memory, or else write it."""
        if not self._keep_object(dataset, background, data_id):
            super().write_background(dataset, background, **data_id)

    def read_table(self, dataset: str, **data_id: str | int) -> "NDArray[Any]":
        """Return a catalogue from memory, or else read it: a structured array of shape (rows,).

        Raises
        ------
        InputError
            If several objects in memory have the name, there is neither object nor file, or its columns differ.
        """
        path = self._find_object(dataset, data_id)
        return self.objects[path] if path else super().read_table(dataset, **data_id)

    def write_table(self, dataset: str, table: "NDArray[Any]", **data_id: str | int) -> None:
        """Keep a catalogue in memory, or else write it, if the schema file of its dataset agrees.

        Raises
        ------
        InputError
            If the schema file is missing or differs from this software's columns.
        """
        self.check_schema(dataset)
        if not self._keep_object(dataset, table, data_id):
            super().write_table(dataset, table, **data_id)

    def _keep_object(self, dataset: str, value: object, data_id: dict[str, str | int]) -> bool:
        """Keep a value if it is to stay in memory; return whether it is."""
        path = self.outputs / self.file_names(dataset, data_id)[0]
        if self.is_kept(dataset, path):
            self.objects[str(path)] = value
            return True
        return False

    def _find_object(self, dataset: str, data_id: dict[str, str | int]) -> str | None:
        for root in dict.fromkeys((self.outputs, self.inputs)):
            for name in self.file_names(dataset, data_id):
                path = str(root / name)
                found = [each for each in self.objects if fnmatchcase(each, path)] if "*" in name else [path]
                if len(found) > 1:
                    raise InputError(f"{path} means {len(found)} things in memory: {', '.join(sorted(found))}")
                if found and found[0] in self.objects:
                    return found[0]
        return None


def open_memory_repository(
    inputs: Path, outputs: Path, objects: MutableMapping[str, Any], is_kept: Callable[[str, Path], bool]
) -> MemoryRepository:
    """Open a repository in memory on the files of another.

    Raises
    ------
    InputError
        If the templates are missing or unusable.
    """
    return MemoryRepository(inputs, outputs, read_templates(inputs / TEMPLATES), objects, is_kept)


def make_in_process(step: PipelineStep) -> InProcess:
    """Return the step as a function, which the framework calls instead of starting the program.

    Its arguments are the words of the command line, the objects in memory by path, and the paths to keep in memory
    instead of writing them; it returns the exit status of the program.
    """

    def run_in_process(words: Sequence[str], objects: MutableMapping[str, Any], memory: Collection[str]) -> int:
        arguments = make_parser(step).parse_args(words)

        def action() -> None:
            inputs = arguments.repository
            repository = open_memory_repository(
                inputs, arguments.output or inputs, objects, lambda dataset, path: str(path) in memory
            )
            step.run(parse_step_arguments(step, arguments), repository)

        return command.run_program(step.command, action)

    return run_in_process
