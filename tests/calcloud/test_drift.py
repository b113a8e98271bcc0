"""Drift: verdicts on models from lists of planned and used memory and time."""

from typing import Any

import numpy as np
import pytest

from pipelines.calcloud.drift import drift_metrics, main, read_pairs
from pipelines.calcloud.program.errors import InputError


@pytest.fixture
def a_list(tmp_path):
    """A list as calcloud_drift.wcl writes it, of jobs whose times are off by these factors."""

    def write(factors, run="N1_r1p01", used_gb=1.0):
        path = tmp_path / "pairs.csv"
        lines = [f"m/{number}.json, {run}, abc, 1.0, {used_gb}, 100, {100 * x}\n" for number, x in enumerate(factors)]
        path.write_text("".join(lines))
        return path

    return write


def test_a_model_whose_plans_are_near_what_is_used_fits(a_list):
    random = np.random.default_rng(1)
    found = drift_metrics(read_pairs(a_list(np.exp(random.normal(0, 0.2, 200)))))
    assert (found["fits"], found["wrong"], found["models"]) == (True, [], ["abc"])


@pytest.mark.parametrize(
    ("factors", "used_gb", "says"),
    [
        ([1.5] * 50, 1.0, "times are off in one direction, by +0.41"),
        ([0.3, 3.0] * 50, 1.0, "times are off by 1.15"),
        ([1.0] * 50, 3.0, "100.0% needed a larger machine"),
    ],
)
def test_a_model_that_no_longer_fits_is_reported_with_the_reasons(a_list, factors, used_gb, says):
    found: dict[str, Any] = drift_metrics(read_pairs(a_list(factors, used_gb=used_gb)))
    assert found["fits"] is False
    assert says in found["wrong"]


def test_a_few_jobs_say_nothing(a_list):
    assert drift_metrics(read_pairs(a_list([9.0] * 5)))["fits"] is None


def test_the_verdict_and_the_picture_are_written(a_list, tmp_path, capsys):
    outputs = ["--verdict", str(tmp_path / "drift.json"), "--figure", str(tmp_path / "drift.png")]
    assert main([str(a_list([1.5] * 50)), *outputs]) == 0
    assert "N1_r1p01: the model no longer fits" in capsys.readouterr().out
    first = (tmp_path / "drift.png").read_bytes()
    main([str(a_list([1.5] * 50)), *outputs])
    assert (tmp_path / "drift.png").read_bytes() == first


@pytest.mark.parametrize("text", ["", "a, b\n", "p, r, m, 1, 1, 1, x\n", "p, r, m, 1, 1, 0, 1\n"])
def test_an_invalid_list_is_refused(text, tmp_path):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(InputError, match=r"pairs\.csv: "):
        read_pairs(tmp_path / "pairs.csv")
