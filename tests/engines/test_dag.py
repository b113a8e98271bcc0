"""The DAG that HTCondor is given: what is written, how much of it, and how fast."""

from __future__ import annotations

import time

import msgspec
import pytest

from framework.engines.htcondor.dag import DagJob, dag_lines, edge_lines
from framework.engines.htcondor.site import read_site
from framework.engines.htcondor.submit_description import SubmissionPaths, memory_expression, memory_steps
from framework.errors import PlanError
from framework.model.run import PlannedCall, PlannedJob, PlannedLateBlock, PlannedRun

PLACES = SubmissionPaths(
    directory="/runs/r/condor/0", run_directory="/runs/r", archive_root="/archive", python="/usr/bin/python3",
    environment={"FW_HOME": "/home of all"}, packages="/code",
)  # fmt: skip


def a_job(number: int, *parents: int, module: str = "make", block: int = 1) -> PlannedJob:
    call = PlannedCall(number=number, module=module, kept=(), unkept=(), inputs=())
    return PlannedJob(
        number=number, block=block, parents=parents, calls=(call,), max_retries=1, cpus=1,
        memory_steps_mb=(100,), time_steps=1,
        shard="plan_0001.jsonl", offset=10 * number, gpus=0, software=(),
    )  # fmt: skip


def a_run(jobs: list[PlannedJob], barriers: bool = False, **more) -> PlannedRun:
    return PlannedRun(
        run="r", attempt=1, archive="home", archive_root="/archive", archive_path="r", barriers=barriers, epilogue="",
        programs=(), software={}, gpus=None, max_running=more.pop("max_running", {}),
        jobs={job.number: job for job in jobs}, **more,
    )  # fmt: skip


def written(run: PlannedRun, **values: str) -> list[str]:
    orders = [DagJob(job=job, memory=(100, 200)) for job in run.jobs.values()]
    return list(
        dag_lines(run, orders, read_site("pool", {"gridtype": "condor"} | values), PLACES, has_other_machines=False)
    )


def test_a_job_is_two_lines_and_those_that_ask_for_the_same_share_a_description():
    lines = written(a_run([a_job(1), a_job(2)]))
    assert [line for line in lines if line.startswith(("JOB", "VARS j", "SUBMIT-DESCRIPTION class"))] == [
        "SUBMIT-DESCRIPTION class1 {",
        "JOB j1 class1",
        'VARS j1 told="plan_0001.jsonl 10 1 1"',
        "JOB j2 class1",
        'VARS j2 told="plan_0001.jsonl 20 2 1"',
    ]


def test_jobs_with_the_same_parents_share_a_line_and_parents_that_are_done_are_left_out():
    jobs = [a_job(1), a_job(2), a_job(3, 1, 2), a_job(4, 1, 2), a_job(5, 3, 99)]
    assert list(edge_lines(a_run(jobs), jobs)) == ["PARENT j1 j2 CHILD j3 j4", "PARENT j3 CHILD j5"]


def test_blocks_that_wait_for_each_other_have_a_node_between_them():
    jobs = [a_job(1), a_job(2), a_job(3, 1, block=2)]
    assert list(edge_lines(a_run(jobs, barriers=True), jobs)) == [
        "JOB after_block1 final NOOP",
        "PARENT j1 j2 CHILD after_block1",
        "PARENT after_block1 CHILD j3",
    ]


def test_a_queue_is_told_what_a_module_asks_of_it():
    job = msgspec.structs.replace(a_job(1), partition="long", account="umn131", gpus=2, walltime_minutes=90)
    grid = [line.strip() for line in written(a_run([job]), gridtype="slurm")]
    assert {"universe = grid", "grid_resource = batch slurm", "request_memory = 100"} <= {*grid}
    assert {"batch_queue = long", "batch_project = umn131", "batch_runtime = 5400"} <= {*grid}
    assert "batch_extra_submit_args = --gres=gpu:2" in grid
    pool = [line.strip() for line in written(a_run([job]))]
    assert {"request_gpus = 2", "accounting_group = umn131"} <= {*pool}
    assert not [line for line in pool if line.startswith("batch_")]


