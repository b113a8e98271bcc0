"""Wrapper of programs that plan jobs: checks the memory and time that they set for the jobs that follow.

The program writes a line with a JSON object for each job to ``file.plan``: ``memory_steps_mb`` and ``kill_steps_s`` are
the requests of the job, the first one and those after each failure, and ``reason`` says why. A pipeline reads the file
with the query ``calcloud_jobs``.
"""

from __future__ import annotations

from wrappers import Work, WrapperError, predict

REQUIRED = ("memory_steps_mb", "kill_steps_s", "reason", "model")


class Wrapper(predict.Wrapper):
    """A wrapper that records models as predict does, and checks that each line is complete."""

    label = "plan"

    def outputs(self, work: Work) -> None:
        super().outputs(work)
        for number, line in enumerate(predict.read_lines(work.output(self.label)), start=1):
            _check(line, number)


def _check(line: dict[str, object], number: int) -> None:
    if missing := [key for key in REQUIRED if not line.get(key)]:
        raise WrapperError(f"line {number} of the plan lacks {', '.join(missing)}")
    for key in REQUIRED[:2]:
        steps = line[key]
        if not isinstance(steps, list) or not _is_rising(steps):
            raise WrapperError(f"line {number} of the plan: {key} = {steps} does not rise")


def _is_rising(steps: list[object]) -> bool:
    """Return whether the steps are positive numbers, each greater than the one before."""
    numbers = [step for step in steps if isinstance(step, int | float) and step > 0]
    return numbers == steps == sorted(set(numbers))
