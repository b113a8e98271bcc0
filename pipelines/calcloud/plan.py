"""Plan jobs: the machine, the limits of time and the reasons for each dataset, as JSON lines that can be submitted.

    python -m pipelines.calcloud.plan s3://bucket batch ipppssoot ... --model champion.npz --features DIR > plan.out

The features of a dataset are read from DIR/<ipppssoot>_MemModelFeatures.txt, or, where no folder is given and the
bucket is an address, from <bucket>/control/<ipppssoot>/.
"""

import argparse
import datetime
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.calcloud.planning.job_plan import EXECUTABLE, plan_jobs, plan_mosaic
from pipelines.calcloud.predict import read_all, write_lines
from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.program.remote import download
from pipelines.calcloud.sources.dataset import SUFFIX, is_mosaic

if TYPE_CHECKING:
    from pipelines.calcloud.planning.ladder import Ladder
    from pipelines.calcloud.tabular.model_file import StoredModel

DESCRIPTION = """Plan jobs: for each dataset the machine that is the cheapest to expect, the time after which it is
ended, and why. JSON lines on standard output or in --out; each names the program that the job runs."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk or network failed, 2 when some input is wrong (others are planned)."""
    return command.run(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("plan", DESCRIPTION)
    parser.add_argument("bucket", help="where outputs go: none, a folder, or s3://bucket")
    parser.add_argument("batch", help="the name of the batch, to which the time is added")
    parser.add_argument("ipppssoot", nargs="+", help="datasets or their features files, or @LIST, one a line")
    parser.add_argument("--features", help="folder (or address) of the features files; of the bucket if not given")
    parser.add_argument("--model", type=Path, required=True, help="the champion of a training")
    parser.add_argument("--ladder", type=Path, help="TOML of the machines, where not the one that ships")
    parser.add_argument("--out", type=Path, help="JSON lines to write")
    parser.add_argument("--no-stamp", action="store_true", help="add no time to the name of the batch")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from pipelines.calcloud.planning.ladder import DEFAULT_LADDER, read_ladder  # start-up
    from pipelines.calcloud.tabular.model_file import read_tabular  # start-up

    stored, ladder = read_tabular(arguments.model), read_ladder(arguments.ladder or DEFAULT_LADDER)
    names = list(_names(arguments.ipppssoot))
    mosaics = [name for name in names if is_mosaic(name)]
    errors: list[str] = []
    datasets = _read_datasets(
        [name for name in names if not is_mosaic(name)], arguments.features or arguments.bucket, errors
    )
    lines = list(plan_lines(datasets, stored, ladder)) + [plan_mosaic(name, ladder) for name in mosaics]
    stamp = "" if arguments.no_stamp else f"-{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H-%M-%S}"
    prefix = f"{arguments.batch}{stamp}"
    write_lines([json.dumps(with_output(line, arguments.bucket, prefix)) for line in lines], arguments.out)
    if errors:
        raise InputError("; ".join(errors))


def plan_lines(
    datasets: list[tuple[str, dict[str, float]]], stored: "StoredModel", ladder: "Ladder"
) -> Iterator[dict[str, object]]:
    """Yield the plans of datasets.

    Parameters
    ----------
    datasets : list[tuple[str, dict[str, float]]]
        Name and features of each dataset.
    stored : StoredModel
        The model that predicts them.
    ladder : Ladder
        The machines.

    Yields
    ------
    dict[str, object]
        The plan of a dataset with its features.
    """
    from pipelines.calcloud.planning.forecast import simulated_mark  # start-up
    from pipelines.calcloud.training_data.job_arrays import jobs_of  # start-up

    if datasets:
        prediction = stored.model.predict(jobs_of(datasets), ladder.edges_gb)
        plans = plan_jobs([name for name, _ in datasets], prediction, stored.id, ladder)
        for plan, (_, features) in zip(plans, datasets, strict=True):
            yield {**plan, "features": features, **simulated_mark(stored)}


def with_output(line: dict[str, object], bucket: str, batch: str) -> dict[str, object]:
    """Return a plan with the directory of its outputs and the command line of its job.

    Parameters
    ----------
    line : dict[str, object]
        The plan of a dataset.
    bucket, batch : str
        `none` or the root of the outputs, and the name of the batch below it.

    Returns
    -------
    dict[str, object]
        The plan with `output`, `batch`, `job_name`, `executable` and `command`.
    """
    name = line["ipst"]
    return {
        "ipst": name,
        "output": "none" if bucket == "none" else f"{bucket.rstrip('/')}/{batch}/{name}",
        "batch": batch,
        "job_name": f"{batch}-{name}".replace("/", "-"),
        "executable": EXECUTABLE,
        "command": ["python", "-m", "pipelines.calcloud.process", bucket, batch, name],
        **line,
    }


def _names(arguments: Iterable[str]) -> Iterator[str]:
    for argument in arguments:
        path = Path(argument.removeprefix("@"))
        if not argument.startswith("@"):
            yield argument
        elif path.is_file():
            yield from (line.strip() for line in path.read_text().splitlines() if line.strip())
        else:
            raise InputError(f"{path}: no such file (a list of datasets, one a line)")


def _read_datasets(names: list[str], folder: str, errors: list[str]) -> list[tuple[str, dict[str, float]]]:
    """Return name and features of each dataset; those without are named in the errors."""
    with tempfile.TemporaryDirectory() as scratch:
        return list(read_all(_features(names, folder, Path(scratch), errors), errors))


def _features(names: list[str], folder: str, scratch: Path, errors: list[str]) -> Iterator[Path]:
    """Yield the features file of each dataset; files at an address are downloaded."""
    for name in names:
        file = f"{name}{SUFFIX}"
        if name.endswith(SUFFIX):
            yield Path(name)
        elif "://" not in folder:
            lower = Path(folder) / file.replace(name, name.lower())
            yield lower if lower.is_file() else Path(folder) / file
        else:
            try:
                yield download(f"{folder.rstrip('/')}/control/{name}/{file}", scratch / file)
            except InputError as error:
                errors.append(str(error))


if __name__ == "__main__":
    raise SystemExit(main())
