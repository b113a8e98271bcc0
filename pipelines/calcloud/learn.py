"""Train the tabular model on the training set, and write it with its metrics and its record."""

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.calcloud.program import command

if TYPE_CHECKING:
    from pipelines.calcloud.training_data.training_set import TrainingSet

DESCRIPTION = """Train the tabular model, an average by trees with the history of programs and datasets on top, on the
train rows, judge it by the test rows, and write model and record. The same input and seed give the same bytes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed, 2 when the input is no training set."""
    return command.run(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("learn", DESCRIPTION)
    parser.add_argument("--training", type=Path, required=True, help="CSV of the jobs, from scrape")
    parser.add_argument("--transform", type=Path, required=True, help="JSON with lambdas, mu and sigma, from scrape")
    parser.add_argument("--model", type=Path, required=True, help="model file to write")
    parser.add_argument("--record", type=Path, required=True, help="JSON to write: how it was trained, and how well")
    parser.add_argument("--ladder", type=Path, help="TOML of the machines, where not the one that ships")
    parser.add_argument("--seed", type=command.seed, default=1, help="of the parts that are left out to calibrate")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    learn(
        training=arguments.training,
        transform=arguments.transform,
        model=arguments.model,
        record=arguments.record,
        ladder=arguments.ladder,
        seed=arguments.seed,
    )


def learn(*, training: Path, transform: Path, model: Path, record: Path, ladder: Path | None, seed: int) -> None:
    """Train the tabular model, and write the model and its record.

    Parameters
    ----------
    training, transform : Path
        Training set and transform of one scrape, to read.
    model, record : Path
        Model file and JSON record, to write.
    ladder : Path | None
        Machines (TOML); None for the default ones.
    seed : int
        Seed of the folds that calibrate the model.

    Raises
    ------
    InputError
        If an input is not a training set, a transform or a ladder.
    """
    from pipelines.calcloud.planning.ladder import DEFAULT_LADDER, read_ladder  # start-up
    from pipelines.calcloud.planning.planning_metrics import planning_metrics, summary_line  # start-up
    from pipelines.calcloud.tabular.history import TARGETS  # start-up
    from pipelines.calcloud.tabular.model import fit  # start-up
    from pipelines.calcloud.tabular.model_file import write_tabular  # start-up
    from pipelines.calcloud.training_data.features import read_transform  # start-up
    from pipelines.calcloud.training_data.inspection import masks_without_flagged  # start-up
    from pipelines.calcloud.training_data.job_arrays import jobs_of_table  # start-up
    from pipelines.calcloud.training_data.split import TEST, TRAIN  # start-up
    from pipelines.calcloud.training_data.training_set import read_training_set  # start-up

    machines = read_ladder(ladder or DEFAULT_LADDER)
    training_set = read_training_set(training, read_transform(transform))
    jobs = jobs_of_table(training_set.table)
    truth = {target: training_set.table[target].to_numpy(float) for target in TARGETS}
    train, test = training_set.rows(TRAIN), training_set.rows(TEST)
    began = time.monotonic()
    fitted = fit(jobs.take(train), {target: values[train] for target, values in truth.items()}, seed)
    seconds = time.monotonic() - began
    facts = {"simulated": training_set.simulated, "seed": seed, "training_sha256": training_set.sha256}
    write_tabular(fitted, model, facts)
    metrics = {}
    for name, mask in masks_without_flagged(training_set.table).items():
        rows = test[mask[test]]
        if len(rows):
            prediction = fitted.predict(jobs.take(rows), machines.edges_gb)
            metrics[name] = planning_metrics(machines, prediction, truth["memory"][rows], truth["wallclock"][rows])
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(_record(training_set, seed, model, {"test": metrics}), indent=1) + "\n")
    print(f"tabular: {len(train)} jobs in {seconds:.1f} s; {summary_line(metrics['all'])}")


def _record(training_set: "TrainingSet", seed: int, model: Path, metrics: dict[str, object]) -> dict[str, object]:
    """Return the record of a training, without dates, so that equal trainings have equal records."""
    from pipelines.calcloud.networks.training_record import library_versions  # start-up
    from pipelines.calcloud.tabular.history import LEVELS  # start-up
    from pipelines.calcloud.training_data.split import TEST, TRAIN  # start-up

    return {
        "network": "tabular",
        "target": "all",
        "simulated": training_set.simulated,
        "hyperparameters": {"seed": seed},
        "levels": LEVELS,
        "versions": library_versions("numpy", "pandas", "scikit-learn"),
        "rows": {split: len(training_set.rows(split)) for split in (TRAIN, TEST)},
        "training_sha256": training_set.sha256,
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "metrics": metrics,
    }


if __name__ == "__main__":
    raise SystemExit(main())
