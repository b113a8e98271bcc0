"""Training without a framework: a folder with data/latest.csv in, the whole tree out."""

import subprocess
import sys

import pandas as pd
import pytest

from pipelines.calcloud.sources.sample import simulated_jobs_csv

TREE = [
    "data/latest.csv", "data/quarantine.csv", "data/report.json", "data/training.csv",
    "models/champion.npz", "models/mem_clf.json", "models/mem_clf.keras", "models/mem_reg.json",
    "models/mem_reg.keras", "models/tabular.json", "models/tabular.npz", "models/tx_data.json",
    "models/wall_reg.json", "models/wall_reg.keras",
    *(f"results/mem_bin/{name}" for name in (
        "acc_loss.json", "acc_loss.png", "cmx.npy", "cmx.png", "cmx_norm.npy", "fnfp.json", "history.json",
        "report.json", "roc_auc.json", "roc_auc.png", "test_idx.csv", "y_onehot.npy", "y_pred.npy", "y_scores.npy")),
    *(f"results/{target}/{name}" for target in ("memory", "wallclock") for name in (
        "history.json", "loss.json", "loss.png", "predictions.npy", "residuals.npy", "residuals.png", "test_idx.csv")),
    "results/champion.json", "results/summary.json",
]  # fmt: skip


def test_the_whole_tree_is_there(trained):
    found = {str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file()}
    assert sorted(name for name in found if "source_" not in name) == sorted(TREE)


def test_the_table_has_predictions_and_the_former_table_is_kept(trained):
    latest = pd.read_csv(trained / "data" / "latest.csv")
    assert latest[["split", "bin_pred", "mem_pred", "wall_pred"]].notna().all().all()
    sources = list((trained / "data").glob("source_*.csv"))
    assert [path.read_text() for path in sources] == [simulated_jobs_csv(300, seed=1)]


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda folder: folder.rmdir(), "run: no such folder"),
        (lambda folder: None, "latest.csv: no such file"),
        (lambda folder: (folder / "data").mkdir(), "latest.csv: no such file"),
    ],
)
def test_a_folder_without_jobs_ends_with_status_2(make, complaint, run, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    make(folder)
    ended = run("train", folder, cwd=tmp_path)
    assert ended.returncode == 2
    assert complaint in ended.stderr


def test_an_unreadable_table_ends_with_status_2_and_is_left_alone(run, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "latest.csv").write_bytes(b"\xff\xfe\x00")
    ended = run("train", tmp_path, cwd=tmp_path)
    assert ended.returncode == 2
    assert "latest.csv:1: is not CSV text" in ended.stderr
    assert (tmp_path / "data" / "latest.csv").read_bytes() == b"\xff\xfe\x00"


@pytest.mark.parametrize("arguments", [[], ["--seed", "x", "."], ["--epochs", "0", "."], ["--nonsense", "."]])
def test_wrong_arguments_end_with_status_2(arguments, run, tmp_path):
    ended = run("train", *arguments, cwd=tmp_path)
    assert ended.returncode == 2
    assert "error: " in ended.stderr


@pytest.mark.parametrize("verb", ["scrape", "network", "evaluate", "train"])
def test_every_program_has_help_without_heavy_imports(verb):
    program = (
        f"import atexit, sys; from pipelines.calcloud.{verb} import main;"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'pandas', 'matplotlib', 'numpy'};"
        "atexit.register(lambda: print('heavy:', sorted(heavy & set(sys.modules)))); main(['--help'])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith(f"usage: python -m pipelines.calcloud.{verb} ")
    assert ended.stdout.endswith("heavy: []\n")
