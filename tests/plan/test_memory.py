"""What the calls of a job that share a process pass to each other without writing it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from framework.model.job import Call, Exec, File, Job, Needs
from framework.pipeline.problems import PlanProblems
from framework.plan.in_memory import check_processes, mark_files_in_memory
from wcl import SourcePosition


def a_call(number: int, *, step: bool = True, reads: str = "", makes: str = "", kept: bool = False) -> Call:
    def files(names: str) -> tuple[File, ...]:
        return tuple(
            File(label="file.x", filetype="x", path=f"d/{name}", job_path=f"d/{name}", saved=kept)
            for name in names.split()
        )

    program = Exec(number=1, program="python", argv=("python", "-m", "x.y"), step="x.y:z" if step else "")
    return Call(
        number=number, module="m", wrapper="inprocess", keys={}, log=files("log")[0], inputs=files(reads),
        outputs=files(makes), lists=(), execs=(program,), settings={}, environment={}, needs=Needs(),
    )  # fmt: skip


def in_memory(*calls: Call) -> list[tuple[str, str]]:
    """What each call reads from memory, and leaves there."""
    job = mark_files_in_memory(Job(number=1, block=1, keys="", calls=calls))

    def names(files: tuple[File, ...]) -> str:
        return " ".join(file.name for file in files if file.in_memory)

    return [(names(call.inputs), names(call.outputs)) for call in job.calls]


def test_what_only_steps_read_and_nobody_keeps_stays_in_memory():
    assert in_memory(a_call(1, makes="a"), a_call(2, reads="a raw", makes="b")) == [("", "a"), ("a", "b")]


def test_what_is_kept_is_written():
    assert in_memory(a_call(1, makes="a", kept=True), a_call(2, reads="a", makes="b")) == [("", ""), ("", "b")]


def test_what_a_program_reads_too_is_written():
    calls = a_call(1, makes="a b"), a_call(2, reads="a b"), a_call(3, step=False, reads="b", makes="c")
    assert in_memory(*calls) == [("", "a"), ("a", ""), ("", "")]


def test_what_a_program_made_is_read_from_the_disk():
    assert in_memory(a_call(1, step=False, makes="a"), a_call(2, reads="a", makes="b")) == [("", ""), ("", "b")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"software": "environment other"}, ["differ in their environment"]),
        ({"environment": {"X": "2"}}, ["differ in their job_environment"]),
        ({"software": "container calib"}, ["in a container of its own", "differ in their environment"]),
    ],
)
def test_calls_of_one_process_must_have_one_environment(changes, words):
    first = replace(a_call(1), software="environment astro", environment={"X": "1"})
    job = Job(number=1, block=1, keys="", calls=(first, replace(first, number=2, **changes)))
    problems = PlanProblems()
    check_processes([job], AnyPosition(), problems)  # type: ignore[arg-type]  # only ``find`` is asked
    assert len(problems.errors) == len(words)
    assert all(word in str(problem) for word, problem in zip(words, problems.errors, strict=True))


class AnyPosition:
    def find(self, call: Call, label: str) -> SourcePosition:
        return SourcePosition("x.wcl", 1)


def test_programs_pass_nothing_in_memory():
    assert in_memory(a_call(1, step=False, makes="a"), a_call(2, step=False, reads="a")) == [("", ""), ("", "")]
