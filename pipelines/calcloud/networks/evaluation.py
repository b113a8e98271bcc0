"""Evaluation of a trained network: metrics and the items of its results, from its outputs for train and test rows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.calcloud.networks import metrics
from pipelines.calcloud.networks.architecture import Architecture
from pipelines.calcloud.training_data.inspection import masks_without_flagged

Items = dict[str, object]
History = dict[str, list[float]]


@dataclass(frozen=True)
class NetworkOutputs:
    """Outputs of a network for n jobs, with the truth."""

    #: True class, or quantity in GB or seconds, by dataset.
    truth: pd.Series
    #: Probability of each class, or the quantity: float32 of shape (n, classes) or (n, 1).
    outputs: npt.NDArray[np.float32]

    def select(self, mask: npt.NDArray[np.bool_]) -> "NetworkOutputs":
        """Return the outputs for some of the jobs, by a mask.

        Parameters
        ----------
        mask : NDArray[np.bool_]
            Mask of the n jobs.

        Returns
        -------
        NetworkOutputs
            The outputs and the truth of the jobs in the mask.
        """
        return NetworkOutputs(self.truth[mask], self.outputs[mask])


def network_metrics(network: Architecture, jobs: NetworkOutputs) -> metrics.Metrics:
    """Compute the metrics of a network on these jobs, as `class_metrics` or `quantity_metrics` returns them.

    Parameters
    ----------
    network : Architecture
        The network.
    jobs : NetworkOutputs
        Its outputs for n jobs.

    Returns
    -------
    Metrics
        Metrics of a class, or of a quantity in GB or seconds.
    """
    if network.classes:
        return metrics.class_metrics(jobs.truth.to_numpy(int), jobs.outputs)
    return metrics.quantity_metrics(jobs.truth.to_numpy(float), jobs.outputs[:, 0].astype(float))


def metrics_by_flag(network: Architecture, jobs: NetworkOutputs, table: pd.DataFrame) -> metrics.Metrics:
    """Compute the metrics of a network on all of these jobs, and without those of each kind of doubt.

    Parameters
    ----------
    network : Architecture
        The network.
    jobs : NetworkOutputs
        Its outputs for n jobs.
    table : pandas.DataFrame
        The same n jobs with their flags.

    Returns
    -------
    Metrics
        By selection (`all`, `without_...`), the metrics.
    """
    return {name: network_metrics(network, jobs.select(mask)) for name, mask in masks_without_flagged(table).items()}


def result_items(network: Architecture, train: NetworkOutputs, test: NetworkOutputs, history: History) -> Items:
    """Return all items of a network's results.

    Parameters
    ----------
    network : Architecture
        The network.
    train, test : NetworkOutputs
        Its outputs for the train and the test rows.
    history : History
        By metric, a number for each epoch.

    Returns
    -------
    Items
        By name, the items that the README lists with format and shape.
    """
    if network.classes:
        return _class_items(network.classes, train, test, history)
    return _quantity_items(train, test, history)


def _class_items(classes: tuple[str, ...], train: NetworkOutputs, test: NetworkOutputs, history: History) -> Items:
    truth, train_truth = test.truth.to_numpy(int), train.truth.to_numpy(int)
    # The most probable class: rounded probabilities leave a job without a class where none reaches a half.
    chosen = test.outputs.argmax(axis=1)
    return {
        "acc_loss": {
            "train_acc": float((train.outputs.argmax(axis=1) == train_truth).mean()),
            "train_loss": metrics.cross_entropy(train_truth, train.outputs),
            "test_acc": float((chosen == truth).mean()),
            "test_loss": metrics.cross_entropy(truth, test.outputs),
        },
        "cmx": metrics.confusion_matrix(truth, chosen, len(classes)),
        "cmx_norm": metrics.confusion_matrix(truth, chosen, len(classes), normalize="true"),
        "fnfp": {
            "fn": _misclassified(classes, test, chosen < truth),
            "fp": _misclassified(classes, test, chosen > truth),
        },
        "history": history,
        "report": metrics.class_report(truth, chosen, classes),
        "roc_auc": {name: metrics.roc_area(truth == i, test.outputs[:, i]) for i, name in enumerate(classes)},
        "test_idx": test.truth,
        "y_onehot": np.eye(len(classes), dtype=np.int64)[truth],
        "y_pred": chosen,
        "y_scores": test.outputs,
    }


def _misclassified(
    classes: tuple[str, ...], test: NetworkOutputs, mask: npt.NDArray[np.bool_]
) -> dict[str, list[dict[str, object]]]:
    """Return the datasets of a mask by true class, with the chosen class and all probabilities."""
    found: dict[str, list[dict[str, object]]] = {name: [] for name in classes}
    for row in np.flatnonzero(mask).tolist():
        scores = test.outputs[row]
        found[classes[int(test.truth.iloc[row])]].append(
            {
                "ipst": str(test.truth.index[row]),
                "predicted": classes[int(scores.argmax())],
                "scores": [float(score) for score in scores],
            }
        )
    return found


def _quantity_items(train: NetworkOutputs, test: NetworkOutputs, history: History) -> Items:
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
