"""A campaign of Hubble jobs on this machine: planned by a model of older jobs, run as planned, and learned.

    python -m benchmarks.calcloud_campaign [--datasets 2000] [--jobs ../shared/data/hst/hst_jobs.csv.gz]

The model is trained on the real jobs up to 11 May 2021. Later datasets are planned and run through
calcloud_process.wcl; in place of the instruments' programs stand programs that really allocate the memory and take the
time that the table says, scaled down to this machine. Then the model is trained again from `registry:` and the old
jobs, and both models are judged by other later datasets.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.calcloud.planning.ladder import read_ladder
from pipelines.calcloud.planning.planning_metrics import planning_metrics
from pipelines.calcloud.tabular.model_file import read_tabular
from pipelines.calcloud.training_data.job_arrays import jobs_of_table

ROOT = Path(__file__).parents[1]
TABLE = ROOT.parent / "shared" / "data" / "hst" / "hst_jobs.csv.gz"
MEMORY_SCALE, TIME_SCALE = 1 / 8, 1 / 400
#: The driver of a job, and what Python takes to start on a busy machine.
OVERHEAD_MB, OVERHEAD_S = 24, 2.0
LONGEST_S, LARGEST_GB = 4000, 14.0
LAST_OLD_DAY = "2021-05-11"

STAND_IN = '''#!{python} -SI
"""A stand-in for an instrument's calibration: takes the memory and the time of a table, and says so."""
import os, sys, time
name = os.path.basename(os.getcwd())
with open("{table}") as table:
    memory_mb, seconds = next(map(float, line.split()[1:]) for line in table if line.startswith(name))
print(f"stand-in for {{os.path.basename(sys.argv[0])}}: {{memory_mb:.0f}} MB, {{seconds:.2f}} s", flush=True)
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6
held = []
while (missing := memory_mb - resident()) > 0:
    held.append(bytearray(b"x") * int(min(missing, 64) * 1e6 + 4096))
