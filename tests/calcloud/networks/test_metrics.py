"""Metrics: those of scikit-learn, and the cases that it leaves open."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from pipelines.calcloud.networks import metrics


@pytest.fixture
def classified():
    random = np.random.default_rng(4)
    truth = random.choice(4, size=400, p=[0.6, 0.3, 0.06, 0.04])
    scores = random.dirichlet(np.ones(4), size=400) + 0.7 * np.eye(4)[truth] * random.random((400, 1))
    return truth, np.round(scores / scores.sum(axis=1, keepdims=True), 3)


def test_figures_of_a_class(classified):
    truth, scores = classified
    chosen = scores.argmax(axis=1)
    figures: dict[str, Any] = metrics.class_metrics(truth, scores)
    assert figures["accuracy"] == reference.accuracy_score(truth, chosen)
    assert figures["macro_f1"] == pytest.approx(reference.f1_score(truth, chosen, average="macro"))
    assert figures["under_provisioned"] + figures["over_provisioned"] == (chosen != truth).sum()


def test_confusion_and_report(classified):
    truth, scores = classified
    chosen = scores.argmax(axis=1)
    counts = metrics.confusion_matrix(truth, chosen, 4)
    assert (counts == reference.confusion_matrix(truth, chosen)).all()
    names = ["2g", "8g", "16g", "64g"]
    expected = reference.classification_report(truth, chosen, target_names=names, output_dict=True)
    report = metrics.class_report(truth, chosen, names)
    for row in (*names, "macro avg", "weighted avg"):
        assert report[row] == pytest.approx(expected[row])


def test_the_area_under_the_curve_counts_equal_scores_right(classified):
    truth, scores = classified
    for label in range(4):
        expected = reference.roc_auc_score(truth == label, scores[:, label])
        assert metrics.roc_area(truth == label, scores[:, label]) == pytest.approx(expected)


def test_a_class_that_no_row_has_has_no_area():
    assert metrics.roc_area(np.array([False, False]), np.array([0.1, 0.2])) is None


def test_the_likeliest_class_counts_even_when_none_reaches_a_half():
    scores = np.array([[0.022, 0.425, 0.424, 0.129]])
    assert metrics.class_metrics(np.array([1]), scores)["accuracy"] == 1


def test_figures_of_a_quantity():
    random = np.random.default_rng(4)
    truth = random.lognormal(size=200)
    predicted = truth + random.normal(size=200)
    figures = metrics.quantity_metrics(truth, predicted)
    assert figures["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, predicted))
    assert figures["mae"] == pytest.approx(reference.mean_absolute_error(truth, predicted))
    assert figures["r2"] == pytest.approx(reference.r2_score(truth, predicted))


def test_no_row_has_no_figures():
    assert metrics.quantity_metrics(np.array([]), np.array([])) == {"rows": 0}


def test_the_floor_is_what_equal_inputs_leave_open():
    inputs = np.array([[1, 1], [1, 1], [1, 1], [2, 2]])
    assert metrics.class_floor(inputs, np.array([0, 0, 1, 3])) == 0.75
    assert metrics.quantity_floor(inputs, np.array([1.0, 2.0, 3.0, 9.0])) == pytest.approx(np.sqrt(0.5))
