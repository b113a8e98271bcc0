"""What engines and workers are told of a plan, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from framework.engines.plan_files import PlanFiles
from framework.engines.plan_records import json_line, late_block_summary, planned_job, run_summary, shard_header
from framework.model.job import Call, Environment, Exec, File, Job, Needs
from framework.model.plan import Block, Identity, LateBlock, Module, Plan
from framework.model.run import PlannedCall, PlannedJob, PlannedLateBlock, PlannedRun


def a_file(path: str, **more: Any) -> File:
    return File(label=path, filetype="x", path=path, job_path=path, **more)


def a_call(number: int = 1, module: str = "m", **more: Any) -> Call:
    given: dict[str, Any] = {
        "inputs": (), "outputs": (), "execs": (Exec(number=1, program="p", argv=("p",)),), "needs": Needs()
    }  # fmt: skip
    return Call(number=number, module=module, wrapper="generic", keys={}, log=a_file("log"), **{**given, **more})


def a_job(*calls: Call, number: int = 1, **more: Any) -> Job:
    return Job(number=number, block=1, keys="", calls=calls, **more)


def a_plan(*jobs: Job, **more: Any) -> Plan:
    modules = (
        Module(name="m", number=1, calls=2, max_running=3, concurrency_limits=("db",)),
        Module(name="n", number=2, calls=1),
    )
    identity = Identity(
        reqnum=7,
        unitname="U",
        attnum=2,
        run="U_r7p02",
        project="P",
        campaign="C",
        pipeline="x",
        operator="me",
        jira_id="J",
    )
    given: dict[str, Any] = {
        "blocks": (Block(number=1, name="one", modules=modules, jobs=jobs),), "archive_path": "P/U", "archive": "home",
        "archive_root": "/archive", "target_site": "local", "site": {"gridtype": "local"}, "barriers": True,
        "kept_values": {}, "epilogue": "done", "software": {}, "gpus": 2,
    }  # fmt: skip
    return Plan(identity=identity, **{**given, **more})


STACK = {"environment stack": Environment(name="stack", setup=("s.sh",), setup_minutes=5.0)}
STACK_RECORD = {"environment stack": {"kind": "environment", "name": "stack", "setup": ("s.sh",), "setup_minutes": 5.0}}


def test_a_job_asks_for_the_most_that_one_of_its_calls_needs():
    one = Needs(memory_steps_mb=(100, 400), disk_mb=7, cpus=2, walltime_steps_minutes=(1.5, 3.0), account="survey")
    two = Needs(memory_steps_mb=(200, 300, 500), cpus=1, gpus=1, walltime_steps_minutes=(2.0,), partition="long")
    job = a_job(
        a_call(1, needs=one, software="b", max_retries=1), a_call(2, "n", needs=two, software="a"), parents=(4,)
    )
    assert planned_job(job, "plan_0002.jsonl", 33) == PlannedJob(
        number=1, block=1, parents=(4,), max_retries=1, cpus=2, memory_steps_mb=(200, 400, 500), time_steps=2,
        calls=tuple(PlannedCall(number=n, module=m, kept=(), unkept=(), inputs=()) for n, m in ((1, "m"), (2, "n"))),
        shard="plan_0002.jsonl", offset=33, gpus=1, software=("a", "b"), disk_mb=7, partition="long", account="survey",
        walltime_minutes=7,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "asked"),
    [
        ([], (0,)),
        ([()], (0,)),
        ([(5,)], (5,)),
        ([(), (5, 6)], (5, 6)),
        ([(9,), (5, 6)], (9, 9)),
        ([(1, 8), (5, 6)], (5, 8)),
    ],
)
def test_memory_rises_step_by_step_with_the_call_that_needs_most(steps, asked):
    calls = [a_call(n, needs=Needs(memory_steps_mb=each)) for n, each in enumerate(steps or [()])]
    assert planned_job(a_job(*calls), "s", 0).memory_steps_mb == asked


@pytest.mark.parametrize(("times", "minutes"), [([()], 0), ([(1.2,)], 2), ([(1.0,), (2.0, 4.0)], 7), ([(1.0,), ()], 0)])
def test_a_job_whose_calls_all_have_a_limit_has_the_sum_of_all_steps(times, minutes):
    calls = [a_call(n, needs=Needs(walltime_steps_minutes=each)) for n, each in enumerate(times)]
    assert planned_job(a_job(*calls), "s", 0).walltime_minutes == minutes


def test_a_call_keeps_what_is_surely_there_and_reads_what_lies_in_the_archive():
    outputs = (
        a_file("kept", compression=".gz"), a_file("maybe", optional=True), a_file("wild*", pattern="wild.*"),
        a_file("gone", saved=False, compression=".gz"), a_file("gone*", saved=False, pattern="gone.*"),
    )  # fmt: skip
    inputs = (a_file("in", compression=".fz"), a_file("/out", external=True))
    (call,) = planned_job(a_job(a_call(outputs=outputs, inputs=inputs)), "s", 0).calls
    assert call == PlannedCall(number=1, module="m", kept=("kept.gz",), unkept=("gone",), inputs=("in.fz",))


def test_a_shard_begins_with_what_its_jobs_share_and_only_with_that():
    least = {"format": 2, "run": "U_r7p02", "attempt": 5, "archive": "home", "archive_root": "/archive", "shard": "s"}
    assert shard_header(a_plan(), 5, "s", has_format_1=False) == least
    assert "format" not in shard_header(a_plan(), 5, "s", has_format_1=True)
    rich = a_plan(software=STACK, max_transfers=3, keeps_junk=True, compression_args=("-q", "4"))
    assert shard_header(rich, 5, "s", has_format_1=False) == {
        **least, "software": STACK_RECORD, "max_transfers": 3, "junk": "P/U/junk", "compression_args": ("-q", "4")
    }  # fmt: skip


LATE = LateBlock(number=2, name="two", after="one", modules=())


def test_the_summary_of_a_run_says_all_that_its_jobs_do_not():
    staged = a_file("in", compression=".gz", staged_from="far")
    plan = a_plan(
        a_job(a_call(inputs=(staged, a_file("here")), software="environment stack")), software=STACK, late=(LATE,),
        carried={"m.list.x": []}, deliver_to="far", submit_directory="/work",
    )  # fmt: skip
    assert run_summary(plan, 5) == {
        "run": "U_r7p02", "attempt": 5, "archive": "home", "archive_root": "/archive", "archive_path": "P/U",
        "barriers": True, "epilogue": "done", "gpus": 2, "deliver_to": "far", "target_site": "local",
        "site": {"gridtype": "local"}, "submit_directory": "/work",
        "identity": {
            "reqnum": 7, "unitname": "U", "attnum": 2, "run": "U_r7p02", "project": "P", "campaign": "C",
            "pipeline": "x", "operator": "me", "jira_id": "J",
        },
        "late": [{"number": 2, "name": "two", "after": "one"}], "programs": [("p", "environment stack")],
        "software": STACK_RECORD, "max_running": {"m": 3}, "concurrency_limits": {"m": ("db",)},
        "carried": {"m.list.x": []}, "staging": {"in.gz": ("far", "in")},
    }  # fmt: skip
    assert late_block_summary(plan, plan.blocks[0])["modules"] == {"m": 2, "n": 1}


@pytest.fixture
def files(tmp_path):
    return PlanFiles(tmp_path)


def test_a_plan_is_read_as_it_was_written(files):
    jobs = [a_job(a_call(number), number=number, parents=(number - 1,)) for number in (1, 2, 3)]
    plan = a_plan(*jobs, late=(LATE,), software=STACK)
    assert not files.are_complete
    files.write(plan, 5)
    assert files.are_complete
    run = files.read()
    assert {number: (job.shard, job.parents) for number, job in run.jobs.items()} == {
        number: ("plan_0001.jsonl", (number - 1,)) for number in (1, 2, 3)
    }
    assert (run.attempt, run.version, run.late) == (5, 1, (PlannedLateBlock(number=2, name="two", after="one"),))
    assert list(files.read_jobs(run)) == jobs
    shard = (files.directory / "plan_0001.jsonl").read_bytes()
    assert [shard[job.offset :].startswith(b'{"number":%d' % number) for number, job in run.jobs.items()] == [True] * 3


def test_many_jobs_fill_several_shards(files):
    files.write(a_plan(*(a_job(a_call(number), number=number) for number in range(1, 402))), 5)
    shards = [job.shard for job in files.read().jobs.values()]
    assert (shards.count("plan_0001.jsonl"), shards.count("plan_0002.jsonl")) == (400, 1)


def test_a_planned_late_block_adds_its_jobs_and_all_that_they_need(files):
    files.write(a_plan(a_job(a_call()), late=(LATE, LateBlock(number=3, name="three", after="two", modules=()))), 5)
    staged = a_file("in", staged_from="far")
    later = a_plan(a_job(a_call(9, "n", inputs=(staged,)), number=8), software=STACK, carried={"n.list.y": []})
    block = Block(
        number=2, name="two", modules=(Module(name="n", number=1, calls=1, max_running=4),), jobs=later.blocks[0].jobs
    )
    late = a_plan(software=STACK, carried={"n.list.y": []}, blocks=(block,))
    files.write_late_block(late, files.read())
    run = files.read()
    assert {number: job.shard for number, job in run.jobs.items()} == {1: "plan_0001.jsonl", 8: "plan_0002.jsonl"}
    assert run.late == (PlannedLateBlock(number=3, name="three", after="two"),)
    assert run.planned_late == {2: {"n": 1}}
    assert (run.max_running, run.staging) == ({"m": 3, "n": 4}, {"in": ["far", "in"]})
    assert run.software["environment stack"]["setup"] == ["s.sh"]
    assert (run.carried, run.concurrency_limits) == ({"n.list.y": []}, {"m": ["db"]})
    assert run.programs == (("p", ""), ("p", ""))


def test_a_changed_plan_stands_beside_the_one_before(files):
    files.write(a_plan(a_job(a_call())), 5)
    before: PlannedRun = files.read()
    files.write_changed(a_plan(a_job(a_call(max_retries=3))), before, {1: 4})
    changed = files.read()
    assert (changed.version, changed.since, changed.attempt) == (2, {1: 4}, 5)
    assert [(job.shard, job.max_retries) for job in changed.jobs.values()] == [("plan_0002.jsonl", 3)]
    files.set_attempt(6)
    assert (files.read().attempt, files.read().version) == (6, 2)


def test_a_path_that_is_not_text_is_written_as_python_keeps_it():
    assert json.loads(json_line(a_file("a\udcff.fits")))["path"] == "a\udcff.fits"
    assert json_line({"path": "ä"}) == '{"path":"ä"}\n'.encode()
