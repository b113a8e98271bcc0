"""What is told of a job before it runs: predict's answer, one JSON object a job."""

from collections.abc import Iterator
from typing import Any

from pipelines.calcloud.planning.ladder import Ladder
from pipelines.calcloud.tabular.model import Predicted
from pipelines.calcloud.tabular.model_file import Kept

QUANTILES = (0.5, 0.9, 0.99, 0.999)


def forecasts(names: list[str], said: Predicted, kept: Kept, ladder: Ladder) -> Iterator[dict[str, Any]]:
    """`memBin`, `memVal` and `clockTime` are the original's; the rest is what they leave out."""
    memory = {level: said.quantile("memory", level) for level in QUANTILES}
    wallclock = {level: said.quantile("wallclock", level) for level in QUANTILES}
    bins = said.bins
    for row, name in enumerate(names):
        yield {
            "ipst": name,
            "memBin": int(bins[row]),
            "memVal": round(float(said.memory_gb[row]), 2),
            "clockTime": int(said.wallclock_s[row]),
            "machine": ladder.rungs[int(bins[row])].name,
            "probabilities": {
                rung.name: round(float(said.probabilities[row, place]), 6) for place, rung in enumerate(ladder.rungs)
            },
            "memory_gb": {f"{level:g}": round(float(values[row]), 4) for level, values in memory.items()},
            "wallclock_s": {f"{level:g}": round(float(values[row]), 1) for level, values in wallclock.items()},
            "history": {level: int(counts[row]) for level, counts in said.evidence.items()},
            "model": kept.id,
            **simulated(kept),
        }


def simulated(kept: Kept) -> dict[str, bool]:
    """Said of all that comes of simulated jobs."""
    return {"simulated": True} if kept.facts.get("simulated") else {}
