"""Reload networks and tabular model, check and compare them, and predict every job of the training set."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.calcloud.networks.architecture import NETWORKS, Architecture
from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from pipelines.calcloud.networks.summary import Outputs
    from pipelines.calcloud.training_data.training_set import TrainingSet

DESCRIPTION = """Reload the three trained networks, check their outputs for the test rows against their results, predict
every job, and write the table with predictions and a summary of how good they are. With --tabular, compare them with
the tabular model (and with the current champion) by cost on the same test rows, and write the champion."""

#: Tolerances of outputs that are computed again: another processor may add in another order.
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed, 2 when models, results and training set do not match."""
    return command.run(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("evaluate", DESCRIPTION)
    parser.add_argument("--training", type=Path, required=True, help="CSV of the jobs, from scrape")
    parser.add_argument("--transform", type=Path, required=True, help="JSON with lambdas, mu and sigma, from scrape")
    parser.add_argument("--models", type=Path, required=True, help="folder of the three Keras files")
    parser.add_argument("--results", type=Path, required=True, help="folder of the three results folders")
    parser.add_argument("--latest", type=Path, required=True, help="CSV to write: the jobs with their predictions")
    parser.add_argument("--summary", type=Path, required=True, help="JSON to write: how good the predictions are")
    parser.add_argument("--tabular", type=Path, help="the tabular model, to be compared")
    parser.add_argument("--reigning", type=Path, help="the champion so far, which stays unless the new one is better")
    parser.add_argument("--champion", type=Path, help="model file to write: the one that plans from now on")
    parser.add_argument("--verdict", type=Path, help="JSON to write: the champion, and the metrics of all models")
    parser.add_argument("--ladder", type=Path, help="TOML of the machines, where not the one that ships")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    evaluate(
        training=arguments.training,
        transform=arguments.transform,
        models=arguments.models,
        results=arguments.results,
        latest=arguments.latest,
        summary=arguments.summary,
        comparison=_comparison(arguments),
    )


@dataclass(frozen=True, kw_only=True)
class ModelComparison:
    """Files of a comparison of the networks with tabular models."""

    #: The new tabular model and the current champion, to read.
    tabular: Path
    current: Path | None
    #: The champion and the verdict, to write.
    champion: Path
    verdict: Path
    #: Machines (TOML); None for the default ones.
    ladder: Path | None


def _comparison(arguments: argparse.Namespace) -> ModelComparison | None:
    together = (arguments.tabular, arguments.champion, arguments.verdict)
    if not any(together):
        return None
    if not all(together):
        raise InputError("--tabular, --champion and --verdict belong together: give all three")
    return ModelComparison(
        tabular=arguments.tabular,
        current=arguments.reigning,
        champion=arguments.champion,
        verdict=arguments.verdict,
        ladder=arguments.ladder,
    )


def evaluate(
    *,
    training: Path,
    transform: Path,
    models: Path,
    results: Path,
    latest: Path,
    summary: Path,
    comparison: ModelComparison | None = None,
) -> None:
    """Write the table with predictions, the summary and the champion; nothing if any input disagrees.

    Parameters
    ----------
    training, transform : Path
        Training set and transform of one scrape, to read.
    models, results : Path
        Folder of the three Keras files, and folder of their results folders, to read.
    latest, summary : Path
        Table with predictions (bin, GB and s) and JSON summary, to write.
    comparison : ModelComparison | None
        Files of a comparison with tabular models; None for no comparison.

    Raises
    ------
    InputError
        If models, results and training set do not match.
    """
    from pipelines.calcloud.networks.model_file import read_model  # start-up
    from pipelines.calcloud.networks.network_training import predict  # start-up
    from pipelines.calcloud.networks.summary import summarise, table_lines  # start-up
    from pipelines.calcloud.training_data.features import read_transform  # start-up
    from pipelines.calcloud.training_data.split import TEST  # start-up
    from pipelines.calcloud.training_data.training_set import read_training_set  # start-up

    jobs = read_training_set(training, read_transform(transform))
    test = jobs.rows(TEST)
    for network in NETWORKS:
        _check_test_jobs(jobs.table["ipst"].iloc[test].tolist(), results / network.target)
    outputs = {}
    for network in NETWORKS:
        model = models / f"{network.name}.keras"
        outputs[network.name] = predict(read_model(model), jobs.inputs)
        _check_outputs(network, outputs[network.name][test], model, results / network.target)
    table = jobs.table.copy()
    for network in NETWORKS:
        found = outputs[network.name]
        table[network.prediction] = found.argmax(axis=1) if network.classes else found[:, 0].astype(float)
    metrics = summarise(jobs, outputs)
    lines = list(table_lines(metrics))
    if comparison is not None:
        metrics["championship"], comparison_lines = _compare(comparison, jobs, outputs, table)
        lines += ["", *comparison_lines]
    for path in (latest, summary):
        path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(latest, index=False, lineterminator="\n")
    summary.write_text(json.dumps(metrics, indent=1) + "\n")
    print("\n".join(lines))


def _compare(
    comparison: ModelComparison, jobs: "TrainingSet", outputs: "Outputs", table: "pd.DataFrame"
) -> tuple[dict[str, object], list[str]]:
    """Select the champion, write it and the verdict, and add the tabular model's predictions to the table."""
    from pipelines.calcloud.planning import model_selection  # start-up
    from pipelines.calcloud.planning.ladder import DEFAULT_LADDER, read_ladder  # start-up
    from pipelines.calcloud.tabular.model_file import read_tabular, write_tabular  # start-up
    from pipelines.calcloud.training_data.job_arrays import jobs_of_table  # start-up

    ladder = read_ladder(comparison.ladder or DEFAULT_LADDER)
    tabular = read_tabular(comparison.tabular)
    current = read_tabular(comparison.current) if comparison.current else None
    selection = model_selection.select_model(jobs, outputs, tabular, current, ladder)
    prediction = tabular.model.predict(jobs_of_table(table), ladder.edges_gb)
    table["tabular_bin"] = prediction.bins
    table["tabular_memory"] = prediction.memory_gb
    table["tabular_wallclock"] = prediction.wallclock_s
    champion = current if current is not None and selection.planner == model_selection.CURRENT else tabular
    facts = {key: value for key, value in champion.facts.items() if key != "format"}
    champion_model = model_selection.add_training_jobs(jobs, champion.model)
    write_tabular(champion_model, comparison.champion, facts | {"simulated": jobs.simulated})
    comparison.verdict.parent.mkdir(parents=True, exist_ok=True)
    comparison.verdict.write_text(json.dumps(selection.as_json(), indent=1) + "\n")
    return selection.as_json(), model_selection.comparison_lines(selection)


def _check_test_jobs(names: list[str], folder: Path) -> None:
    """Raise InputError if the results are not those of these test rows."""
    from pipelines.calcloud.results import read_item  # start-up

    if read_item(folder / "test_idx.csv").index.tolist() != names:
        raise InputError(f"{folder / 'test_idx.csv'}: lists other jobs than the test rows of this training set")


def _check_outputs(network: Architecture, outputs: "npt.NDArray[np.float32]", model: Path, folder: Path) -> None:
    """Raise InputError if the results do not hold the outputs of this model for the test rows."""
    import numpy as np  # start-up

    from pipelines.calcloud.results import MULTI_FILES, REGRESSOR_FILES, read_item  # start-up

    file = folder / (MULTI_FILES["y_scores"] if network.classes else REGRESSOR_FILES["predictions"])
    saved = read_item(file) if network.classes else read_item(file)[:, :1]
    tolerance = _ABSOLUTE * max(1.0, float(np.abs(outputs).max()))
    if saved.shape != outputs.shape or not np.allclose(saved, outputs, rtol=_RELATIVE, atol=tolerance):
        raise InputError(f"{model}: its outputs for the test rows differ from those in {file}; train it again")


if __name__ == "__main__":
    raise SystemExit(main())
