"""What comes of a trained network: the items of its results, from what it says of the train and the test rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.calcloud.networks import metrics
from pipelines.calcloud.networks.architecture import Architecture

Items = dict[str, Any]
History = dict[str, list[float]]


@dataclass(frozen=True)
class Judged:
    """Some jobs, and what the network says of them."""

    #: The true class or quantity by dataset.
    truth: pd.Series
    #: A row for each job: the probability of each class, or the quantity.
    outputs: npt.NDArray[np.float32]

    def only(self, mask: npt.NDArray[np.bool_]) -> "Judged":
        """Those jobs that the mask has."""
        return Judged(self.truth[mask], self.outputs[mask])


def judge(network: Architecture, judged: Judged) -> metrics.Figures:
    """How good the network is on these jobs."""
    if network.classes:
        return metrics.class_figures(judged.truth.to_numpy(int), judged.outputs)
    return metrics.quantity_figures(judged.truth.to_numpy(float), judged.outputs[:, 0].astype(float))


def judge_with_and_without_flagged(network: Architecture, judged: Judged, table: pd.DataFrame) -> metrics.Figures:
    """How good the network is on all of these jobs, and on those without each kind of doubt; `table` has the flags."""
    return {name: judge(network, judged.only(mask)) for name, mask in metrics.masks_without_flagged(table).items()}


def result_items(network: Architecture, train: Judged, test: Judged, history: History) -> Items:
    """Everything that is kept of one network, by name."""
    if network.classes:
        return _class_items(network.classes, train, test, history)
    return _quantity_items(train, test, history)


def _class_items(classes: tuple[str, ...], train: Judged, test: Judged, history: History) -> Items:
    truth, train_truth = test.truth.to_numpy(int), train.truth.to_numpy(int)
    # The class is the likeliest one. Rounding the scores instead leaves a job without any where none reaches a half.
    chosen = test.outputs.argmax(axis=1)
    counts = metrics.confusion(truth, chosen, len(classes))
    return {
        "acc_loss": {
            "train_acc": float((train.outputs.argmax(axis=1) == train_truth).mean()),
            "train_loss": metrics.cross_entropy(train_truth, train.outputs),
            "test_acc": float((chosen == truth).mean()),
            "test_loss": metrics.cross_entropy(truth, test.outputs),
        },
        "cmx": counts,
        "cmx_norm": metrics.row_shares(counts),
        "fnfp": {
            "fn": _misjudged(classes, test, chosen < truth),
            "fp": _misjudged(classes, test, chosen > truth),
        },
        "history": history,
        "report": metrics.class_report(counts, classes),
        "roc_auc": {name: metrics.roc_area(truth == i, test.outputs[:, i]) for i, name in enumerate(classes)},
        "test_idx": test.truth,
        "y_onehot": np.eye(len(classes), dtype=np.int64)[truth],
        "y_pred": chosen,
        "y_scores": test.outputs,
    }


def _misjudged(classes: tuple[str, ...], test: Judged, which: npt.NDArray[np.bool_]) -> dict[str, list[dict[str, Any]]]:
    """The datasets of each true class that got another, with all their probabilities."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in classes}
    for row in np.flatnonzero(which).tolist():
        scores = test.outputs[row]
        found[classes[int(test.truth.iloc[row])]].append(
            {
                "ipst": str(test.truth.index[row]),
                "predicted": classes[int(scores.argmax())],
                "scores": [float(score) for score in scores],
            }
        )
    return found


def _quantity_items(train: Judged, test: Judged, history: History) -> Items:
    truth = test.truth.to_numpy(float)
    predicted = test.outputs[:, 0].astype(float)
    residuals = predicted - truth
    train_rmse = metrics.root_mean_square(train.outputs[:, 0] - train.truth.to_numpy(float))
    above, below = residuals[residuals > 0], residuals[residuals < 0]
    test_rmse = metrics.root_mean_square(residuals)
    return {
        "history": history,
        "loss": {
            "train_loss": train_rmse**2,
            "train_rmse": train_rmse,
            "test_loss": test_rmse**2,
            "test_rmse": test_rmse,
            "rmse_pos": metrics.root_mean_square(above),
            "rmse_neg": metrics.root_mean_square(below),
            "l2_norm": float(np.linalg.norm(residuals)),
            "l2_pos": float(np.linalg.norm(above)),
            "l2_neg": float(np.linalg.norm(below)),
        },
        "predictions": np.column_stack([predicted, truth]),
        "residuals": residuals,
        "test_idx": test.truth,
    }
