"""The scrape program: four files from a source, or one line with the error."""

import csv
import hashlib
import json

import pandas as pd
import pytest

from pipelines.calcloud.sources.sample import simulated_jobs_csv
from pipelines.calcloud.training_data.features import fit_transform, read_transform


def read_rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def mixed_source(tmp_path):
    """Forty good rows, then one that is no number and one that is impossible."""
    lines = simulated_jobs_csv(40, seed=1).splitlines()
    lines.append("lb4t04020,3,7,0,0,0,1,0,1,1,many,56,0,2021-05-11,1")
    lines.append("lb4t05020,3,7,0,0,0,1,0,0,1,0.5,56,0,2021-05-11,1")
    path = tmp_path / "jobs.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_bad_rows_are_quarantined_whole_and_the_others_used(scrape, mixed_source, tmp_path):
    assert scrape(tmp_path, "--source", mixed_source).returncode == 0
    assert read_rows(tmp_path / "data" / "quarantine.csv") == [
        ["line", "reasons", "row"],
        ["42", "memory: 'many' is not a number", "lb4t04020,3,7,0,0,0,1,0,1,1,many,56,0,2021-05-11,1"],
        [
            "43",
            "dtype: 0 disagrees with ipst lb4t05020 (an association ends in 0)",
            "lb4t05020,3,7,0,0,0,1,0,0,1,0.5,56,0,2021-05-11,1",
        ],
    ]
    assert len(pd.read_csv(tmp_path / "data" / "training.csv")) == 40


def test_the_report_accounts_for_every_row(scrape, mixed_source, tmp_path):
    scrape(tmp_path, "--source", mixed_source)
    report = json.loads((tmp_path / "data" / "report.json").read_text())
    assert (report["rows_read"], report["rows_kept"], report["rows_quarantined"]) == (42, 40, 2)
    assert report["quarantined_by_reason"] == {"dtype": 1, "memory": 1}
    assert report["sha256"] == hashlib.sha256(mixed_source.read_bytes()).hexdigest()


def test_the_transform_is_fitted_on_the_train_rows_only(scrape, tmp_path):
    scrape(tmp_path, "--sample_rows", "200")
    table = pd.read_csv(tmp_path / "data" / "training.csv")
    fitted = read_transform(tmp_path / "models" / "tx_data.json")
    assert fitted == fit_transform(table[table["split"] == "train"])
    assert fitted(table).equals(table[["x_files", "x_size"]])


def test_the_default_source_is_simulated_and_marked(scrape, tmp_path):
    assert scrape(tmp_path).returncode == 0
    assert json.loads((tmp_path / "data" / "report.json").read_text())["simulated"] is True
    assert pd.read_csv(tmp_path / "data" / "training.csv")["simulated"].to_list() == [1] * 3000


def test_the_same_seeds_give_the_same_bytes(scrape, tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        scrape(folder, "--sample_rows", "60", "--sample_seed", "9", "--split_seed", "8")
    for name in ("data/training.csv", "data/report.json", "models/tx_data.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_source_without_a_usable_row_ends_with_its_reasons_written(a_job, a_table, scrape, tmp_path):
    ended = scrape(tmp_path, "--source", a_table(a_job(memory="much")))
    assert ended.returncode == 2
    assert (
        "no row can be used, the first because of memory: 'much' is not a number: see data/quarantine.csv"
        in ended.stderr
    )
    assert read_rows(tmp_path / "data" / "quarantine.csv")[1][:2] == ["2", "memory: 'much' is not a number"]


@pytest.mark.parametrize("content", ["", "name,size\na,1\n", "ipst,n_files\njbt301010,5\n"])
def test_a_wrong_source_ends_with_one_line_and_status_2(content, scrape, tmp_path):
    (tmp_path / "jobs.csv").write_text(content)
    ended = scrape(tmp_path, "--source", "jobs.csv")
    assert ended.returncode == 2
    assert ended.stderr.startswith("python -m pipelines.calcloud.scrape: jobs.csv:1: ")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("arguments", [["--sample_rows", "0"], ["--split_seed", "-1"], ["--sample_seed", "x"]])
def test_a_wrong_argument_ends_with_status_2(arguments, scrape, tmp_path):
    assert scrape(tmp_path, *arguments).returncode == 2


def test_a_place_that_cannot_be_written_ends_with_status_1(scrape, tmp_path):
    (tmp_path / "data").write_text("a file where a folder should be")
    ended = scrape(tmp_path, "--sample_rows", "40")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
