"""How good predictions are, in figures: of a class, and of a quantity."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.calcloud.training_data.inspection import FLAGGED, FLAGS

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Figures = dict[str, Any]


def class_figures(truth: Ints, scores: Floats) -> Figures:
    """Of the chosen classes: the share that is right, and how many jobs got too small or too large a machine."""
    if not len(truth):
        return {"rows": 0}
    chosen = scores.argmax(axis=1)
    counts = confusion(truth, chosen, scores.shape[1])
    return {
        "rows": len(truth),
        "accuracy": float((chosen == truth).mean()),
        "loss": cross_entropy(truth, scores),
        "macro_f1": class_report(counts, [str(label) for label in range(len(counts))])["macro avg"]["f1-score"],
        "under_provisioned": int((chosen < truth).sum()),
        "over_provisioned": int((chosen > truth).sum()),
    }


def quantity_figures(truth: Floats, predicted: Floats) -> Figures:
    """Of a quantity, in its unit (`r2` and the relative one have none)."""
    if not len(truth):
        return {"rows": 0}
    error = predicted - truth
    spread = float(np.square(truth - truth.mean()).sum())
    return {
        "rows": len(truth),
        "rmse": root_mean_square(error),
        "mae": float(np.abs(error).mean()),
        "bias": float(error.mean()),
        "median_relative_error": float(np.median(np.abs(error) / truth)),
        "r2": 1 - float(np.square(error).sum()) / spread if spread else None,
        "under_predicted": int((error < 0).sum()),
        "over_predicted": int((error > 0).sum()),
    }


def masks_without_flagged(table: pd.DataFrame) -> dict[str, npt.NDArray[np.bool_]]:
    """Which rows count: all of them, and those without each kind of doubt and without any."""
    masks = {"all": np.ones(len(table), dtype=bool)}
    for flag in FLAGS:
        masks[flag.replace("flag_", "without_")] = (table[flag] == 0).to_numpy()
    return masks | {"without_flagged": (table[FLAGGED] == 0).to_numpy()}


def root_mean_square(values: Floats) -> float:
    """Zero where there is no value."""
    return float(np.sqrt(np.square(values).mean())) if len(values) else 0.0


def cross_entropy(truth: Ints, scores: Floats) -> float:
    """Mean of minus the log of the probability that was given to the true class."""
    given = scores[np.arange(len(truth)), truth].astype(float)
    return float(-np.log(np.clip(given, 1e-7, None)).mean())


def confusion(truth: Ints, chosen: Ints, classes: int) -> npt.NDArray[np.int64]:
    """Counts; a row is a true class, a column a chosen one."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (truth, chosen), 1)
    return counts


def row_shares(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Each row divided by its sum; a class without a row stays zero."""
    sums = counts.sum(axis=1, keepdims=True)
    return counts / np.where(sums, sums, 1)


def roc_curve(positive: npt.NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """Shares of negatives and of positives at or above each distinct score, falling from the highest, from (0, 0)."""
    order = np.argsort(-score, kind="stable")
    last_of_equals = np.append(np.diff(score[order]) != 0, True)
    hits = np.cumsum(positive[order])[last_of_equals]
    misses = np.cumsum(~positive[order])[last_of_equals]
    return np.append(0.0, misses / misses[-1]), np.append(0.0, hits / hits[-1])


def roc_area(positive: npt.NDArray[np.bool_], score: Floats) -> float | None:
    """Area under the curve, one class against the others; none where either side has no row."""
    if positive.all() or not positive.any():
        return None
    misses, hits = roc_curve(positive, score)
    return float(np.trapezoid(hits.astype(float), misses.astype(float)))


def class_report(counts: npt.NDArray[np.int64], names: Sequence[str]) -> Mapping[str, Any]:
    """Precision, recall and F1 of each class, and their means over the classes that occur or are chosen."""
    support = counts.sum(axis=1)
    rows = {}
    for label, name in enumerate(names):
        right, chosen = int(counts[label, label]), int(counts[:, label].sum())
        rows[name] = {
            "precision": right / chosen if chosen else 0.0,
            "recall": right / int(support[label]) if support[label] else 0.0,
            "f1-score": 2 * right / (chosen + int(support[label])) if chosen + support[label] else 0.0,
            "support": int(support[label]),
        }
    seen = (support + counts.sum(axis=0)) > 0
    return {
        **rows,
        "accuracy": float(np.trace(counts) / counts.sum()),
        "macro avg": _mean(list(rows.values()), seen.astype(float)),
        "weighted avg": _mean(list(rows.values()), support.astype(float)),
    }


def _mean(rows: Sequence[Mapping[str, float]], weights: Floats) -> dict[str, float]:
    means = {name: float(np.average([row[name] for row in rows], weights=weights)) for name in list(rows[0])[:3]}
    return means | {"support": int(sum(row["support"] for row in rows))}


def class_floor(inputs: Floats, truth: Ints) -> float:
    """The best accuracy that any function of these inputs has on these rows: the commonest class of equal inputs."""
    groups = _groups(inputs)
    counts = np.zeros((groups.max() + 1, truth.max() + 1), dtype=np.int64)
    np.add.at(counts, (groups, truth), 1)
    return float(counts.max(axis=1).sum() / len(truth))


def quantity_floor(inputs: Floats, truth: Floats) -> float:
    """The least RMSE that any function of these inputs has on these rows: from the mean of equal inputs."""
    groups = _groups(inputs)
    means = np.bincount(groups, weights=truth) / np.bincount(groups)
    return root_mean_square(means[groups] - truth)


def _groups(inputs: Floats) -> npt.NDArray[np.intp]:
    return np.unique(inputs, axis=0, return_inverse=True)[1].reshape(-1)