with open("/proc/self/stat") as file:
    began = int(file.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
with open("/proc/uptime") as file:
    left = seconds - (float(file.read().split()[0]) - began)
time.sleep(max(0.0, left))
with open(name + "_flt.fits", "w") as file:
    file.write("stand-in")
'''
PROGRAMS = ("calacs.e", "calwf3.e", "calcos", "cs0.e")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=2000)
    parser.add_argument("--jobs", type=Path, default=TABLE)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--seed", type=int, help="of the choice of datasets (chance, if not given)")
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="calcloud-campaign-"))
    try:
        return campaign(place, arguments)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def campaign(place: Path, arguments: argparse.Namespace) -> int:
    table = pd.read_csv(arguments.jobs)
    # A few rows have fractions of MB and raw numbers of exposures; features files are made of what all have.
    table["total_mb"], table["crsplit"] = table["total_mb"].round(), table["crsplit"].clip(upper=2)
    old = table[table["src_date"] <= LAST_OLD_DAY]
    fits = (table["wallclock"] <= LONGEST_S) & (table["memory"] <= LARGEST_GB) & (table["legacy_2dp"] == 0)
    later = table[(table["src_date"] > LAST_OLD_DAY) & fits].sample(2 * arguments.datasets, random_state=arguments.seed)
    run, held_out = later.iloc[: arguments.datasets], later.iloc[arguments.datasets :]
    old.to_csv(place / "old.csv", index=False)
    prepare(place, run)
    environment = {
        **os.environ,
        "FW_HOME": str(place / "home"),
        "PATH": f"{place / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }

    def do(*command: object, ok: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [str(word) for word in command], cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode not in ok:
            raise SystemExit(f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def train(source: str, folder: str) -> Path:
        outputs = [f"--{key}={folder}/{key}" for key in ("training", "quarantine", "report", "transform")]
        do(sys.executable, "-m", "pipelines.calcloud.scrape", "--source", source, *outputs)
        model = place / folder / "model.npz"
        do(
            sys.executable, "-m", "pipelines.calcloud.learn", f"--training={folder}/training",
            f"--transform={folder}/transform", f"--model={model}", f"--record={folder}/record.json",
        )  # fmt: skip
        return model

    before = train("old.csv", "before")
    do(
        sys.executable, "-m", "pipelines.calcloud.plan", "none", "campaign", "@names", "--features", "inputs",
        "--model", before, "--out", "plan.jsonl", "--no-stamp",
    )  # fmt: skip
    began = time.monotonic()
    settings = {
        "plan": "plan.jsonl", "inputs": "inputs", "unitname": "campaign", "memory_scale": MEMORY_SCALE,
        "time_scale": TIME_SCALE, "overhead_mb": OVERHEAD_MB, "overhead_s": OVERHEAD_S,
    }  # fmt: skip
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    do(
        "fwsubmit", ROOT / "pipelines" / "calcloud_process.wcl", *words, "--slots", arguments.slots, ok=(0, 1)
    )  # fmt: skip
    seconds = time.monotonic() - began
    after = train("registry:,old.csv", "after")
    print_results(place, environment, arguments.datasets, seconds)
    print()
    ladder = read_ladder()
    for name, model in (("before", before), ("after", after)):
        prediction = read_tabular(model).model.predict(jobs_of_table(held_out), ladder.edges_gb)
        figures = planning_metrics(
            ladder, prediction, held_out["memory"].to_numpy(), held_out["wallclock"].to_numpy(float)
        )
        print(
            f"{name:7} on {len(held_out)} other later datasets: time off by {figures['log_rmse']:.3f} (log), "
            f"{figures['mae']:.0f} s; bins right {figures['accuracy']:.4f}, too small {figures['under_provisioned']}; "
            f"cost {figures['planned_cost_ratio']:.4f}; within the limit {figures['coverage']:.4f}"
        )
    return 0


def prepare(place: Path, rows: pd.DataFrame) -> None:
    """Inputs of each dataset, the table of the stand-ins, and the stand-ins under the names of the programs."""
    (place / "bin").mkdir()
    for program in PROGRAMS:
        path = place / "bin" / program
        path.write_text(STAND_IN.format(python=sys.executable, table=place / "use.txt"))
        path.chmod(0o755)
    lines = []
    for row in rows.to_dict("records"):
        folder = place / "inputs"
        folder.mkdir(exist_ok=True)
        kind = "rawtag" if row["instr"] == 1 else "raw"
        (folder / f"{row['ipst']}_{kind}.fits").write_text(f"stands for the raw files of {row['ipst']}")
        (folder / f"{row['ipst']}_MemModelFeatures.txt").write_text(
            features_text({str(key): value for key, value in row.items()})
        )
        lines.append(f"{row['ipst']} {row['memory'] * 1000 * MEMORY_SCALE:.3f} {row['wallclock'] * TIME_SCALE:.4f}\n")
    (place / "use.txt").write_text("".join(lines))
    (place / "names").write_text("".join(f"{name}\n" for name in rows["ipst"]))


def features_text(row: dict[str, Any]) -> str:
    steps = {1: "PERFORM", 0: "OMIT"}
    lines = [f"n_files={row['n_files']}", f"total_mb={row['total_mb']}", f"SUBARRAY={bool(row['subarray'])}"]
    lines += [f"{key.upper()}={steps[row[key]]}" for key in ("drizcorr", "pctecorr")]
    lines.append(f"DETECTOR={'WFC' if row['detector'] else 'IR'}")
    lines += [f"CRSPLIT={row['crsplit']}"] if row["crsplit"] else []
    return "\n".join(lines) + "\n"


def print_results(place: Path, environment: dict[str, str], datasets: int, seconds: float) -> None:
    """Print the results of the campaign, from the registry."""

    def ask(statement: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            ["fw", "sql", "--json", statement], cwd=place, env=environment, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    tries = ask("select w.wrapnum n, w.trynum t, k.status s from pfw_wrapper w, task k where k.id = w.task_id")
    last: dict[object, tuple[int, int]] = {}
    for row in tries:
        last[row["n"]] = max(last.get(row["n"], (0, 0)), (int(row["t"]), int(row["s"])))
    statuses = np.array([int(row["s"]) for row in tries])
    done = sum(status == 0 for _, status in last.values())
    print(f"{datasets} datasets in {seconds:.0f} s: {done} ended well, {len(last) - done} with a verdict")
    print(
        f"{len(tries)} tries: {(statuses == 137).sum()} ended for want of memory, {(statuses == 124).sum()} of time, "
        f"{(~np.isin(statuses, (0, 124, 137))).sum()} otherwise; {sum(tried > 1 for tried, _ in last.values())} "
        f"datasets were tried again, {max(tried for tried, _ in last.values())} times at most"
    )
    for row in ask(
        "select m.message m from task_message m, task k where m.task_id = k.id and m.message_lvl = 1 limit 3"
    ):
        print(f"  {row['m']}")


if __name__ == "__main__":
    raise SystemExit(main())
