"""How good predictions are for planning: machines and what they cost, time, and limits of time that were kept."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.planning.ladder import Ladder, cost_ratio
from pipelines.calcloud.tabular.model import Predicted

Floats = npt.NDArray[np.float64]
Bins = npt.NDArray[np.intp]


def figures_of(ladder: Ladder, said: Predicted, memory_gb: Floats, wallclock_s: Floats) -> dict[str, Any]:
    """All of them, for jobs whose use is known."""
    limits = ladder.limits(said.quantile("wallclock", ladder.quantiles[0]))
    begun = ladder.expected_costs(said.probabilities, said.wallclock_s).argmin(axis=1)
    return {
        **machine_figures(ladder, said.bins, memory_gb, wallclock_s),
        **time_figures(said.wallclock_s, wallclock_s),
        "planned_cost_ratio": cost_ratio(ladder, begun, memory_gb, wallclock_s),
        "asked_coverage": ladder.quantiles[0],
        "coverage": float((wallclock_s <= limits).mean()),
        "limit_over_used": float((limits / wallclock_s).mean()),
        "limits_over_used_together": float(limits.sum() / wallclock_s.sum()),
    }


def machine_figures(ladder: Ladder, chosen: Bins, memory_gb: Floats, wallclock_s: Floats) -> dict[str, Any]:
    """Of the chosen machines."""
    needed = ladder.bins(memory_gb)
    return {
        "rows": len(needed),
        "accuracy": float((chosen == needed).mean()),
        "under_provisioned": int((chosen < needed).sum()),
        "over_provisioned": int((chosen > needed).sum()),
        "cost_ratio": cost_ratio(ladder, chosen, memory_gb, wallclock_s),
    }


def time_figures(predicted_s: Floats, wallclock_s: Floats) -> dict[str, float]:
    """Of the predicted time; `log_rmse` of its natural logarithm, a negative prediction counting as a second."""
    logs = np.log(np.maximum(predicted_s, 1.0)) - np.log(wallclock_s)
    return {
        "log_rmse": float(np.sqrt(np.square(logs).mean())),
        "mae": float(np.abs(predicted_s - wallclock_s).mean()),
    }


def line_of(figures: dict[str, Any]) -> str:
    """The most important ones in a line."""
    return (
        f"test: bins {figures['accuracy']:.4f} right, {figures['under_provisioned']} of {figures['rows']} too small;"
        f" time off by {figures['log_rmse']:.3f} (log), {figures['mae']:.0f} s;"
        f" cost {figures['planned_cost_ratio']:.4f} of perfect knowledge"
    )
