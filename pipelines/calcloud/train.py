"""Train all models in one folder, without the framework: reads data/latest.csv, writes the tree of a production run."""

import argparse
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from pipelines.calcloud.evaluate import ModelComparison, evaluate
from pipelines.calcloud.learn import learn
from pipelines.calcloud.network import NetworkFiles, add_training_arguments, train_network
from pipelines.calcloud.networks.architecture import NETWORKS, hyperparameters
from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.scrape import scrape

DESCRIPTION = """Train the three networks and the tabular model on DIR/data/latest.csv. Models, results and the table
with predictions, which replaces latest.csv, are written into DIR; the former latest.csv is kept next to it as
source_<checksum>.csv."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed, 2 when DIR holds no table of jobs."""
    return command.run(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("train", DESCRIPTION)
    parser.add_argument("dir", metavar="DIR", type=Path, help="folder such as data/2021-11-04-1636048291")
    add_training_arguments(parser)
    return parser


def _run(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.dir
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    latest = folder / "data" / "latest.csv"
    if not latest.is_file():
        raise InputError(f"{latest}: no such file (it holds the jobs to learn from)")
    training, transform = folder / "data" / "training.csv", folder / "models" / "tx_data.json"
    scrape(
        source_name=str(latest),
        training=training,
        quarantine=folder / "data" / "quarantine.csv",
        report=folder / "data" / "report.json",
        transform=transform,
    )
    for network in NETWORKS:
        parameters = hyperparameters(
            network,
            seed=arguments.seed,
            epochs=arguments.epochs,
            batch=arguments.batch,
            learning_rate=arguments.learning_rate,
        )
        files = NetworkFiles(
            training=training,
            transform=transform,
            model=folder / "models" / f"{network.name}.keras",
            results=folder / "results" / network.target,
            record=folder / "models" / f"{network.name}.json",
        )
        train_network(network, parameters, files)
    tabular = folder / "models" / "tabular.npz"
    learn(
        training=training,
        transform=transform,
        model=tabular,
        record=tabular.with_suffix(".json"),
        ladder=None,
        seed=arguments.seed,
    )
    _copy_source(latest)
    evaluate(
        training=training,
        transform=transform,
        models=folder / "models",
        results=folder / "results",
        latest=latest,
        summary=folder / "results" / "summary.json",
        comparison=ModelComparison(
            tabular=tabular,
            current=None,
            champion=folder / "models" / "champion.npz",
            verdict=folder / "results" / "champion.json",
            ladder=None,
        ),
    )


def _copy_source(latest: Path) -> None:
    """Copy the table under a name of its own: rows that cannot be used are not in the table that replaces it."""
    checksum = hashlib.sha256(latest.read_bytes()).hexdigest()[:8]
    shutil.copyfile(latest, latest.with_name(f"source_{checksum}.csv"))


if __name__ == "__main__":
    raise SystemExit(main())
