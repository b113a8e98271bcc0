"""The nine inputs of a job: the published transform, the encodings, and the rows they are fitted on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import PowerTransformer

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.training_data.features import (
    INPUTS,
    Transform,
    fit_transform,
    input_matrix,
    read_transform,
)

#: Of the published model of November 2021.
PUBLISHED = Transform(
    lambdas=(-1.53012642308238, -0.08805165507126637),
    mu=(0.5690156475654576, 2.0786578109854394),
    sigma=(0.04177326202270394, 1.2068026984185416),
)


@pytest.fixture
def sizes():
    random = np.random.default_rng(1)
    return pd.DataFrame({"n_files": random.integers(1, 50, 500), "total_mb": random.integers(0, 900, 500)})


def test_the_published_transform_gives_the_published_numbers():
    sizes = PUBLISHED(pd.DataFrame({"n_files": [5], "total_mb": [69]}))
    assert sizes.round(5).to_dict("list") == {"x_files": [1.01486], "x_size": [1.2145]}


def test_a_fraction_of_a_megabyte_makes_no_difference():
    sizes = PUBLISHED(pd.DataFrame({"n_files": [5, 5], "total_mb": [69, 69.4]}))
    assert sizes["x_size"].nunique() == 1


def test_the_fit_is_that_of_scikit_learn(sizes):
    reference = PowerTransformer().fit_transform(sizes.astype(float))
    assert np.allclose(fit_transform(sizes)(sizes), reference, atol=1e-9)


def test_equal_sizes_do_not_break_the_fit():
    sizes = pd.DataFrame({"n_files": [2, 2], "total_mb": [35, 35]})
    assert fit_transform(sizes)(sizes).to_numpy().tolist() == [[0, 0], [0, 0]]


def test_a_transform_reads_back_as_it_was_written(sizes, tmp_path):
    fitted = fit_transform(sizes)
    fitted.write(tmp_path / "models" / "tx_data.json")
    assert read_transform(tmp_path / "models" / "tx_data.json") == fitted


@pytest.mark.parametrize("text", ["", "[]", '{"lambdas": [1, 2]}', '{"lambdas": [1], "mu": [1], "sigma": [1]}'])
def test_an_invalid_transform_is_refused(text, tmp_path):
    path = tmp_path / "tx_data.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"tx_data\.json: "):
        read_transform(path)


def test_the_inputs_stand_in_the_published_order(a_job):
    row = input_matrix(pd.DataFrame([a_job(crsplit=1, subarray=0, instr=3)]), PUBLISHED)[0]
    assert dict(zip(INPUTS[2:], row[2:].tolist(), strict=True)) == {
        "drizcorr": 1, "pctecorr": 1, "crsplit": 1, "subarray": 0, "detector": 1, "dtype": 1, "instr": 3,
    }  # fmt: skip
