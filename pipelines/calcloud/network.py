"""Train one network on the training set, and write its model, its results with figures, and the record of both."""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.calcloud.networks.architecture import BY_TARGET, Architecture, Hyperparameters, hyperparameters
from pipelines.calcloud.program import command

DESCRIPTION = """Train the published network of one target on the train rows of the training set, judge it by the test
rows, and write model, results and record. The same input and seed give the same bytes."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where one network's training reads and writes."""

    training: Path
    transform: Path
    model: Path
    results: Path
    record: Path


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 when the disk failed, 2 when the input is no training set."""
    return command.run(_parser(), _act, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.parser_of("network", DESCRIPTION)
    parser.add_argument("--target", choices=list(BY_TARGET), required=True, help="the column to learn")
    parser.add_argument("--training", type=Path, required=True, help="CSV of the jobs, from scrape")
    parser.add_argument("--transform", type=Path, required=True, help="JSON with lambdas, mu and sigma, from scrape")
    parser.add_argument("--model", type=Path, required=True, help="Keras file to write")
    parser.add_argument("--results", type=Path, required=True, help="folder to write the results to")
    parser.add_argument("--record", type=Path, required=True, help="JSON to write: how it was trained, and how well")
    add_training_arguments(parser)
    return parser


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be changed of a training; left out, epochs and batch are the published ones."""
    parser.add_argument("--seed", type=command.seed, default=1, help="of the weights and the order of the jobs")
    parser.add_argument("--epochs", type=command.positive_int, help="times that each job is seen")
    parser.add_argument("--batch", type=command.positive_int, help="jobs for each step")
    parser.add_argument("--learning_rate", type=command.positive_float, help="Adam's rate in the first epoch")


def _act(arguments: argparse.Namespace) -> None:
    network = BY_TARGET[arguments.target]
    how = hyperparameters(
        network,
        seed=arguments.seed,
        epochs=arguments.epochs,
        batch=arguments.batch,
        learning_rate=arguments.learning_rate,
    )
    places = Places(
        training=arguments.training,
        transform=arguments.transform,
        model=arguments.model,
        results=arguments.results,
        record=arguments.record,
    )
    train_network(network, how, places)


def train_network(network: Architecture, how: Hyperparameters, places: Places) -> None:
    """Everything that one training leaves behind."""
    from pipelines.calcloud.networks import plots
    from pipelines.calcloud.networks.evaluation import Judged, result_items
    from pipelines.calcloud.networks.model_file import write_model
    from pipelines.calcloud.networks.network_training import Examples, fit, predict
    from pipelines.calcloud.networks.training_record import make_record
    from pipelines.calcloud.results import MULTI_FILES, REGRESSOR_FILES, write_items
    from pipelines.calcloud.training_data.features import read_transform
    from pipelines.calcloud.training_data.split import TEST, TRAIN
    from pipelines.calcloud.training_data.training_set import read_training_set

    jobs = read_training_set(places.training, read_transform(places.transform))
    truth = jobs.table.set_index("ipst")[network.target]
    examples = {
        split: Examples(jobs.inputs[jobs.rows(split)], truth.iloc[jobs.rows(split)].to_numpy(float))
        for split in (TRAIN, TEST)
    }
    began = time.monotonic()
    fitted = fit(network, examples[TRAIN], examples[TEST], how)
    seconds = time.monotonic() - began
    write_model(fitted.model, places.model)
    # All rows at once, as evaluation does it: a sum's last bit depends on how many rows it is done with.
    outputs = predict(fitted.model, jobs.inputs)
    judged = {split: Judged(truth.iloc[jobs.rows(split)], outputs[jobs.rows(split)]) for split in (TRAIN, TEST)}
    items = result_items(network, judged[TRAIN], judged[TEST], fitted.history)
    write_items(places.results, MULTI_FILES if network.classes else REGRESSOR_FILES, items)
    plots.draw(network, items, places.results, simulated=jobs.simulated)
    record = make_record(network, how, jobs, judged, transform=places.transform, model=places.model)
    places.record.parent.mkdir(parents=True, exist_ok=True)
    places.record.write_text(json.dumps(record, indent=1) + "\n")
    print(_line(network, record, seconds))


def _line(network: Architecture, record: dict[str, Any], seconds: float) -> str:
    """The one line for a person who watches."""
    best = record["metrics"]["test"]["all"][network.metric]
    unit = f" {network.unit}" if network.unit else ""
    simulated = " (simulated jobs)" if record["simulated"] else ""
    work = f"{record['rows']['train']} jobs, {record['hyperparameters']['epochs']} epochs in {seconds:.0f} s"
    return f"{network.name}: {work}; test {network.metric} {best:.4f}{unit}{simulated}"


if __name__ == "__main__":
    raise SystemExit(main())
