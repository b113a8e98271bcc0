"""From calls to jobs, and in which order they run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.model.job import Call, File, Needs
from framework.plan.jobs import JobBuilder, JobDivision
from framework.plan.products import Products
from wcl import WclError


def a_file(name: str) -> File:
    return File(label=f"file.{name}", filetype="x", path=f"d/{name}", job_path=f"d/{name}")


def a_call(number: int, *, keys: dict[str, str], inputs: list[str], outputs: list[str]) -> Call:
    return Call(
        number=number, module="m", wrapper="generic", keys=keys, log=a_file(f"log{number}"),
        inputs=tuple(map(a_file, inputs)), outputs=tuple(map(a_file, outputs)),
        lists=(), execs=(), settings={}, environment={}, needs=Needs(),
    )  # fmt: skip


def test_calls_with_the_same_keys_share_a_job(plan):
    jobs = [(job.keys, [call.module for call in job.calls]) for job in plan().jobs]
    assert jobs == [("g", ["reduce", "reduce", "add"]), ("r", ["reduce", "reduce", "add"])]


def test_without_keys_a_block_is_one_job(plan, reduce_text):
    assert len(list(plan(reduce_text.replace("divide_jobs_by = band", "")).jobs)) == 1


def test_a_job_waits_for_the_jobs_that_make_its_files(plan, reduce_text):
    jobs = list(plan(reduce_text.replace("divide_jobs_by = band", "divide_jobs_by = ccd")).jobs)
    assert [(job.keys, job.parents) for job in jobs] == [("1", ()), ("2", ()), ("", (1, 2))]


def test_a_job_takes_no_more_calls_than_allowed(plan):
    jobs = list(plan(max_wrappers_per_job="2").jobs)
    assert [len(job.calls) for job in jobs] == [2, 2, 1, 1]


@given(st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 30), max_size=3)), max_size=30))
def test_jobs_never_wait_for_each_other_in_a_circle(shape):
    products = Products()
    by_k = JobDivision(divide_by=("k",), max_calls=None, max_threads=0)
    calls = []
    for number, (key, wanted) in enumerate(shape, start=1):
        inputs = [f"f{n}" for n in wanted if 0 < n < number]
        call = a_call(number, keys={"k": str(key)} if key else {}, inputs=inputs, outputs=[f"f{number}"])
        products.add([call])
        calls.append(call)
    jobs = {job.number: job for job in JobBuilder(products).build(1, calls, by_k)}
    done: set[int] = set()
    while len(done) < len(jobs):
        ready = [n for n, job in jobs.items() if n not in done and done.issuperset(job.parents)]
        assert ready
        done.update(ready)
    assert sorted(call.number for job in jobs.values() for call in job.calls) == list(range(1, len(shape) + 1))


def test_a_file_that_is_not_kept_cannot_go_to_another_job(plan, reduce_text):
    text = reduce_text.replace("ops_enddir = red", "ops_enddir = red\nsavefiles = False", 1)
    plan(text)
    with pytest.raises(WclError, match="is not kept"):
        plan(text.replace("divide_jobs_by = band", "divide_jobs_by = ccd"))
