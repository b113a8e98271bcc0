"""Reload networks and tabular model, check and compare them, and let them predict every job of the training set."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.calcloud.networks.architecture import NETWORKS, Architecture
from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.calcloud.networks.summary import Outputs
    from pipelines.calcloud.training_data.training_set import TrainingSet

DESCRIPTION = """Reload the three trained networks, check that they say of the test rows what their results say, predict
every job, and write the table with predictions and a summary of how good they are. With --tabular, compare them with
the tabular model (and with the one that reigns), by cost on the same test rows, and write the champion."""

#: Predictions are equal up to the order of sums, which another processor may choose otherwise.
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 when the disk failed, 2 when models, results and training set do not belong together."""
    return command.run(_parser(), _act, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.parser_of("evaluate", DESCRIPTION)
    parser.add_argument("--training", type=Path, required=True, help="CSV of the jobs, from scrape")
    parser.add_argument("--transform", type=Path, required=True, help="JSON with lambdas, mu and sigma, from scrape")
    parser.add_argument("--models", type=Path, required=True, help="folder of the three Keras files")
    parser.add_argument("--results", type=Path, required=True, help="folder of the three results folders")
    parser.add_argument("--latest", type=Path, required=True, help="CSV to write: the jobs with their predictions")
    parser.add_argument("--summary", type=Path, required=True, help="JSON to write: how good the predictions are")
    parser.add_argument("--tabular", type=Path, help="the tabular model, to be compared")
    parser.add_argument("--reigning", type=Path, help="the champion so far, which stays unless the new one is better")
    parser.add_argument("--champion", type=Path, help="model file to write: the one that plans from now on")
    parser.add_argument("--verdict", type=Path, help="JSON to write: who won, and by what figures")
    parser.add_argument("--ladder", type=Path, help="TOML of the machines, where not the one that ships")
    return parser


def _act(arguments: argparse.Namespace) -> None:
    evaluate(
        training=arguments.training,
        transform=arguments.transform,
        models=arguments.models,
        results=arguments.results,
        latest=arguments.latest,
        summary=arguments.summary,
        contest=_contest(arguments),
    )


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The tabular models to compare the networks with, and where the outcome goes."""

    tabular: Path
    reigning: Path | None
    champion: Path
    verdict: Path
    ladder: Path | None


def _contest(arguments: argparse.Namespace) -> Contest | None:
    given = (arguments.tabular, arguments.champion, arguments.verdict)
    if not any(given):
        return None
    if not all(given):
        raise InputError("--tabular, --champion and --verdict belong together: give all three")
    return Contest(
        tabular=arguments.tabular,
        reigning=arguments.reigning,
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
    contest: Contest | None = None,
) -> None:
    """Write the table with predictions, the summary and the champion; nothing if anything disagrees."""
    from pipelines.calcloud.networks.model_file import read_model
    from pipelines.calcloud.networks.network_training import predict
    from pipelines.calcloud.networks.summary import summarise, table_lines
    from pipelines.calcloud.training_data.features import read_transform
    from pipelines.calcloud.training_data.split import TEST
    from pipelines.calcloud.training_data.training_set import read_training_set

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
        said = outputs[network.name]
        table[network.prediction] = said.argmax(axis=1) if network.classes else said[:, 0].astype(float)
    figures = summarise(jobs, outputs)
    lines = list(table_lines(figures))
    if contest is not None:
        figures["championship"], told = _hold(contest, jobs, outputs, table)
        lines += ["", *told]
    for path in (latest, summary):
        path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(latest, index=False, lineterminator="\n")
    summary.write_text(json.dumps(figures, indent=1) + "\n")
    print("\n".join(lines))


def _hold(
    contest: Contest, jobs: "TrainingSet", outputs: "Outputs", table: "pd.DataFrame"
) -> tuple[dict[str, Any], list[str]]:
    """Compare, write champion and verdict, and add the tabular model's predictions to the table."""
    from pipelines.calcloud.planning.ladder import SHIPPED, read_ladder
    from pipelines.calcloud.planning.model_selection import REIGNING, hold, verdict_lines, whole
    from pipelines.calcloud.tabular.model_file import read_tabular, write_tabular
    from pipelines.calcloud.training_data.job_arrays import jobs_of_table

    ladder = read_ladder(contest.ladder or SHIPPED)
    tabular = read_tabular(contest.tabular)
    reigning = read_tabular(contest.reigning) if contest.reigning else None
    verdict = hold(jobs, outputs, tabular, reigning, ladder)
    said = tabular.model.predict(jobs_of_table(table), ladder.edges_gb)
    table["tabular_bin"], table["tabular_memory"], table["tabular_wallclock"] = (
        said.bins,
        said.memory_gb,
        said.wallclock_s,
    )
    winner = reigning if reigning is not None and verdict.planner == REIGNING else tabular
    facts = {key: value for key, value in winner.facts.items() if key != "format"}
    write_tabular(whole(jobs, winner.model), contest.champion, facts | {"simulated": jobs.simulated})
    contest.verdict.parent.mkdir(parents=True, exist_ok=True)
    contest.verdict.write_text(json.dumps(verdict.as_json(), indent=1) + "\n")
    return verdict.as_json(), verdict_lines(verdict)


def _check_test_jobs(names: list[str], folder: Path) -> None:
    """The saved results are of these test rows."""
    from pipelines.calcloud.results import read_item

    if read_item(folder / "test_idx.csv").index.tolist() != names:
        raise InputError(f"{folder / 'test_idx.csv'}: lists other jobs than the test rows of this training set")


def _check_outputs(network: Architecture, said: Any, model: Path, folder: Path) -> None:
    """The saved results are of this model: they hold what it says of the test rows."""
    import numpy as np

    from pipelines.calcloud.results import MULTI_FILES, REGRESSOR_FILES, read_item

    file = folder / (MULTI_FILES["y_scores"] if network.classes else REGRESSOR_FILES["predictions"])
    saved = read_item(file) if network.classes else read_item(file)[:, :1]
    tolerance = _ABSOLUTE * max(1.0, float(np.abs(said).max()))
    if saved.shape != said.shape or not np.allclose(saved, said, rtol=_RELATIVE, atol=tolerance):
        raise InputError(f"{model}: says other things of the test rows than {file}; train it again")


if __name__ == "__main__":
    raise SystemExit(main())
