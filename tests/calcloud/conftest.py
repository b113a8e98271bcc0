"""Small tables of jobs, the programs as their users run them, and one tiny training for many tests."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.calcloud.sources.sample import simulated_jobs_csv

ROOT = Path(__file__).parents[2]
REAL = ROOT / "tests" / "data" / "hst"

GOOD_JOB = {
    "ipst": "jbt301010",
    "n_files": 5,
    "total_mb": 69,
    "drizcorr": 1,
    "pctecorr": 1,
    "crsplit": 2,
    "subarray": 0,
    "detector": 1,
    "dtype": 1,
    "instr": 0,
    "memory": 2.812345,
    "wallclock": 5360,
    "mem_bin": 1,
}


@pytest.fixture
def a_job():
    """A row of the table, good unless something is changed."""
    return lambda **changes: GOOD_JOB | changes


@pytest.fixture
def a_table(tmp_path):
    """A CSV file with these rows."""

    def write(*rows, name="jobs.csv"):
        path = tmp_path / name
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


@pytest.fixture(scope="session")
def run():
    """Run a program in a process and a folder of its own."""

    def run_program(verb, *arguments, cwd):
        command = [sys.executable, "-m", f"pipelines.calcloud.{verb}", *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)

    return run_program


@pytest.fixture(scope="session")
def scrape(run):
    """The scrape program with the file names of a production run."""

    def run_scrape(folder, *arguments):
        outputs = ["--training", "data/training.csv", "--quarantine", "data/quarantine.csv"]
        outputs += ["--report", "data/report.json", "--transform", "models/tx_data.json"]
        return run("scrape", *outputs, *arguments, cwd=folder)

    return run_scrape


@pytest.fixture(scope="session")
def network(run):
    """The network program on a folder with a training set; `into` is where its three outputs go."""

    def run_network(folder, target, name, *arguments, into="again"):
        inputs = ["--training", "data/training.csv", "--transform", "models/tx_data.json"]
        outputs = [
            "--model",
            f"{into}/{name}.keras",
            "--results",
            f"{into}/{target}",
            "--record",
            f"{into}/{name}.json",
        ]
        return run("network", "--target", target, *inputs, *outputs, *arguments, cwd=folder)

    return run_network


@pytest.fixture(scope="session")
def evaluate(run):
    """The evaluate program with the file names of a production run."""

    def run_evaluate(folder):
        inputs = ["--training", "data/training.csv", "--transform", "models/tx_data.json"]
        outputs = ["--latest", "evaluated.csv", "--summary", "evaluated.json"]
        return run("evaluate", *inputs, "--models", "models", "--results", "results", *outputs, cwd=folder)

    return run_evaluate


@pytest.fixture(scope="session")
def trained(run, tmp_path_factory):
    """A folder with the whole tree after two epochs on 300 simulated jobs; read only."""
    folder = tmp_path_factory.mktemp("2021-11-04-1636048291")
    (folder / "data").mkdir()
    (folder / "data" / "latest.csv").write_text(simulated_jobs_csv(300, seed=1))
    ended = run("train", folder, "--epochs", "2", "--seed", "3", cwd=folder)
    assert (ended.returncode, ended.stderr) == (0, "")
    return folder


@pytest.fixture(scope="session")
def hst_jobs(shared_data):
    """Return the path of the table of 57,869 real jobs."""
    return shared_data("hst/hst_jobs.csv.gz")


@pytest.fixture(scope="session")
def hst_headers():
    """Return the files of real header keywords of 21 datasets."""
    return sorted((REAL / "features").glob("*_MemModelFeatures.txt"))


@pytest.fixture(scope="session")
def hst_events():
    """Return the files of real failure events."""
    return sorted((REAL / "events").glob("batch-event-*.yaml"))


@pytest.fixture(scope="session")
def some_jobs():
    """800 simulated jobs as the tabular model takes them, and what they used."""
    import pandas as pd  # start-up

    from pipelines.calcloud.training_data.job_arrays import jobs_of_table  # start-up

    table = pd.read_csv(io.StringIO(simulated_jobs_csv(800, seed=7)))
    return jobs_of_table(table), {target: table[target].to_numpy(float) for target in ("memory", "wallclock")}


@pytest.fixture(scope="session")
def a_model(some_jobs):
    """A tabular model of those jobs."""
    from pipelines.calcloud.tabular.model import fit  # start-up

    return fit(*some_jobs)


@pytest.fixture(scope="session")
def a_model_file(a_model, tmp_path_factory):
    """A file of that tabular model."""
    from pipelines.calcloud.tabular.model_file import write_tabular  # start-up

    path = tmp_path_factory.mktemp("models") / "champion.npz"
    write_tabular(a_model, path, {"simulated": True})
    return path


@pytest.fixture(scope="session")
def aws():
    """S3 and DynamoDB on this machine."""
    from moto.server import ThreadedMotoServer  # optional library

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def boto(aws, monkeypatch):
    import boto3  # optional library

    for name, value in {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    return boto3
