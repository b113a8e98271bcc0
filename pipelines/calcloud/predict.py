"""Predict memory bin, memory and time of jobs from their features files, with probabilities and quantiles."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.dataset import SUFFIX, read_features

DESCRIPTION = """Predict memory and time of datasets before they run. FEATURES are <ipppssoot>_MemModelFeatures.txt
files, folders of them, or @LIST, a file that names one a line. A JSON object a dataset, on standard output or in
--out."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed, 2 when some input is wrong (the others are predicted)."""
    return command.run(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("predict", DESCRIPTION)
    parser.add_argument("features", nargs="+", metavar="FEATURES", help="features files, folders of them, or @LIST")
    parser.add_argument("--model", type=Path, required=True, help="the model: models/tabular.npz of a training")
    parser.add_argument("--ladder", type=Path, help="TOML of the machines, where not the one that ships")
    parser.add_argument("--out", type=Path, help="JSON lines to write")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from pipelines.calcloud.planning.forecast import forecast_lines  # start-up
    from pipelines.calcloud.planning.ladder import DEFAULT_LADDER, read_ladder  # start-up
    from pipelines.calcloud.tabular.model_file import read_tabular  # start-up
    from pipelines.calcloud.training_data.job_arrays import jobs_of  # start-up

    stored, ladder = read_tabular(arguments.model), read_ladder(arguments.ladder or DEFAULT_LADDER)
    errors: list[str] = []
    datasets = list(read_all(features_files(arguments.features), errors))
    lines = []
    if datasets:
        prediction = stored.model.predict(jobs_of(datasets), ladder.edges_gb)
        names = [name for name, _ in datasets]
        lines = [json.dumps(line) for line in forecast_lines(names, prediction, stored, ladder)]
    write_lines(lines, arguments.out)
    if errors:
        raise InputError("; ".join(errors))


def features_files(names: Iterable[str]) -> Iterator[Path]:
    """Yield the features files that arguments name.

    Parameters
    ----------
    names : Iterable[str]
        Files, folders of them, or `@LIST` with one a line.

    Yields
    ------
    Path
        A features file.

    Raises
    ------
    InputError
        If a list does not exist, or a folder has no features file.
    """
    for name in names:
        path = Path(name.removeprefix("@"))
        if name.startswith("@"):
            if not path.is_file():
                raise InputError(f"{path}: no such file (a list of features files, one a line)")
            yield from (Path(line.strip()) for line in path.read_text().splitlines() if line.strip())
        elif path.is_dir():
            found = sorted(path.glob(f"*{SUFFIX}"))
            if not found:
                raise InputError(f"{path}: holds no file *{SUFFIX}")
            yield from found
        else:
            yield path


def read_all(paths: Iterable[Path], errors: list[str]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the datasets of the features files that can be read.

    Parameters
    ----------
    paths : Iterable[Path]
        Features files.
    errors : list[str]
        List that the messages about the other files are added to.

    Yields
    ------
    tuple[str, dict[str, float]]
        Name and features of a dataset.
    """
    for path in paths:
        try:
            yield read_features(path)
        except InputError as error:
            errors.append(str(error))


def write_lines(lines: Sequence[str], out: Path | None) -> None:
    """Write lines to a file, or to standard output if `out` is None."""
    text = "".join(f"{line}\n" for line in lines)
    if out is None:
        sys.stdout.write(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)


if __name__ == "__main__":
    raise SystemExit(main())