def test_a_late_block_is_a_dag_below_that_is_planned_by_its_script():
    late = (PlannedLateBlock(number=2, name="use", after="cut"), PlannedLateBlock(number=3, name="sum", after="use"))
    lines = written(a_run([a_job(1)], late=late))
    assert [line for line in lines if "late" in line] == [
        "SUBDAG EXTERNAL late2 /runs/r/condor/0/late2.dag",
        "SCRIPT PRE late2 /usr/bin/python3 /runs/r/condor/0/service.py plan /runs/r/condor/0 2",
        "PRE_SKIP late2 100",
        "PARENT j1 CHILD late2",
        "SUBDAG EXTERNAL late3 /runs/r/condor/0/late3.dag",
        "SCRIPT PRE late3 /usr/bin/python3 /runs/r/condor/0/service.py plan /runs/r/condor/0 3",
        "PRE_SKIP late3 100",
        "PARENT late2 CHILD late3",
    ]


def test_a_module_with_a_limit_is_a_category():
    lines = written(a_run([a_job(1), a_job(2, module="other")], max_running={"make": 3}))
    assert [line for line in lines if "CATEGORY" in line or "MAXJOBS" in line] == [
        "CATEGORY j1 module_make",
        "MAXJOBS module_make 3",
    ]


def test_a_throttle_that_the_pool_lacks_becomes_a_category_by_its_weight():
    run = a_run([a_job(1)], concurrency_limits={"make": ("archive:2",)})
    lines = written(run, **{"condor_limits.archive": "5"})
    assert "MAXJOBS limit_archive_2 2" in lines
    assert not any("concurrency_limits" in line for line in lines)


def test_a_throttle_without_a_weight_counts_one_for_each_job():
    lines = written(a_run([a_job(1)], concurrency_limits={"make": ("archive",)}), **{"condor_limits.archive": "5"})
    assert "MAXJOBS limit_archive_1 5" in lines


def test_of_limits_that_are_equally_tight_a_job_has_the_first_by_name():
    run = a_run([a_job(1)], concurrency_limits={"make": ("disk", "archive")}, max_running={"make": 5})
    lines = written(run, **{"condor_limits.archive": "5", "condor_limits.disk": "5"})
    assert [line for line in lines if line.startswith("CATEGORY")] == ["CATEGORY j1 limit_archive_1"]


def test_without_a_shared_file_system_jobs_are_sent_their_files_and_taken_in():
    order = DagJob(job=a_job(1), memory=(), inputs=("a/x.fits", "/runs/r/plan.gz"))
    site = read_site("far", {"gridtype": "condor", "shared_filesystem": "False"})
    lines = list(dag_lines(a_run([order.job]), [order], site, PLACES, has_other_machines=False))
    assert 'VARS j1 told="plan_0001.jsonl.gz 10 1 1" job="1" files="a/x.fits, /runs/r/plan.gz"' in lines
    assert any(line.startswith("SCRIPT POST j1 ") and line.endswith(" 1 $RETURN") for line in lines)


@pytest.mark.parametrize(
    ("least", "declared", "raised", "asked"),
    [
        (100, (), 0, (100, 200, 400, 800)),
        (100, (), 400, (400, 800)),
        (100, (150, 300), 0, (100, 150, 300)),
        (100, (150, 300), 300, (300,)),
        (0, (150,), 0, ()),
    ],
)
def test_a_ladder_begins_where_an_earlier_run_ended(least, declared, raised, asked):
    assert memory_steps(least, declared, raised) == asked


@pytest.mark.parametrize("key", ["infrastructure_retries", "shared_filesystem", "dagman.dagman_max_jobs_idle"])
def test_a_site_with_a_bad_value_is_refused_with_its_name(key):
    with pytest.raises(PlanError, match=r"site pool: .* = perhaps"):
        read_site("pool", {"gridtype": "condor", key: "perhaps"})


def test_a_hundred_thousand_nodes_are_few_lines_each():
    jobs = [a_job(number, *([number - 1000] if number > 1000 else [])) for number in range(1, 100_001)]
    run = a_run(jobs)
    began = time.process_time()
    lines = written(run)
    seconds = time.process_time() - began
    assert len(lines) < 310_000
    assert seconds < 3  # a second where nothing else runs; see benchmarks/condor.py


def test_memory_goes_up_one_step_after_a_hold_and_stays_there_after_anything_else():
    given, held = "(MemoryProvisioned ?: 0)", "LastJobStatus =?= 5 && (LastHoldReasonCode == 34 || "
    said = memory_expression((100, 200, 900))
    assert said.startswith(f"ifThenElse({held}")
    assert said.endswith(
        f", ifThenElse({given} < 100, 100, ifThenElse({given} < 200, 200, 900)), "
        f"ifThenElse({given} >= 900, 900, ifThenElse({given} >= 200, 200, 100)))"
    )
