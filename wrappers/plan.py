"""Programs that plan jobs: what they leave sets the memory and the time of the jobs that follow.

The program leaves a JSON object a job in ``file.plan``: ``memory_steps_mb`` and ``kill_steps_s`` are what the job asks
for, first and after each failure, and ``reason`` why. A pipeline reads it with the query ``calcloud_jobs``.
"""

from __future__ import annotations

from wrappers import Work, WrapperError
from wrappers import predict as predicting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NEEDED = ("memory_steps_mb", "kill_steps_s", "reason", "model")


class Wrapper(predicting.Wrapper):
    """As predict does; and every line has to be one that a job can be run by."""

    label = "plan"

    def outputs(self, work: Work) -> None:
        super().outputs(work)
        for number, line in enumerate(predicting.read_lines(work.output(self.label)), start=1):
            _check(line, number)


def _check(line: dict[str, Any], number: int) -> None:
    if missing := [key for key in NEEDED if not line.get(key)]:
        raise WrapperError(f"line {number} of the plan lacks {', '.join(missing)}")
    for key in NEEDED[:2]:
        steps = line[key]
        if not all(isinstance(step, int | float) and step > 0 for step in steps) or steps != sorted(set(steps)):
            raise WrapperError(f"line {number} of the plan: {key} = {steps} does not rise")
