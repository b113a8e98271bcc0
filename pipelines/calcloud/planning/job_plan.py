"""The plan of a job: the machine that costs least to expect, the limits of time, and the reasons; one JSON object."""

from collections.abc import Iterator
from typing import Any

from pipelines.calcloud.planning.ladder import Ladder
from pipelines.calcloud.sources.dataset import instrument_of, is_mosaic
from pipelines.calcloud.tabular.model import Predicted

#: What a plan's job runs.
EXECUTABLE = "process"


def planned(names: list[str], said: Predicted, model: str, ladder: Ladder) -> Iterator[dict[str, Any]]:
    """A line for each job that was predicted."""
    costs = ladder.expected_costs(said.probabilities, said.wallclock_s)
    limits = [ladder.limits(said.quantile("wallclock", level)) for level in ladder.quantiles]
    for row, name in enumerate(names):
        chosen = int(costs[row].argmin())
        times = [float(limit[row]) for limit in limits]
        yield {
            **_machine(ladder, chosen),
            "ipst": name,
            "instrument": instrument_of(name),
            "kill_s": times[0],
            "kill_steps_s": _steps(ladder, times),
            "expected_cost": round(float(costs[row, chosen]), 6),
            "costs": {rung.name: round(float(costs[row, place]), 6) for place, rung in enumerate(ladder.rungs)},
            "probabilities": {
                rung.name: round(float(said.probabilities[row, place]), 6) for place, rung in enumerate(ladder.rungs)
            },
            "predicted_bin": int(said.bins[row]),
            "predicted_memory_gb": round(float(said.memory_gb[row]), 4),
            "predicted_wallclock_s": round(float(said.wallclock_s[row]), 1),
            "reason": _reason(ladder, said, row, chosen, times[0]),
            "model": model,
        }


def default_plan(name: str, ladder: Ladder) -> dict[str, Any]:
    """A line for a mosaic of many visits, for which there is no model."""
    return {
        **_machine(ladder, ladder.mosaic_rung),
        "ipst": name,
        "instrument": name.split("_")[0] if is_mosaic(name) and "_" in name else "hst",
        "kill_s": ladder.mosaic_s,
        "kill_steps_s": _steps(ladder, [ladder.mosaic_s]),
        "reason": "a mosaic of many visits: there is no model, this is the default",
        "model": "none",
    }


def _machine(ladder: Ladder, chosen: int) -> dict[str, Any]:
    rung = ladder.rungs[chosen]
    return {
        "rung": rung.name,
        "memory_mb": rung.memory_mb,
        "memory_steps_mb": [later.memory_mb for later in ladder.rungs[chosen:]],
        "cpus": rung.cpus,
    }


def _steps(ladder: Ladder, times: list[float]) -> list[float]:
    """The limit, those after it was too short, and at last the longest that any job gets."""
    return sorted({*times, ladder.cap_s})


def _reason(ladder: Ladder, said: Predicted, row: int, chosen: int, limit: float) -> str:
    evidence = {level: int(counts[row]) for level, counts in said.evidence.items()}
    fits = float(said.probabilities[row, : chosen + 1].sum())
    if evidence["dataset"]:
        known = f"this dataset has run before ({evidence['dataset']}), {evidence['program']} of its program"
    elif evidence["program"]:
        known = f"{evidence['program']} jobs of its program are known, {evidence['program_setting']} with its setting"
    else:
        known = "no job of its program is known"
    held = " (floor)" if limit == ladder.floor_s else " (cap)" if limit == ladder.cap_s else ""
    return (
        f"{known}; it fits on {ladder.rungs[chosen].name} with probability {fits:.4f}, the cheapest to expect; "
        f"it ends within {limit:.0f} s with probability {ladder.quantiles[0]:g}{held}"
    )
