"""Several calls of the steps in one process: images and tables stay in memory, and the results are the same."""

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
from pipelines.hsc.steps.command import ask_of, parser_of
from pipelines.hsc.steps.memory import Memory, open_memory

COMMAND = "python -m pipelines.hsc.inprocess"
DESCRIPTION = """Run several calls of the steps in one process. Each line of the file CALLS is the name of a step and
its arguments, as on its own command line."""

STEPS = {
    part.STEP.name: part.STEP
    for part in (
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


def keeping(inputs: Path, outputs: Path, keep: Collection[str] = ()) -> Memory:
    """An empty memory on the files of a repository; the datasets to keep become files."""
    memory = open_memory(inputs, outputs, {}, lambda dataset, path: dataset not in keep)
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


def _act(arguments: argparse.Namespace) -> None:
    memory = keeping(arguments.repository, arguments.output or arguments.repository, arguments.keep)
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
