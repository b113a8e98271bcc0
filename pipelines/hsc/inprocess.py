"""From warps to a coadd's stars in one process: images and tables stay in memory, and the results are the same."""

import argparse
import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.hsc import assemble_coadd, command, detect_coadd_sources, make_coadd_temp_exp
from pipelines.hsc.command import ask_of, parser_of
from pipelines.hsc.data_id import DataId
from pipelines.hsc.errors import InputError
from pipelines.hsc.repository import TEMPLATES, Repository, read_templates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.hsc.background import Background
    from pipelines.hsc.exposure import Exposure

COMMAND = "python -m pipelines.hsc.inprocess"
DESCRIPTION = """Run several calls of make_coadd_temp_exp, assemble_coadd and detect_coadd_sources in one process. Each
line of the file CALLS is the name of a step and its arguments, as on its own command line."""

STEPS = {step.name: step for step in (make_coadd_temp_exp.STEP, assemble_coadd.STEP, detect_coadd_sources.STEP)}

Key = tuple[str, tuple[tuple[str, str | int], ...]]


@dataclass(frozen=True)
class Memory(Repository):
    """A repository whose data stay in memory, but for the datasets to keep, which are files as well."""

    keep: Collection[str] = ()
    held: dict[Key, Any] = field(default_factory=dict)

    def exposure(self, dataset: str, **data_id: str | int) -> "Exposure":
        key = _key(dataset, data_id)
        return self.held[key] if key in self.held else super().exposure(dataset, **data_id)

    def put_exposure(self, dataset: str, exposure: "Exposure", **data_id: str | int) -> None:
        self.held[_key(dataset, data_id)] = exposure
        if dataset in self.keep:
            super().put_exposure(dataset, exposure, **data_id)

    def put_background(self, dataset: str, background: "Background", **data_id: str | int) -> None:
        self.held[_key(dataset, data_id)] = background
        if dataset in self.keep:
            super().put_background(dataset, background, **data_id)

    def table(self, dataset: str, **data_id: str | int) -> "NDArray[Any]":
        key = _key(dataset, data_id)
        return self.held[key] if key in self.held else super().table(dataset, **data_id)

    def put_table(self, dataset: str, table: "NDArray[Any]", **data_id: str | int) -> None:
        self.check_schema(dataset)
        self.held[_key(dataset, data_id)] = table
        if dataset in self.keep:
            super().put_table(dataset, table, **data_id)


def open_memory(inputs: Path, outputs: Path, keep: Collection[str] = ()) -> Memory:
    """An empty one, on the files of a repository."""
    memory = Memory(inputs, outputs, read_templates(inputs / TEMPLATES), keep)
    unknown = set(keep) - set(memory.templates)
    if unknown:
        raise InputError(f"there is no template for {', '.join(sorted(unknown))}, which is to be kept")
    return memory


def call(memory: Memory, step_name: str, arguments: Sequence[str]) -> None:
    """One step, on what the steps before it left in memory, and on files for the rest."""
    if step_name not in STEPS:
        raise InputError(f"{step_name!r} does not run in one process with others, only {', '.join(STEPS)}")
    step = STEPS[step_name]
    step.act(ask_of(step, parser_of(step).parse_args(arguments)), memory)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=DESCRIPTION)
    parser.add_argument("repository", type=Path, help="directory that data are read from")
    parser.add_argument("--output", type=Path, help="directory that data are written to (default: the same)")
    parser.add_argument("--calls", type=Path, required=True, help="file with a call a line")
    parser.add_argument("--keep", nargs="+", default=[], metavar="DATASET", help="what is written to files")
    arguments = parser.parse_args(argv)
    return command.run(COMMAND, lambda: _act(arguments))


def _key(dataset: str, data_id: DataId) -> Key:
    return dataset, tuple(sorted(data_id.items()))


def _act(arguments: argparse.Namespace) -> None:
    memory = open_memory(arguments.repository, arguments.output or arguments.repository, arguments.keep)
    for words in _lines(arguments.calls):
        call(memory, words[0], words[1:])


def _lines(path: Path) -> Iterable[list[str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    return [shlex.split(line) for line in lines if line.strip()]


if __name__ == "__main__":
    raise SystemExit(main())
