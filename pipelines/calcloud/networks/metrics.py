"""Metrics of predictions of a class and of a quantity, by scikit-learn, and the noise floor of both."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sklearn_metrics

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Metrics = dict[str, object]

#: Least probability in the cross-entropy, the one that Keras uses.
_LEAST_PROBABILITY = 1e-7


def class_metrics(truth: Ints, scores: Floats) -> Metrics:
    """Compute the metrics of predicted machines.

    Parameters
    ----------
    truth : NDArray[np.integer]
        True class of n jobs.
    scores : NDArray[np.floating]
        Probabilities, shape (n, classes); the most probable class is the chosen one.

    Returns
    -------
    Metrics
        Numbers of jobs (`rows`; `under_provisioned` and `over_provisioned` with too small and too large a machine),
        `accuracy`, `loss` (mean cross-entropy) and `macro_f1`; only `rows` if there is no job.
    """
    if not len(truth):
        return {"rows": 0}
    chosen = scores.argmax(axis=1)
    return {
        "rows": len(truth),
        "accuracy": float(sklearn_metrics.accuracy_score(truth, chosen)),
        "loss": cross_entropy(truth, scores),
        "macro_f1": float(sklearn_metrics.f1_score(truth, chosen, average="macro", zero_division=0)),
        "under_provisioned": int((chosen < truth).sum()),
        "over_provisioned": int((chosen > truth).sum()),
    }


def quantity_metrics(truth: Floats, predicted: Floats) -> Metrics:
    """Compute the metrics of a predicted quantity.

    Parameters
    ----------
    truth, predicted : NDArray[np.floating]
        True and predicted values of n jobs, in GB or seconds.

    Returns
    -------
    Metrics
        `rmse`, `mae` and `bias` in the same unit, `median_relative_error` and `r2` (None if all true values are equal)
        without unit, and numbers of jobs; only `rows` if there is no job.
    """
    if not len(truth):
        return {"rows": 0}
    error = predicted - truth
    return {
        "rows": len(truth),
        "rmse": root_mean_square(error),
        "mae": float(sklearn_metrics.mean_absolute_error(truth, predicted)),
        "bias": float(error.mean()),
        "median_relative_error": float(np.median(np.abs(error) / truth)),
        "r2": float(sklearn_metrics.r2_score(truth, predicted)) if np.ptp(truth) else None,
        "under_predicted": int((error < 0).sum()),
        "over_predicted": int((error > 0).sum()),
    }


def root_mean_square(values: Floats) -> float:
    """Return the root of the mean square, in the unit of the values; zero if there is none.

    Parameters
    ----------
    values : NDArray[np.floating]
        n values, in GB or seconds.

    Returns
    -------
    float
        In the same unit.
    """
    return float(np.sqrt(np.square(values).mean())) if len(values) else 0.0


def cross_entropy(truth: Ints, scores: Floats) -> float:
    """Return the mean cross-entropy as Keras computes it: probabilities are clipped at 1e-7.

    Parameters
    ----------
    truth : NDArray[np.integer]
        True class of n jobs.
    scores : NDArray[np.floating]
        Probabilities, shape (n, classes).

    Returns
    -------
    float
        In nats. `sklearn.metrics.log_loss` clips at another probability.
    """
    probability = scores[np.arange(len(truth)), truth].astype(float)
    return float(-np.log(np.clip(probability, _LEAST_PROBABILITY, None)).mean())


def confusion_matrix(truth: Ints, chosen: Ints, classes: int, normalize: str | None = None) -> npt.NDArray[Any]:
    """Count jobs by true and chosen class.

    Parameters
    ----------
    truth, chosen : NDArray[np.integer]
        True and chosen class of n jobs.
    classes : int
        Number of classes.
    normalize : str | None
        `true` to divide each row by its sum.

    Returns
    -------
    NDArray[np.int64] or NDArray[np.float64]
        Shape (classes, classes): rows are true classes, columns chosen ones. A class without a job has zeros.
    """
    found: npt.NDArray[Any] = sklearn_metrics.confusion_matrix(
        truth, chosen, labels=range(classes), normalize=normalize
    )
    return found


def roc_curve(positive: npt.NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """Return the receiver operating characteristic of one class.

    Parameters
    ----------
    positive : NDArray[np.bool_]
        True for the jobs of the class, shape (n,).
    score : NDArray[np.floating]
        Probability of the class for each job.

    Returns
    -------
    false_positives, true_positives : NDArray[np.float64]
        Shares from (0, 0) to (1, 1), a point for each distinct score.
    """
    false_positives, true_positives, _ = sklearn_metrics.roc_curve(positive, score, drop_intermediate=False)
    return false_positives, true_positives


def roc_area(positive: npt.NDArray[np.bool_], score: Floats) -> float | None:
    """Return the area under the curve of `roc_curve`; None if all jobs or no job are of the class.

    Parameters
    ----------
    positive : NDArray[np.bool_]
        True for the jobs of the class, shape (n,).
    score : NDArray[np.floating]
        Probability of the class for each job.

    Returns
    -------
    float | None
        Between 0 and 1.
    """
    if positive.all() or not positive.any():
        return None
    return float(sklearn_metrics.roc_auc_score(positive, score))


def class_report(truth: Ints, chosen: Ints, names: Sequence[str]) -> Mapping[str, Any]:
    """Return precision, recall and F1 of each class and their means.

    Parameters
    ----------
    truth, chosen : NDArray[np.integer]
        True and chosen class of n jobs.
    names : Sequence[str]
        Names of the classes.

    Returns
    -------
    Mapping[str, Any]
        As `sklearn.metrics.classification_report`, with a row for each class, also for one without a job; the means
        are those of the classes that occur or are chosen.
    """
    rows = sklearn_metrics.precision_recall_fscore_support(truth, chosen, labels=range(len(names)), zero_division=0)
    report: dict[str, object] = {name: _report_row(row) for name, *row in zip(names, *rows, strict=True)}
    report["accuracy"] = float(sklearn_metrics.accuracy_score(truth, chosen))
    for average in ("macro", "weighted"):
        means = sklearn_metrics.precision_recall_fscore_support(truth, chosen, average=average, zero_division=0)
        report[f"{average} avg"] = _report_row([*means[:3], len(truth)])
    return report


def _report_row(row: Sequence[Any]) -> dict[str, float]:
    precision, recall, f1, support = row
    return {"precision": float(precision), "recall": float(recall), "f1-score": float(f1), "support": int(support)}


def class_floor(inputs: Floats, truth: Ints) -> float:
    """Return the best accuracy of any function of the inputs: that of the commonest class of equal inputs.

    Parameters
    ----------
    inputs : NDArray[np.floating]
        Inputs of n jobs, shape (n, columns).
    truth : NDArray[np.integer]
        Their true class.

    Returns
    -------
    float
        Share of the jobs.
    """
    groups = _groups(inputs)
    counts = np.zeros((groups.max() + 1, truth.max() + 1), dtype=np.int64)
    np.add.at(counts, (groups, truth), 1)
    return float(counts.max(axis=1).sum() / len(truth))


def quantity_floor(inputs: Floats, truth: Floats) -> float:
    """Return the least RMSE of any function of the inputs: that of the mean of equal inputs.

    Parameters
    ----------
    inputs : NDArray[np.floating]
        Inputs of n jobs, shape (n, columns).
    truth : NDArray[np.floating]
        Their true values, in GB or seconds.

    Returns
    -------
    float
        In the same unit.
    """
    groups = _groups(inputs)
    means = np.bincount(groups, weights=truth) / np.bincount(groups)
    return root_mean_square(means[groups] - truth)


def _groups(inputs: Floats) -> npt.NDArray[np.intp]:
    """Return a number for each row, equal for equal rows."""
    return np.unique(inputs, axis=0, return_inverse=True)[1].reshape(-1)
