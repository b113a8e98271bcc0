"""One network a call: the same bytes for the same input, and a file that Keras itself can read."""

import json
import subprocess
import sys
import zipfile

import pytest

NETWORKS = {"mem_bin": "mem_clf", "memory": "mem_reg", "wallclock": "wall_reg"}


@pytest.fixture(scope="module")
def again(trained, network, tmp_path_factory):
    """The classifier and the longest network trained once more, each in a process of its own."""
    folder = tmp_path_factory.mktemp("again")
    for target in ("mem_bin", "wallclock"):
        ended = network(trained, target, NETWORKS[target], "--epochs", "2", "--seed", "3", into=folder)
        assert (ended.returncode, ended.stderr) == (0, "")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("target", ["mem_bin", "wallclock"])
def test_equal_trainings_give_equal_bytes(target, trained, again):
    name = NETWORKS[target]
    assert (again / f"{name}.keras").read_bytes() == (trained / "models" / f"{name}.keras").read_bytes()
    assert (again / f"{name}.json").read_bytes() == (trained / "models" / f"{name}.json").read_bytes()
    files = sorted(path.name for path in (again / target).iterdir())
    assert files == sorted(path.name for path in (trained / "results" / target).iterdir())
    for file in files:
        assert (again / target / file).read_bytes() == (trained / "results" / target / file).read_bytes(), file


@pytest.mark.slow
def test_another_seed_gives_another_model(trained, network, tmp_path):
    network(trained, "memory", "mem_reg", "--epochs", "2", "--seed", "4", into=tmp_path)
    assert (tmp_path / "mem_reg.keras").read_bytes() != (trained / "models" / "mem_reg.keras").read_bytes()


def test_model_files_hold_no_dates(trained):
    for name in NETWORKS.values():
        with zipfile.ZipFile(trained / "models" / f"{name}.keras") as archive:
            assert {part.date_time for part in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert b"date" not in archive.read("metadata.json")


def test_keras_loads_the_published_architectures(trained):
    program = "import sys, keras; print([keras.models.load_model(path).count_params() for path in sys.argv[1:]])"
    files = [str(trained / "models" / f"{name}.keras") for name in NETWORKS.values()]
    ended = subprocess.run([sys.executable, "-c", program, *files], capture_output=True, text=True, check=True)
    assert ended.stdout == "[5785, 5755, 88251]\n"


def test_the_record_has_what_the_model_was_trained_with(trained):
    record = json.loads((trained / "models" / "wall_reg.json").read_text())
    assert record["hyperparameters"] == {
        "optimizer": "adam", "schedule": "half cosine", "seed": 3, "epochs": 2, "batch": 64, "learning_rate": 4e-4,
    }  # fmt: skip
    assert record["rows"] == {"train": 240, "test": 60}
    assert set(record["metrics"]["test"]) == {"all", "without_two_decimals", "without_crsplit", "without_flagged"}
    assert set(record["versions"]) == {"python", "tensorflow", "keras", "numpy", "pandas", "scikit-learn"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--epochs", "0"], "must be 1 or more, not 0"),
        (["--learning_rate", "-1"], "must be above 0, not -1"),
        (["--batch", "many"], "invalid positive_int value: 'many'"),
        (["--transform", "nowhere.json"], "nowhere.json: no such file (scrape writes it)"),
        (["--training", "nowhere.csv"], "nowhere.csv: no such file (scrape writes it)"),
        (["--training", "models/tx_data.json"], "models/tx_data.json: is not CSV"),
    ],
)
def test_a_wrong_argument_ends_with_status_2_and_nothing_written(arguments, complaint, trained, network, tmp_path):
    ended = network(trained, "memory", "mem_reg", *arguments, into=tmp_path)
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert not list(tmp_path.iterdir())


def test_a_training_set_with_another_transform_is_refused(trained, network, tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{"lambdas": [1, 1], "mu": [0, 0], "sigma": [1, 1]}')
    ended = network(trained, "memory", "mem_reg", "--transform", other, into=tmp_path)
    assert ended.returncode == 2
    assert "were not made by this transform" in ended.stderr


@pytest.mark.slow
def test_a_training_that_runs_away_ends_with_status_2(trained, network, tmp_path):
    ended = network(trained, "memory", "mem_reg", "--learning_rate", "1e30", into=tmp_path)
    assert ended.returncode == 2
    assert "the loss is not finite" in ended.stderr
