"""Plans of jobs: machine of the least expected cost, limits of time and reasons, a JSON object a job."""

from collections.abc import Iterator

from pipelines.calcloud.planning.ladder import Ladder
from pipelines.calcloud.sources.dataset import instrument_of, is_mosaic
from pipelines.calcloud.tabular.model import Prediction

#: Program that a planned job runs.
EXECUTABLE = "process"


def plan_jobs(names: list[str], prediction: Prediction, model: str, ladder: Ladder) -> Iterator[dict[str, object]]:
    """Yield the plan of each predicted job.

    Parameters
    ----------
    names : list[str]
        Datasets of n jobs.
    prediction : Prediction
        Their prediction, n rows.
    model : str
        Id of the model that predicted them.
    ladder : Ladder
        The machines, their prices and the limits of time.

    Yields
    ------
    dict[str, object]
        Machine (`rung`, `memory_mb`, `cpus`), `memory_steps_mb` (MB) and `kill_steps_s` (s) of the first try and of
        those after a failure, `expected_cost` and `costs` (dollars), the prediction, and the reason in words.
    """
    costs = ladder.expected_costs(prediction.probabilities, prediction.wallclock_s)
    limits = [ladder.limits(prediction.quantile("wallclock", level)) for level in ladder.quantiles]
    for row, name in enumerate(names):
        chosen = int(costs[row].argmin())
        times = [float(limit[row]) for limit in limits]
        yield {
            **_machine(ladder, chosen),
            "ipst": name,
            "instrument": instrument_of(name),
            "kill_s": times[0],
            "kill_steps_s": _time_steps(ladder, times),
            "expected_cost": round(float(costs[row, chosen]), 6),
            "costs": {rung.name: round(float(costs[row, number]), 6) for number, rung in enumerate(ladder.rungs)},
            "probabilities": {
                rung.name: round(float(prediction.probabilities[row, number]), 6)
                for number, rung in enumerate(ladder.rungs)
            },
            "predicted_bin": int(prediction.bins[row]),
            "predicted_memory_gb": round(float(prediction.memory_gb[row]), 4),
            "predicted_wallclock_s": round(float(prediction.wallclock_s[row]), 1),
            "reason": _reason(ladder, prediction, row, chosen, times[0]),
            "model": model,
        }


def plan_mosaic(name: str, ladder: Ladder) -> dict[str, object]:
    """Return the default plan of a mosaic of many visits, for which there is no model.

    Parameters
    ----------
    name : str
        The mosaic.
    ladder : Ladder
        The machines and the default limits.

    Returns
    -------
    dict[str, object]
        Machine, memory (MB) and limits of time (s), as of a predicted job.
    """
    return {
        **_machine(ladder, ladder.mosaic_rung),
        "ipst": name,
        "instrument": name.split("_")[0] if is_mosaic(name) and "_" in name else "hst",
        "kill_s": ladder.mosaic_s,
        "kill_steps_s": _time_steps(ladder, [ladder.mosaic_s]),
        "reason": "a mosaic of many visits: there is no model, this is the default",
        "model": "none",
    }


def _machine(ladder: Ladder, chosen: int) -> dict[str, object]:
    rung = ladder.rungs[chosen]
    return {
        "rung": rung.name,
        "memory_mb": rung.memory_mb,
        "memory_steps_mb": [later.memory_mb for later in ladder.rungs[chosen:]],
        "cpus": rung.cpus,
    }


def _time_steps(ladder: Ladder, times: list[float]) -> list[float]:
    """Return the limits of time in seconds, one after another; the last is the longest that any job gets."""
    return sorted({*times, ladder.cap_s})


def _reason(ladder: Ladder, prediction: Prediction, row: int, chosen: int, limit: float) -> str:
    counts = {level: int(jobs[row]) for level, jobs in prediction.job_counts.items()}
    fits = float(prediction.probabilities[row, : chosen + 1].sum())
    if counts["dataset"]:
        known = f"this dataset has run before ({counts['dataset']}), {counts['program']} of its program"
    elif counts["program"]:
        known = f"{counts['program']} jobs of its program are known, {counts['program_setting']} with its setting"
    else:
        known = "no job of its program is known"
    bound = " (floor)" if limit == ladder.floor_s else " (cap)" if limit == ladder.cap_s else ""
    return (
        f"{known}; it fits on {ladder.rungs[chosen].name} with probability {fits:.4f}, the cheapest to expect; "
        f"it ends within {limit:.0f} s with probability {ladder.quantiles[0]:g}{bound}"
    )
