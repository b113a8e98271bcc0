"""Train one network on the training set, and write its model, its results with plots, and the record of both."""

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
class NetworkFiles:
    """Files of the training of one network."""

    #: To read.
    training: Path
    transform: Path
    #: To write; `results` is a folder.
    model: Path
    results: Path
    record: Path


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed, 2 when the input is no training set."""
    return command.run(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("network", DESCRIPTION)
    parser.add_argument("--target", choices=list(BY_TARGET), required=True, help="the column to learn")
    parser.add_argument("--training", type=Path, required=True, help="CSV of the jobs, from scrape")
    parser.add_argument("--transform", type=Path, required=True, help="JSON with lambdas, mu and sigma, from scrape")
    parser.add_argument("--model", type=Path, required=True, help="Keras file to write")
    parser.add_argument("--results", type=Path, required=True, help="folder to write the results to")
    parser.add_argument("--record", type=Path, required=True, help="JSON to write: how it was trained, and how well")
    add_training_arguments(parser)
    return parser


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a training; by default, epochs and batch are the published ones."""
    parser.add_argument("--seed", type=command.seed, default=1, help="of the weights and the order of the jobs")
    parser.add_argument("--epochs", type=command.positive_int, help="times that each job is seen")
    parser.add_argument("--batch", type=command.positive_int, help="jobs for each step")
    parser.add_argument("--learning_rate", type=command.positive_float, help="Adam's rate in the first epoch")


def _run(arguments: argparse.Namespace) -> None:
    network = BY_TARGET[arguments.target]
    parameters = hyperparameters(
        network,
        seed=arguments.seed,
        epochs=arguments.epochs,
        batch=arguments.batch,
        learning_rate=arguments.learning_rate,
    )
    files = NetworkFiles(
        training=arguments.training,
        transform=arguments.transform,
        model=arguments.model,
        results=arguments.results,
        record=arguments.record,
    )
    train_network(network, parameters, files)


def train_network(network: Architecture, parameters: Hyperparameters, files: NetworkFiles) -> None:
    """Train one network, and write its model, results and record.

    Parameters
    ----------
    network : Architecture
        The network.
    parameters : Hyperparameters
        Seed, epochs, batch and learning rate.
    files : NetworkFiles
        Files to read and to write.

    Raises
    ------
    InputError
        If an input is not a training set or its transform, or the loss is not finite any more.
    """
    from pipelines.calcloud.networks import plots  # start-up
    from pipelines.calcloud.networks.evaluation import NetworkOutputs, result_items  # start-up
    from pipelines.calcloud.networks.model_file import write_model  # start-up
    from pipelines.calcloud.networks.network_training import Examples, fit, predict  # start-up
    from pipelines.calcloud.networks.training_record import make_record  # start-up
    from pipelines.calcloud.results import MULTI_FILES, REGRESSOR_FILES, write_items  # start-up
    from pipelines.calcloud.training_data.features import read_transform  # start-up
    from pipelines.calcloud.training_data.split import TEST, TRAIN  # start-up
    from pipelines.calcloud.training_data.training_set import read_training_set  # start-up

    jobs = read_training_set(files.training, read_transform(files.transform))
    truth = jobs.table.set_index("ipst")[network.target]
    examples = {
        split: Examples(jobs.inputs[jobs.rows(split)], truth.iloc[jobs.rows(split)].to_numpy(float))
        for split in (TRAIN, TEST)
    }
    began = time.monotonic()
    trained = fit(network, examples[TRAIN], examples[TEST], parameters)
    seconds = time.monotonic() - began
    write_model(trained.model, files.model)
    # All rows at once, as evaluate does it: the last bit of a sum depends on the number of rows.
    outputs = predict(trained.model, jobs.inputs)
    network_outputs = {
        split: NetworkOutputs(truth.iloc[jobs.rows(split)], outputs[jobs.rows(split)]) for split in (TRAIN, TEST)
    }
    items = result_items(network, network_outputs[TRAIN], network_outputs[TEST], trained.history)
    write_items(files.results, MULTI_FILES if network.classes else REGRESSOR_FILES, items)
    plots.draw(network, items, files.results, simulated=jobs.simulated)
    record = make_record(network, parameters, jobs, network_outputs, transform=files.transform, model=files.model)
    files.record.parent.mkdir(parents=True, exist_ok=True)
    files.record.write_text(json.dumps(record, indent=1) + "\n")
    print(_line(network, record, seconds))


def _line(network: Architecture, record: dict[str, Any], seconds: float) -> str:
    """Return the line that reports the training."""
    best = record["metrics"]["test"]["all"][network.metric]
    unit = f" {network.unit}" if network.unit else ""
    simulated = " (simulated jobs)" if record["simulated"] else ""
    work = f"{record['rows']['train']} jobs, {record['hyperparameters']['epochs']} epochs in {seconds:.0f} s"
    return f"{network.name}: {work}; test {network.metric} {best:.4f}{unit}{simulated}"


if __name__ == "__main__":
    raise SystemExit(main())
