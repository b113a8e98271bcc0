"""Metrics of predictions for planning: machines and their cost, time, and coverage of the limits of time."""

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.planning.ladder import Ladder, cost_ratio
from pipelines.calcloud.tabular.model import Prediction

Floats = npt.NDArray[np.float64]
Bins = npt.NDArray[np.intp]


def planning_metrics(
    ladder: Ladder, prediction: Prediction, memory_gb: Floats, wallclock_s: Floats
) -> dict[str, object]:
    """Compute all metrics of predicted jobs that have finished.

    Parameters
    ----------
    ladder : Ladder
        The machines and the limits of time.
    prediction : Prediction
        The prediction of n jobs.
    memory_gb, wallclock_s : NDArray[np.float64]
        True memory (GB) and time (s) of the jobs.

    Returns
    -------
    dict[str, object]
        The metrics of `machine_metrics` and `time_metrics`; `planned_cost_ratio` of the machines of least expected
        cost; `coverage`, the share of jobs within the limit of time, next to `asked_coverage`; and the limits over the
        times used, as the mean of ratios and as the ratio of sums.
    """
    limits = ladder.limits(prediction.quantile("wallclock", ladder.quantiles[0]))
    first = ladder.expected_costs(prediction.probabilities, prediction.wallclock_s).argmin(axis=1)
    return {
        **machine_metrics(ladder, prediction.bins, memory_gb, wallclock_s),
        **time_metrics(prediction.wallclock_s, wallclock_s),
        "planned_cost_ratio": cost_ratio(ladder, first, memory_gb, wallclock_s),
        "asked_coverage": ladder.quantiles[0],
        "coverage": float((wallclock_s <= limits).mean()),
        "limit_over_used": float((limits / wallclock_s).mean()),
        "limits_over_used_together": float(limits.sum() / wallclock_s.sum()),
    }


def machine_metrics(ladder: Ladder, chosen: Bins, memory_gb: Floats, wallclock_s: Floats) -> dict[str, object]:
    """Compute the metrics of the machines chosen for finished jobs.

    Parameters
    ----------
    ladder : Ladder
        The machines.
    chosen : NDArray[np.intp]
        Number of the machine of each of n jobs.
    memory_gb, wallclock_s : NDArray[np.float64]
        True memory (GB) and time (s) of the jobs.

    Returns
    -------
    dict[str, object]
        Numbers of jobs (`rows`, `under_provisioned`, `over_provisioned`), `accuracy` and `cost_ratio`.
    """
    needed = ladder.bins(memory_gb)
    return {
        "rows": len(needed),
        "accuracy": float((chosen == needed).mean()),
        "under_provisioned": int((chosen < needed).sum()),
        "over_provisioned": int((chosen > needed).sum()),
        "cost_ratio": cost_ratio(ladder, chosen, memory_gb, wallclock_s),
    }


def time_metrics(predicted_s: Floats, wallclock_s: Floats) -> dict[str, float]:
    """Compute the errors of predicted times.

    Parameters
    ----------
    predicted_s, wallclock_s : NDArray[np.float64]
        Predicted and true time of n jobs in seconds.

    Returns
    -------
    dict[str, float]
        `log_rmse`, the root mean square error of the natural logarithm, where a prediction below one second counts as
        one second; and `mae`, the mean absolute error in seconds.
    """
    logs = np.log(np.maximum(predicted_s, 1.0)) - np.log(wallclock_s)
    return {
        "log_rmse": float(np.sqrt(np.square(logs).mean())),
        "mae": float(np.abs(predicted_s - wallclock_s).mean()),
    }


def summary_line(metrics: dict[str, object]) -> str:
    """Return the main metrics of `planning_metrics` as one line of text.

    Parameters
    ----------
    metrics : dict[str, object]
        The metrics.

    Returns
    -------
    str
        The error of time is in natural logarithms and in seconds.
    """
    return (
        f"test: bins {metrics['accuracy']:.4f} right, {metrics['under_provisioned']} of {metrics['rows']} too small;"
        f" time off by {metrics['log_rmse']:.3f} (log), {metrics['mae']:.0f} s;"
        f" cost {metrics['planned_cost_ratio']:.4f} of perfect knowledge"
    )
