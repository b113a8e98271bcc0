"""Model selection: compare the models on the same test jobs by cost, and choose the one that plans."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.planning.ladder import Ladder
from pipelines.calcloud.planning.planning_metrics import machine_metrics, planning_metrics, time_metrics
from pipelines.calcloud.tabular.history import TARGETS
from pipelines.calcloud.tabular.model import TabularModel
from pipelines.calcloud.tabular.model_file import StoredModel
from pipelines.calcloud.training_data.inspection import masks_without_flagged
from pipelines.calcloud.training_data.job_arrays import Jobs, jobs_of_table
from pipelines.calcloud.training_data.split import TEST
from pipelines.calcloud.training_data.training_set import TrainingSet

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
MetricsByRows = dict[str, dict[str, object]]

#: Names of the models in the output; the current champion is called `reigning` there.
NETWORKS, TABULAR, CURRENT = "networks", "tabular", "reigning"


@dataclass(frozen=True, kw_only=True)
class ModelSelection:
    """The chosen models, with the metrics of all that were compared."""

    #: Model of the least cost.
    champion: str
    #: Model of the least cost among those that can plan: the networks give no quantiles of time.
    planner: str
    #: By model and selection of rows (`all`, `without_...`), the metrics.
    metrics: Mapping[str, MetricsByRows]
    #: Ids of the tabular models.
    ids: Mapping[str, str]

    def as_json(self) -> dict[str, object]:
        """Return everything as a JSON object."""
        return {
            "champion": self.champion,
            "planner": self.planner,
            "promoted": self.planner == TABULAR,
            "models": dict(self.ids),
            "figures": dict(self.metrics),
        }


def select_model(
    training_set: TrainingSet,
    networks: Mapping[str, npt.NDArray[np.float32]],
    tabular: StoredModel,
    current: StoredModel | None,
    ladder: Ladder,
) -> ModelSelection:
    """Compare all models on the test rows, and choose the cheapest.

    Parameters
    ----------
    training_set : TrainingSet
        The jobs, of which the test rows count.
    networks : Mapping[str, NDArray[np.float32]]
        By name of the network, its outputs for all rows: four probabilities, or one quantity (GB or s).
    tabular : StoredModel
        The new tabular model.
    current : StoredModel | None
        The champion so far, which stays unless the new model is cheaper. It is judged as if it had not learned those
        test rows that finished in the meantime.
    ladder : Ladder
        The machines and their prices.

    Returns
    -------
    ModelSelection
        The chosen models and all metrics.
    """
    test = training_set.rows(TEST)
    jobs = jobs_of_table(training_set.table).take(test)
    truth = {target: training_set.table[target].to_numpy(float)[test] for target in TARGETS}
    masks = {name: mask[test] for name, mask in masks_without_flagged(training_set.table).items()}
    chosen = networks["mem_clf"][test].argmax(axis=1)
    seconds = networks["wall_reg"][test][:, 0].astype(float)
    metrics = {
        NETWORKS: _by_rows(masks, lambda mask: _network_metrics(ladder, chosen[mask], seconds[mask], truth, mask)),
        TABULAR: _by_rows(masks, lambda mask: _tabular_metrics(ladder, tabular.model, jobs, truth, mask)),
    }
    ids = {TABULAR: tabular.id}
    if current is not None:
        before = current.model.without(jobs)
        metrics[CURRENT] = _by_rows(masks, lambda mask: _tabular_metrics(ladder, before, jobs, truth, mask))
        ids[CURRENT] = current.id
    cost = {name: planning_cost(found["all"]) for name, found in metrics.items()}
    # Of models of equal cost the first is chosen.
    planners = [name for name in (CURRENT, TABULAR) if name in cost]
    models = [*planners, NETWORKS]
    return ModelSelection(
        champion=min(models, key=cost.__getitem__),
        planner=min(planners, key=cost.__getitem__),
        metrics=metrics,
        ids=ids,
    )


def planning_cost(metrics: Mapping[str, Any]) -> float:
    """Return the cost ratio of the planned machines, or, of a model without probabilities, of the chosen ones.

    Parameters
    ----------
    metrics : Mapping[str, Any]
        Metrics of `planning_metrics` or `machine_metrics`.

    Returns
    -------
    float
        Cost over the cost with perfect knowledge, 1 or more.
    """
    return float(metrics.get("planned_cost_ratio", metrics["cost_ratio"]))


def add_training_jobs(training_set: TrainingSet, model: TabularModel) -> TabularModel:
    """Return the model with every job of the training set in its history, to predict jobs that come after them.

    Parameters
    ----------
    training_set : TrainingSet
        The jobs, with memory in GB and time in seconds.
    model : TabularModel
        A model that was trained on some of them.

    Returns
    -------
    TabularModel
        A new model.
    """
    jobs = jobs_of_table(training_set.table)
    new = ~np.isin(jobs.ipst, model.history.jobs.ipst)
    truth = {target: training_set.table[target].to_numpy(float)[new] for target in TARGETS}
    return model.update(jobs.take(new), truth)


def _by_rows(masks: Mapping[str, Mask], compute: Callable[[Mask], dict[str, object]]) -> MetricsByRows:
    return {name: compute(mask) for name, mask in masks.items() if mask.any()}


def _network_metrics(
    ladder: Ladder,
    chosen: npt.NDArray[np.intp],
    seconds: Floats,
    truth: Mapping[str, Floats],
    mask: Mask,
) -> dict[str, object]:
    memory, wallclock = truth["memory"][mask], truth["wallclock"][mask]
    return machine_metrics(ladder, chosen, memory, wallclock) | time_metrics(seconds, wallclock)


def _tabular_metrics(
    ladder: Ladder, model: TabularModel, jobs: Jobs, truth: Mapping[str, Floats], mask: Mask
) -> dict[str, object]:
    prediction = model.predict(jobs.take(mask), ladder.edges_gb)
    return planning_metrics(ladder, prediction, truth["memory"][mask], truth["wallclock"][mask])


def comparison_lines(selection: ModelSelection) -> list[str]:
    """Return a table for a person: a line for each model, and the chosen ones.

    Parameters
    ----------
    selection : ModelSelection
        The metrics of all models.

    Returns
    -------
    list[str]
        Lines of text; the error of time is in natural logarithms and in seconds.
    """
    lines = [f"{'':26}{'bins right':>16}{'too small':>16}{'time (log)':>16}{'time MAE (s)':>16}{'cost ratio':>16}"]
    for name, found in selection.metrics.items():
        row = found["all"]
        lines.append(
            f"{name:26}{row['accuracy']:>16.4f}{row['under_provisioned']:>16}{row['log_rmse']:>16.3f}"
            f"{row['mae']:>16.1f}{planning_cost(row):>16.4f}"
        )
    return [*lines, f"champion by cost: {selection.champion}; jobs are planned by: {selection.planner}"]
