"""The championship: models side by side on the same test jobs, by cost; the winner plans from now on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.networks.metrics import masks_without_flagged
from pipelines.calcloud.planning.ladder import Ladder
from pipelines.calcloud.planning.planning_metrics import figures_of, machine_figures, time_figures
from pipelines.calcloud.tabular.history import TARGETS
from pipelines.calcloud.tabular.model import Tabular
from pipelines.calcloud.tabular.model_file import Kept
from pipelines.calcloud.training_data.job_arrays import Jobs, jobs_of_table
from pipelines.calcloud.training_data.split import TEST
from pipelines.calcloud.training_data.training_set import TrainingSet

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Figures = dict[str, dict[str, Any]]

NETWORKS, TABULAR, REIGNING = "networks", "tabular", "reigning"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Who won, and by what figures."""

    champion: str
    #: Of those that can plan (the networks give no quantiles of time), the one that does from now on.
    planner: str
    #: Model to rows (`all`, `without_...`) to figures.
    figures: Mapping[str, Figures]
    ids: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Everything, for the record."""
        return {
            "champion": self.champion,
            "planner": self.planner,
            "promoted": self.planner == TABULAR,
            "models": dict(self.ids),
            "figures": dict(self.figures),
        }


def hold(
    known: TrainingSet,
    networks: Mapping[str, npt.NDArray[np.float32]],
    tabular: Kept,
    reigning: Kept | None,
    ladder: Ladder,
) -> Verdict:
    """Judge all by the test rows; `networks` holds what each network says of every row, by its name.

    A reigning model that has learned test rows in the meantime is judged as if it had not. It stays unless the new one
    is better.
    """
    test = known.rows(TEST)
    jobs = jobs_of_table(known.table).take(test)
    truth = {target: known.table[target].to_numpy(float)[test] for target in TARGETS}
    masks = {name: mask[test] for name, mask in masks_without_flagged(known.table).items()}
    chosen = networks["mem_clf"][test].argmax(axis=1)
    seconds = networks["wall_reg"][test][:, 0].astype(float)
    figures = {
        NETWORKS: _by_rows(masks, lambda mask: _of_networks(ladder, chosen[mask], seconds[mask], truth, mask)),
        TABULAR: _by_rows(masks, lambda mask: _of_tabular(ladder, tabular.model, jobs, truth, mask)),
    }
    ids = {TABULAR: tabular.id}
    if reigning is not None:
        before = reigning.model.forget(jobs)
        figures[REIGNING] = _by_rows(masks, lambda mask: _of_tabular(ladder, before, jobs, truth, mask))
        ids[REIGNING] = reigning.id
    cost = {name: planning_cost(found["all"]) for name, found in figures.items()}
    planners = [name for name in (REIGNING, TABULAR) if name in cost]
    order = [*planners, NETWORKS]
    return Verdict(
        champion=min(order, key=cost.__getitem__), planner=min(planners, key=cost.__getitem__), figures=figures, ids=ids
    )


def planning_cost(figures: Mapping[str, Any]) -> float:
    """Of the machines that jobs are begun on: the cheapest to expect, or, without probabilities, the chosen."""
    return float(figures.get("planned_cost_ratio", figures["cost_ratio"]))


def whole(known: TrainingSet, model: Tabular) -> Tabular:
    """The model with every job of the training set in its history: what it forecasts are jobs that come after them."""
    jobs = jobs_of_table(known.table)
    new = ~np.isin(jobs.ipst, model.past.jobs.ipst)
    return model.learn(jobs.take(new), {target: known.table[target].to_numpy(float)[new] for target in TARGETS})


def _by_rows(masks: Mapping[str, Mask], judge: Callable[[Mask], dict[str, Any]]) -> Figures:
    return {name: judge(mask) for name, mask in masks.items() if mask.any()}


def _of_networks(
    ladder: Ladder,
    chosen: npt.NDArray[np.intp],
    seconds: Floats,
    truth: Mapping[str, Floats],
    mask: Mask,
) -> dict[str, Any]:
    memory, wallclock = truth["memory"][mask], truth["wallclock"][mask]
    return machine_figures(ladder, chosen, memory, wallclock) | time_figures(seconds, wallclock)


def _of_tabular(ladder: Ladder, model: Tabular, jobs: Jobs, truth: Mapping[str, Floats], mask: Mask) -> dict[str, Any]:
    said = model.predict(jobs.take(mask), ladder.edges_gb)
    return figures_of(ladder, said, truth["memory"][mask], truth["wallclock"][mask])


def verdict_lines(verdict: Verdict) -> list[str]:
    """For a person: a row a model."""
    lines = [f"{'':26}{'bins right':>16}{'too small':>16}{'time (log)':>16}{'time MAE (s)':>16}{'cost ratio':>16}"]
    for name, found in verdict.figures.items():
        row = found["all"]
        lines.append(
            f"{name:26}{row['accuracy']:>16.4f}{row['under_provisioned']:>16}{row['log_rmse']:>16.3f}"
            f"{row['mae']:>16.1f}{planning_cost(row):>16.4f}"
        )
    return [*lines, f"champion by cost: {verdict.champion}; jobs are planned by: {verdict.planner}"]
