"""Run several calls of the steps in one process, with images and tables in memory between them."""

import argparse
import shlex
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pipelines.hsc import (
    assemble_coadd,
    detect_coadd_sources,
    forced_phot_coadd,
    make_coadd_temp_exp,
    measure_coadd_sources,
    merge_coadd_detections,
    merge_coadd_measurements,
    process_ccd,
)
from pipelines.hsc.errors import InputError
from pipelines.hsc.steps import command
from pipelines.hsc.steps.command import make_parser, parse_step_arguments
from pipelines.hsc.steps.memory import MemoryRepository, open_memory_repository

COMMAND = "python -m pipelines.hsc.inprocess"
DESCRIPTION = """Run several calls of the steps in one process. Each line of the file CALLS is the name of a step and
its arguments, as on its own command line."""

STEPS = {
    program.STEP.name: program.STEP
    for program in (
        process_ccd,
        make_coadd_temp_exp,
        assemble_coadd,
        detect_coadd_sources,
        merge_coadd_detections,
        measure_coadd_sources,
        merge_coadd_measurements,
        forced_phot_coadd,
    )
}


def open_in_memory(inputs: Path, outputs: Path, keep: Collection[str] = ()) -> MemoryRepository:
    """Open a repository whose outputs stay in memory.

    Parameters
    ----------
    inputs, outputs : Path
        Directories that files are read from and written to.
    keep : collection of str
        Datasets to write to files.

    Raises
    ------
    InputError
        If a dataset to keep has no template.
    """
    memory = open_memory_repository(inputs, outputs, {}, lambda dataset, path: dataset not in keep)
    unknown = set(keep) - set(memory.templates)
    if unknown:
        raise InputError(f"there is no template for {', '.join(sorted(unknown))}, which is to be kept")
    return memory


def call_step(memory: MemoryRepository, step_name: str, arguments: Sequence[str]) -> None:
    """Run one step on the objects that are in memory, and on files for all others.

    Parameters
    ----------
    memory : MemoryRepository
        Where the step reads and writes.
    step_name : str
        Name of the step, as in assemble_coadd.
    arguments : sequence of str
        Words of its command line.

    Raises
    ------
    InputError
        If there is no such step, or an argument or input is wrong.
    QualityError
        If the data are too poor.
    """
    if step_name not in STEPS:
        raise InputError(f"{step_name!r} does not run in one process with others, only {', '.join(STEPS)}")
    step = STEPS[step_name]
    step.run(parse_step_arguments(step, make_parser(step).parse_args(arguments)), memory)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status.

    Returns
    -------
    int
        0; 1 if a file cannot be read or written; 2 for wrong input; 3 for data that are too poor.
    """
    parser = argparse.ArgumentParser(prog=COMMAND, description=DESCRIPTION)
    parser.add_argument("repository", type=Path, help="directory that data are read from")
    parser.add_argument("--output", type=Path, help="directory that data are written to (default: the same)")
    parser.add_argument("--calls", type=Path, required=True, help="file with a call a line")
    parser.add_argument("--keep", nargs="+", default=[], metavar="DATASET", help="datasets to write to files")
    arguments = parser.parse_args(argv)
    return command.run_program(COMMAND, lambda: _run_calls(arguments))


def _run_calls(arguments: argparse.Namespace) -> None:
    memory = open_in_memory(arguments.repository, arguments.output or arguments.repository, arguments.keep)
    for words in _read_calls(arguments.calls):
        call_step(memory, words[0], words[1:])


def _read_calls(path: Path) -> Iterable[list[str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing") from error
    return [shlex.split(line) for line in lines if line.strip()]


if __name__ == "__main__":
    raise SystemExit(main())
