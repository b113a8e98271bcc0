"""History: how much more or less than the average the jobs before this one took, by what they share with it.

A job shares its setting and size with many, whatever their programs: they tell what changed for all since the trees
were grown. It shares the first letters of its program, which are given out in the order of years, with fewer (`cycle`
and `near`), then its program, its program and setting, its visit, and the dataset itself with earlier runs of it. Each
level explains what the others leave; the fewer jobs a group has, the less it is believed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.training_data.job_arrays import Jobs, joined

Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

#: Levels with the number of jobs at which a group is believed by half.
LEVELS: Mapping[str, Mapping[str, float]] = {
    "memory": {
        "setting": 10, "size": 10, "job": 10, "cycle": 5, "cycle_setting": 5, "cycle_job": 5,
        "near": 5, "near_setting": 5, "near_job": 5,
        "program": 1, "program_setting": 1, "program_size": 2, "program_job": 4,
        "visit": 5, "visit_setting": 8, "dataset": 2,
    },
    "wallclock": {
        "setting": 10, "size": 10, "job": 10, "cycle": 5, "cycle_setting": 5, "cycle_job": 5,
        "near": 5, "near_setting": 5, "near_job": 5,
        "program": 1, "program_setting": 1, "program_size": 2, "program_job": 4,
        "part": 6, "visit": 8, "visit_job": 12, "dataset": 2,
    },
}  # fmt: skip
TARGETS = tuple(LEVELS)
_ROUNDS = 12


@dataclass(frozen=True, kw_only=True)
class Past:
    """Finished jobs and what was left of their logarithms by the average; and what comes of them for each level."""

    jobs: Jobs
    #: By target, a number a job.
    residuals: Mapping[str, Floats]
    #: By target and level: the sorted keys of its groups, and what each adds.
    effects: Mapping[str, Mapping[str, tuple[Keys, Floats]]]
    #: By level: the sorted keys of its groups, and how many jobs each has.
    counts: Mapping[str, tuple[Keys, npt.NDArray[np.int64]]]

    def adds(self, target: str, jobs: Jobs) -> Floats:
        """What history adds to the logarithm of each job."""
        keys = level_keys(jobs)
        total = np.zeros(len(jobs))
        for level, (known, effect) in self.effects[target].items():
            total += _look_up(known, effect, keys[level])
        return total

    def evidence(self, jobs: Jobs) -> dict[str, npt.NDArray[np.int64]]:
        """How many finished jobs share the program, the program's setting, and the dataset with each job."""
        keys = level_keys(jobs)
        return {level: _look_up(*self.counts[level], keys[level]) for level in EVIDENCE}

    def and_these(self, jobs: Jobs, residuals: Mapping[str, Floats]) -> "Past":
        """History with more finished jobs in it."""
        both = {target: np.concatenate([self.residuals[target], residuals[target]]) for target in self.residuals}
        return past_of(joined(self.jobs, jobs), both)

    def only(self, rows: npt.NDArray[np.bool_]) -> "Past":
        """History with some of its jobs."""
        return past_of(self.jobs.take(rows), {target: left[rows] for target, left in self.residuals.items()})


EVIDENCE = ("program", "program_setting", "dataset")


def past_of(jobs: Jobs, residuals: Mapping[str, Floats]) -> Past:
    """The levels' shares in the residuals of these jobs, each in turn explaining what the others leave."""
    keys = level_keys(jobs)
    groups = {level: np.unique(found, return_inverse=True) for level, found in keys.items()}
    effects = {target: _effects(groups, residuals[target], LEVELS[target]) for target in residuals}
    counts = {level: (groups[level][0], np.bincount(groups[level][1].reshape(-1))) for level in EVIDENCE}
    return Past(jobs=jobs, residuals=dict(residuals), effects=effects, counts=counts)


def _effects(
    groups: Mapping[str, tuple[Keys, npt.NDArray[np.intp]]], residuals: Floats, levels: Mapping[str, float]
) -> dict[str, tuple[Keys, Floats]]:
    left = residuals.copy()
    members = {level: groups[level][1].reshape(-1) for level in levels}
    believed = {level: np.bincount(members[level], minlength=0) + half for level, half in levels.items()}
    effects = {level: np.zeros(len(groups[level][0])) for level in levels}
    for _ in range(_ROUNDS):
        for level, row in members.items():
            whole = left + effects[level][row]
            effects[level] = np.bincount(row, weights=whole, minlength=len(effects[level])) / believed[level]
            left = whole - effects[level][row]
    return {level: (groups[level][0], effects[level]) for level in levels}


def level_keys(jobs: Jobs) -> dict[str, Keys]:
    """A number for each group that a job belongs to; equal for jobs of one group, and for no others."""
    letters = np.frombuffer(jobs.ipst.astype("S9").tobytes(), np.uint8).reshape(-1, 9).astype(np.uint64)
    features = jobs.features
    setting = _mixed(*(features[:, column] for column in range(2, 9)))
    size = np.round(np.log1p(features[:, 1]) * 2)
    whole = _mixed(setting, features[:, 0], features[:, 1])
    instrument = letters[:, 0]
    cycle = _mixed(instrument, letters[:, 1])
    near = _mixed(cycle, letters[:, 2])
    program = _mixed(instrument, *(letters[:, place] for place in (1, 2, 3)))
    part = _mixed(program, letters[:, 4])
    visit = _mixed(part, letters[:, 5])
    return {
        "setting": setting,
        "size": _mixed(setting, size),
        "job": whole,
        "cycle": cycle,
        "cycle_setting": _mixed(cycle, setting),
        "cycle_job": _mixed(cycle, whole),
        "near": near,
        "near_setting": _mixed(near, setting),
        "near_job": _mixed(near, whole),
        "program": program,
        "program_setting": _mixed(program, setting),
        "program_size": _mixed(program, setting, size),
        "program_job": _mixed(program, whole),
        "part": part,
        "visit": visit,
        "visit_setting": _mixed(visit, setting),
        "visit_job": _mixed(visit, whole),
        "dataset": _mixed(*(letters[:, place] for place in range(9))),
    }


def _mixed(*columns: npt.NDArray[np.generic]) -> Keys:
    """One number of 64 bits from several, in which each of their bits counts (the finaliser of splitmix64)."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        mixed += column.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def _look_up(known: Keys, values: npt.NDArray[Any], wanted: Keys) -> npt.NDArray[Any]:
    """The value of each wanted key; zero for an unknown one."""
    if not len(known):
        return np.zeros(len(wanted), values.dtype)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, values[place], values.dtype.type(0))


def programs(jobs: Jobs) -> Keys:
    """A number for the program of each job."""
    return level_keys(jobs)["program"]


def datasets(jobs: Jobs) -> Keys:
    """A number for the dataset of each job."""
    return level_keys(jobs)["dataset"]
