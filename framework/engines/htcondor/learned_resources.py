"""Learned resources: memory and time that jobs turned out to need, for restarts and the next attempt of a unit."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from framework.engines.history import RunHistory
from framework.engines.htcondor.dag_state import read_dag_state
from framework.engines.htcondor.submission_files import SubmissionDirectory
from framework.engines.htcondor.submit_description import memory_steps
from framework.engines.run_directory import RunDirectory
from framework.model.run import PlannedJob, PlannedRun
from framework.worker.programs.limits import TIME

FILE = "raised.json"
#: A run's name ends in its attempt's number.
_ATTEMPT = re.compile(r"(.*p)(\d+)")


@dataclass
class LearnedResources:
    """Memory and time that were needed, by ``job N`` and by module."""

    memory_mb: dict[str, int] = field(default_factory=dict)
    #: Module to how often its time was exceeded.
    time_steps: dict[str, int] = field(default_factory=dict)
    #: Submissions whose holds are counted in it.
    counted: list[int] = field(default_factory=list)

    def memory_of(self, job: int, modules: set[str]) -> int:
        """Return the MB that a job of some modules needed; 0 where nothing was learned."""
        return max([self.memory_mb.get(f"job {job}", 0), *(self.memory_mb.get(module, 0) for module in modules)])


def read_learned(run: RunDirectory) -> LearnedResources:
    """Return what was learned in this run if it was begun before, else in the newest attempt before it."""
    own = _read(run.path)
    found = _ATTEMPT.fullmatch(run.run)
    if own is not None or found is None:
        return own or LearnedResources()
    newest = _read_before(run.path.parent, found[1], int(found[2]))
    if newest is None:
        return LearnedResources()
    # The jobs of another attempt may be others; its modules are the same.
    memory = {key: value for key, value in newest.memory_mb.items() if not key.startswith("job ")}
    return LearnedResources(memory, newest.time_steps)


def _read_before(runs: Path, name: str, attempt: int) -> LearnedResources | None:
    """Return what the newest attempt of a name before this one learned; None where none did."""
    numbered = []
    for path in runs.glob(f"{name}*"):
        earlier = _ATTEMPT.fullmatch(path.name)
        if earlier and earlier[1] == name and int(earlier[2]) < attempt and (path / FILE).exists():
            numbered.append((int(earlier[2]), path))
    return _read(max(numbered)[1]) if numbered else None


def update_learned(submission: SubmissionDirectory, plan: PlannedRun, history: RunHistory) -> LearnedResources:
    """Write down what the jobs of a submission asked for in the end, where it is more than in the beginning."""
    learned = read_learned(submission.run)
    if submission.start in learned.counted:
        return learned
    for number, node in read_dag_state(submission.logs).nodes.items():
        if node.memory_holds:
            _learn_memory(learned, plan.jobs[number], node.exceeded_mb)
    for job in plan.jobs.values():
        for call in job.calls:
            if steps := history.exceeded[call.number, TIME]:
                learned.time_steps[call.module] = max(learned.time_steps.get(call.module, 0), steps)
    learned.counted.append(submission.start)
    part = submission.run.path / f"{FILE}.part-{os.getpid()}"
    part.write_text(json.dumps(asdict(learned), sort_keys=True), encoding="utf-8")
    part.replace(submission.run.path / FILE)
    return learned


def _learn_memory(learned: LearnedResources, job: PlannedJob, exceeded_mb: int) -> None:
    """Add what a job and its modules need that had too little memory."""
    modules = {call.module for call in job.calls}
    ladder = memory_steps(job.memory_mb, job.memory_steps_mb[1:], learned.memory_of(job.number, modules))
    # As the job itself asks: the first step above what was not enough.
    reached = next((step for step in ladder if step > exceeded_mb), ladder[-1]) if ladder else 0
    for key in (f"job {job.number}", *modules):
        learned.memory_mb[key] = max(learned.memory_mb.get(key, 0), reached)


def _read(directory: Path) -> LearnedResources | None:
    try:
        return LearnedResources(**json.loads((directory / FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
