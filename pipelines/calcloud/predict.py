"""What jobs will need, from their features files: memory bin with probabilities, memory, wallclock with quantiles."""

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
    """Exit status: 0, 1 when the disk failed, 2 when some input is wrong (the others are predicted all the same)."""
    return command.run(_parser(), _act, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.parser_of("predict", DESCRIPTION)
    parser.add_argument("features", nargs="+", metavar="FEATURES", help="features files, folders of them, or @LIST")
    parser.add_argument("--model", type=Path, required=True, help="the model: models/tabular.npz of a training")
    parser.add_argument("--ladder", type=Path, help="TOML of the machines, where not the one that ships")
    parser.add_argument("--out", type=Path, help="JSON lines to write")
    return parser


def _act(arguments: argparse.Namespace) -> None:
    from pipelines.calcloud.planning.forecast import forecasts
    from pipelines.calcloud.planning.ladder import SHIPPED, read_ladder
    from pipelines.calcloud.tabular.model_file import read_tabular
    from pipelines.calcloud.training_data.job_arrays import jobs_of

    kept, ladder = read_tabular(arguments.model), read_ladder(arguments.ladder or SHIPPED)
    faults: list[str] = []
    datasets = list(read_all(features_files(arguments.features), faults))
    lines = []
    if datasets:
        said = kept.model.predict(jobs_of(datasets), ladder.edges_gb)
        lines = [json.dumps(line) for line in forecasts([name for name, _ in datasets], said, kept, ladder)]
    write_lines(lines, arguments.out)
    if faults:
        raise InputError("; ".join(faults))


def features_files(given: Iterable[str]) -> Iterator[Path]:
    """The features files that arguments name."""
    for word in given:
        path = Path(word.removeprefix("@"))
        if word.startswith("@"):
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


def read_all(paths: Iterable[Path], faults: list[str]) -> Iterator[tuple[str, dict[str, float]]]:
    """Those that can be read; what is wrong with the others is added to `faults`."""
    for path in paths:
        try:
            yield read_features(path)
        except InputError as error:
            faults.append(str(error))


def write_lines(lines: Sequence[str], out: Path | None) -> None:
    """To a file, or standard output where none is given."""
    text = "".join(f"{line}\n" for line in lines)
    if out is None:
        sys.stdout.write(text)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)


if __name__ == "__main__":
    raise SystemExit(main())
