"""Whole DAGs with their submit descriptions, line by line, as they are on record in ``golden_dags/``.

After a change on purpose: ``FW_WRITE_GOLDEN=1 pytest tests/engines/test_golden_dags.py``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from framework.engines.htcondor.dag import DagJob, config_lines, dag_lines, sub_dag_lines
from framework.engines.htcondor.site import read_site
from framework.engines.htcondor.submit_description import SubmissionPaths, memory_steps
from framework.model.run import PlannedCall, PlannedJob, PlannedLateBlock, PlannedRun

GOLDEN = Path(__file__).parent / "golden_dags"
PATHS = SubmissionPaths(
    directory="/runs/r/condor/0", run_directory="/runs/r", archive_root="/archive", python="/usr/bin/python3",
    environment={"FW_HOME": "/home/o'neill", "PATH": "/bin:/usr/bin"}, packages="/packages",
)  # fmt: skip
SITES = {
    "shared": {},
    "transfer": {"shared_filesystem": "False"},
    "slurm": {"gridtype": "slurm"},
    "strict": {
        "hold_over_memory": "no", "machine_requirements": 'Arch == "X86_64"', "infrastructure_retries": "7",
        "dagman.dagman_max_jobs_idle": "5", "condor_submit.Rank": "Memory", "condor_limits.db": "4",
    },
}  # fmt: skip


def a_job(number: int, block: int, parents: tuple[int, ...], memory: tuple[int, ...], **more: Any) -> PlannedJob:
    calls = tuple(
        PlannedCall(number=call, module=module, kept=("a",), unkept=(), inputs=("x",))
        for call, module in ((number, f"m{number % 3}"), (100 + number, "last"))
    )
    return PlannedJob(
        number=number, block=block, parents=parents, calls=calls, max_retries=number % 2, cpus=number,
        memory_steps_mb=memory, time_steps=2, shard="plan_0001.jsonl", offset=100 * number, gpus=number // 3,
        software=(), **more,
    )  # fmt: skip


def a_plan() -> PlannedRun:
    jobs = [
        a_job(1, 1, (), (100,)),
        a_job(2, 1, (1,), (100, 200, 400)),
        a_job(3, 2, (1, 2), (0,), disk_mb=7, partition="long", account="survey", walltime_minutes=9),
    ]
    late = (
        PlannedLateBlock(number=3, name="later", after="second"),
        PlannedLateBlock(number=4, name="last", after="later"),
    )
    return PlannedRun(
        run="r", attempt=1, archive="home", archive_root="/archive", archive_path="u", barriers=True, epilogue="",
        programs=(), software={}, gpus=None, max_running={"m1": 3, "last": 2}, jobs={job.number: job for job in jobs},
        late=late, concurrency_limits={"m2": ("db:2", "licence")},
    )  # fmt: skip


@pytest.mark.parametrize("name", SITES)
def test_the_dag_of_a_site_is_as_it_is_on_record(name):
    plan, site = a_plan(), read_site(name, {"python": "/opt/python3", **SITES[name]})
    jobs = [
        DagJob(
            job=job, memory=memory_steps(job.memory_mb, job.memory_steps_mb[1:], 170 * (job.number % 2)),
            orders="orders_0001.jsonl" if job.number == 2 else "", orders_at=5 if job.number == 2 else -1,
            inputs=("a.fits", 'b"c'),
        )
        for job in plan.jobs.values()
    ]  # fmt: skip
    text = "\n".join(
        ["# run.dag", *dag_lines(plan, jobs, site, PATHS, has_other_machines=True),
         "# late3.dag", *sub_dag_lines(plan, jobs[2:], site, PATHS, has_other_machines=False),
         "# dagman.config", *config_lines(site), ""]
    )  # fmt: skip
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("FW_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
