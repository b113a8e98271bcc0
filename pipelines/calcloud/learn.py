"""Train the tabular model on the training set, and write it with its figures and its record."""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.calcloud.program import command

if TYPE_CHECKING:
    from pipelines.calcloud.training_data.training_set import TrainingSet

DESCRIPTION = """Train the tabular model, an average by trees with the history of programs and datasets on top, on the
train rows, judge it by the test rows, and write model and record. The same input and seed give the same bytes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 when the disk failed, 2 when the input is no training set."""
    return command.run(_parser(), _act, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.parser_of("learn", DESCRIPTION)
    parser.add_argument("--training", type=Path, required=True, help="CSV of the jobs, from scrape")
    parser.add_argument("--transform", type=Path, required=True, help="JSON with lambdas, mu and sigma, from scrape")
    parser.add_argument("--model", type=Path, required=True, help="model file to write")
    parser.add_argument("--record", type=Path, required=True, help="JSON to write: how it was trained, and how well")
    parser.add_argument("--ladder", type=Path, help="TOML of the machines, where not the one that ships")
    parser.add_argument("--seed", type=command.seed, default=1, help="of the parts that are left out to calibrate")
    return parser


def _act(arguments: argparse.Namespace) -> None:
    learn(
        training=arguments.training,
        transform=arguments.transform,
        model=arguments.model,
        record=arguments.record,
        ladder=arguments.ladder,
        seed=arguments.seed,
    )


def learn(*, training: Path, transform: Path, model: Path, record: Path, ladder: Path | None, seed: int) -> None:
    """Everything that a training of the tabular model leaves behind."""
    from pipelines.calcloud.networks.metrics import masks_without_flagged
    from pipelines.calcloud.planning.ladder import SHIPPED, read_ladder
    from pipelines.calcloud.planning.planning_metrics import figures_of, line_of
    from pipelines.calcloud.tabular.history import TARGETS
    from pipelines.calcloud.tabular.model import fit
    from pipelines.calcloud.tabular.model_file import write_tabular
    from pipelines.calcloud.training_data.features import read_transform
    from pipelines.calcloud.training_data.job_arrays import jobs_of_table
    from pipelines.calcloud.training_data.split import TEST, TRAIN
    from pipelines.calcloud.training_data.training_set import read_training_set

    machines = read_ladder(ladder or SHIPPED)
    known = read_training_set(training, read_transform(transform))
    jobs = jobs_of_table(known.table)
    truth = {target: known.table[target].to_numpy(float) for target in TARGETS}
    train, test = known.rows(TRAIN), known.rows(TEST)
    began = time.monotonic()
    fitted = fit(jobs.take(train), {target: values[train] for target, values in truth.items()}, seed)
    seconds = time.monotonic() - began
    write_tabular(fitted, model, {"simulated": known.simulated, "seed": seed, "training_sha256": known.sha256})
    figures = {}
    for name, mask in masks_without_flagged(known.table).items():
        rows = test[mask[test]]
        if len(rows):
            said = fitted.predict(jobs.take(rows), machines.edges_gb)
            figures[name] = figures_of(machines, said, truth["memory"][rows], truth["wallclock"][rows])
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(_record(known, seed, model, {"test": figures}), indent=1) + "\n")
    print(f"tabular: {len(train)} jobs in {seconds:.1f} s; {line_of(figures['all'])}")


def _record(known: "TrainingSet", seed: int, model: Path, metrics: dict[str, Any]) -> dict[str, Any]:
    """No dates, so that equal trainings have equal records."""
    import hashlib

    from pipelines.calcloud.networks.training_record import versions
    from pipelines.calcloud.tabular.history import LEVELS
    from pipelines.calcloud.training_data.split import TEST, TRAIN

    return {
        "network": "tabular",
        "target": "all",
        "simulated": known.simulated,
        "hyperparameters": {"seed": seed},
        "levels": LEVELS,
        "versions": versions("numpy", "pandas", "scikit-learn"),
        "rows": {split: len(known.rows(split)) for split in (TRAIN, TEST)},
        "training_sha256": known.sha256,
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "metrics": metrics,
    }


if __name__ == "__main__":
    raise SystemExit(main())
