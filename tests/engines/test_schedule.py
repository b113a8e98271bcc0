"""Which job may run next, under all limits at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from framework.engines.local.schedule import Capacity, Schedule
from framework.model.run import PlannedCall, PlannedJob, PlannedRun


def a_job(
    number: int, block: int = 1, parents: tuple[int, ...] = (), module: str = "a", cpus: int = 1, memory: int = 0,
    gpus: int = 0, software: tuple[str, ...] = (),
) -> PlannedJob:  # fmt: skip
    call = PlannedCall(number=number, module=module, kept=(), unkept=(), inputs=())
    return PlannedJob(
        number=number, block=block, parents=parents, calls=(call,), max_retries=0, cpus=cpus,
        memory_steps_mb=(memory,), time_steps=0, shard="", offset=0, gpus=gpus, software=software,
    )  # fmt: skip


def a_run(jobs: list[PlannedJob], max_running: dict[str, int], barriers: bool) -> PlannedRun:
    return PlannedRun(
        run="r", attempt=1, archive="home", archive_root="/a", archive_path="p", barriers=barriers, epilogue="",
        programs=(), software={}, gpus=None, max_running=max_running, jobs={job.number: job for job in jobs},
    )  # fmt: skip


SHAPE = st.tuples(
    st.integers(1, 3),
    st.sets(st.integers(1, 20), max_size=2),
    st.sampled_from("abc"),
    st.integers(1, 5),
    st.integers(0, 900),
    st.integers(0, 2),
)


@given(
    st.lists(SHAPE, max_size=20), st.dictionaries(st.sampled_from("abc"), st.integers(1, 2)), st.booleans(), st.data()
)
def test_every_job_runs_once_and_no_limit_is_passed(shapes, limits, barriers, data):
    shapes.sort(key=lambda shape: shape[0])
    jobs = [
        a_job(number, block, tuple(p for p in sorted(parents) if p < number), *rest)
        for number, (block, parents, *rest) in enumerate(shapes, start=1)
    ]
    schedule = Schedule(a_run(jobs, limits, barriers), Capacity(3, 1000, 2))
    running: list[PlannedJob] = []
    done: list[int] = []
    while len(done) < len(jobs):
        while (job := schedule.start_next()) is not None:
            running.append(job)
            assert set(job.parents) <= set(done)
            assert sum(min(each.cpus, 3) for each in running) <= 3
            assert sum(each.memory_mb for each in running) <= 1000
            given = [gpu for each in running for gpu in schedule.gpus.get(each.number, [])]
            assert (len(given), set(given) <= {0, 1}) == (len(set(given)), True)
            assert len(schedule.gpus.get(job.number, [])) == job.gpus
            for name, limit in limits.items():
                assert sum(each.calls[0].module == name for each in running) <= limit
            if barriers:
                assert all(each.number in done for each in jobs if each.block < job.block)
        assert running, "nothing runs, and something waits"
        ended = running.pop(data.draw(st.integers(0, len(running) - 1)))
        schedule.finish(ended.number)
        done.append(ended.number)
    assert sorted(done) == [job.number for job in jobs]


def test_graphics_processors_that_nobody_counts_hold_no_job_back():
    jobs = [a_job(number, gpus=8) for number in (1, 2)]
    schedule = Schedule(a_run(jobs, {}, barriers=False), Capacity(2, 1000))
    assert [schedule.start_next(), schedule.start_next(), schedule.gpus] == [*jobs, {}]


def test_jobs_whose_software_is_broken_are_never_begun():
    jobs = [a_job(1, software=("environment a",)), a_job(2), a_job(3, software=("container b", "environment a"))]
    schedule = Schedule(a_run(jobs, {}, barriers=False), Capacity(1, 1000))
    assert schedule.start_next() == jobs[0]
    schedule.fail(1)
    assert [schedule.exclude_software("environment a"), schedule.exclude_software("environment a")] == [True, False]
    assert schedule.start_next() == jobs[1]
    schedule.finish(2)
    assert (schedule.start_next(), schedule.skipped) == (None, 1)
