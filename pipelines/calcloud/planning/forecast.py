"""Forecasts of jobs that have not run, as JSON lines: the output of predict."""

from collections.abc import Iterator

from pipelines.calcloud.planning.ladder import Ladder
from pipelines.calcloud.tabular.model import Prediction
from pipelines.calcloud.tabular.model_file import StoredModel

QUANTILES = (0.5, 0.9, 0.99, 0.999)


def forecast_lines(
    names: list[str], prediction: Prediction, stored: StoredModel, ladder: Ladder
) -> Iterator[dict[str, object]]:
    """Yield the JSON object of each job.

    Parameters
    ----------
    names : list[str]
        Datasets of n jobs.
    prediction : Prediction
        Their prediction, n rows.
    stored : StoredModel
        The model that predicted them.
    ladder : Ladder
        The machines.

    Yields
    ------
    dict[str, object]
        `memBin`, `memVal` (GB) and `clockTime` (s) as CALCLOUD gives them; and machine, probabilities, quantiles of
        `memory_gb` and `wallclock_s`, numbers of similar finished jobs (`history`) and the model's id.
    """
    memory = {level: prediction.quantile("memory", level) for level in QUANTILES}
    wallclock = {level: prediction.quantile("wallclock", level) for level in QUANTILES}
    bins = prediction.bins
    for row, name in enumerate(names):
        yield {
            "ipst": name,
            "memBin": int(bins[row]),
            "memVal": round(float(prediction.memory_gb[row]), 2),
            "clockTime": int(prediction.wallclock_s[row]),
            "machine": ladder.rungs[int(bins[row])].name,
            "probabilities": {
                rung.name: round(float(prediction.probabilities[row, number]), 6)
                for number, rung in enumerate(ladder.rungs)
            },
            "memory_gb": {f"{level:g}": round(float(values[row]), 4) for level, values in memory.items()},
            "wallclock_s": {f"{level:g}": round(float(values[row]), 1) for level, values in wallclock.items()},
            "history": {level: int(counts[row]) for level, counts in prediction.job_counts.items()},
            "model": stored.id,
            **simulated_mark(stored),
        }


def simulated_mark(stored: StoredModel) -> dict[str, bool]:
    """Return the key that marks results of a model trained on simulated jobs; nothing for real jobs.

    Parameters
    ----------
    stored : StoredModel
        The model.

    Returns
    -------
    dict[str, bool]
        `simulated`, or nothing.
    """
    return {"simulated": True} if stored.facts.get("simulated") else {}
