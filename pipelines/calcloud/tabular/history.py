"""History of finished jobs: how far their memory and time were from the average, by what a new job shares with them.

A job shares its setting and size with jobs of all programs: their residuals show what has changed for all jobs since
the trees were trained. It shares the first letters of its program, which are assigned in the order of years, with fewer
jobs (`cycle` and `near`), then its program, its program and setting, its visit, and with earlier runs the dataset. Each
level explains what the other levels leave, and a group's mean is shrunk towards zero the more, the fewer jobs it has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.training_data.job_arrays import Jobs, concatenate_jobs

Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]

#: Levels, each with the number of jobs at which a group's mean is shrunk by half.
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
#: Levels whose numbers of finished jobs are reported and decide the group of a job's error.
COUNT_LEVELS = ("program", "program_setting", "dataset")
_ITERATIONS = 12


@dataclass(frozen=True, kw_only=True)
class JobHistory:
    """Finished jobs with their residuals from the average, and the effect of each group of each level."""

    jobs: Jobs
    #: By target: true minus average natural logarithm of each job.
    residuals: Mapping[str, Floats]
    #: By target and level: the sorted keys of its groups, and the effect of each group (natural logarithm).
    effects: Mapping[str, Mapping[str, tuple[Keys, Floats]]]
    #: By level: the sorted keys of its groups, and the number of jobs of each.
    counts: Mapping[str, tuple[Keys, npt.NDArray[np.int64]]]

    def correction(self, target: str, jobs: Jobs) -> Floats:
        """Return what history adds to the average of each job.

        Parameters
        ----------
        target : str
            `memory` or `wallclock`.
        jobs : Jobs
            n jobs.

        Returns
        -------
        NDArray[np.float64]
            n sums of the effects of all levels, natural logarithm; an unknown group adds nothing.
        """
        keys = level_keys(jobs)
        total = np.zeros(len(jobs))
        for level, (group_keys, effect) in self.effects[target].items():
            total += _look_up(group_keys, effect, keys[level])
        return total

    def job_counts(self, jobs: Jobs) -> dict[str, npt.NDArray[np.int64]]:
        """Count the finished jobs that share the program, the program's setting and the dataset with each job.

        Parameters
        ----------
        jobs : Jobs
            n jobs.

        Returns
        -------
        dict[str, NDArray[np.int64]]
            By level of `COUNT_LEVELS`, n counts.
        """
        keys = level_keys(jobs)
        return {level: _look_up(*self.counts[level], keys[level]) for level in COUNT_LEVELS}

    def extend(self, jobs: Jobs, residuals: Mapping[str, Floats]) -> "JobHistory":
        """Return the history with more finished jobs.

        Parameters
        ----------
        jobs : Jobs
            n jobs.
        residuals : Mapping[str, NDArray[np.float64]]
            By target, n residuals from the average, natural logarithm.

        Returns
        -------
        JobHistory
            A new history; this one is unchanged.
        """
        both = {target: np.concatenate([self.residuals[target], residuals[target]]) for target in self.residuals}
        return fit_history(concatenate_jobs(self.jobs, jobs), both)

    def select(self, rows: npt.NDArray[np.bool_]) -> "JobHistory":
        """Return the history of some of its jobs, by a mask.

        Parameters
        ----------
        rows : NDArray[np.bool_]
            Mask of the jobs of the history.

        Returns
        -------
        JobHistory
            A new history of the jobs in the mask.
        """
        return fit_history(self.jobs.take(rows), {target: values[rows] for target, values in self.residuals.items()})


def fit_history(jobs: Jobs, residuals: Mapping[str, Floats]) -> JobHistory:
    """Estimate the effect of each group of each level from the residuals of finished jobs.

    Parameters
    ----------
    jobs : Jobs
        n finished jobs.
    residuals : Mapping[str, NDArray[np.float64]]
        By target, n residuals from the average, natural logarithm.

    Returns
    -------
    JobHistory
        The jobs with the effects and the numbers of jobs of all groups.

    Notes
    -----
    Backfitting (Buja, Hastie and Tibshirani, 1989, Annals of Statistics 17, 453) in 12 iterations. The mean of a group
    of n jobs is multiplied by n / (n + k), with the k of its level in `LEVELS`, as in credibility theory (Bühlmann,
    1967, ASTIN Bulletin 4, 199).
    """
    keys = level_keys(jobs)
    groups = {level: np.unique(found, return_inverse=True) for level, found in keys.items()}
    effects = {target: _effects(groups, residuals[target], LEVELS[target]) for target in residuals}
    counts = {level: (groups[level][0], np.bincount(groups[level][1].reshape(-1))) for level in COUNT_LEVELS}
    return JobHistory(jobs=jobs, residuals=dict(residuals), effects=effects, counts=counts)


def _effects(
    groups: Mapping[str, tuple[Keys, npt.NDArray[np.intp]]], residuals: Floats, levels: Mapping[str, float]
) -> dict[str, tuple[Keys, Floats]]:
    remaining = residuals.copy()
    members = {level: groups[level][1].reshape(-1) for level in levels}
    divisors = {level: np.bincount(members[level], minlength=0) + half for level, half in levels.items()}
    effects = {level: np.zeros(len(groups[level][0])) for level in levels}
    for _ in range(_ITERATIONS):
        for level, group in members.items():
            partial = remaining + effects[level][group]
            effects[level] = np.bincount(group, weights=partial, minlength=len(effects[level])) / divisors[level]
            remaining = partial - effects[level][group]
    return {level: (groups[level][0], effects[level]) for level in levels}


def level_keys(jobs: Jobs) -> dict[str, Keys]:
    """Return a key for each group that a job belongs to, by level.

    Parameters
    ----------
    jobs : Jobs
        n jobs.

    Returns
    -------
    dict[str, NDArray[np.uint64]]
        By level, n keys: equal for jobs of one group, and different for jobs of different groups (up to the chance of
        a collision of 64 bits).

    Notes
    -----
    Keys are mixed by the finaliser of splitmix64 (Steele, Lea and Flood, 2014, OOPSLA).
    """
    letters = np.frombuffer(jobs.ipst.astype("S9").tobytes(), np.uint8).reshape(-1, 9).astype(np.uint64)
    features = jobs.features
    setting = _mix(*(features[:, column] for column in range(2, 9)))
    size = np.round(np.log1p(features[:, 1]) * 2)
    job = _mix(setting, features[:, 0], features[:, 1])
    instrument = letters[:, 0]
    cycle = _mix(instrument, letters[:, 1])
    near = _mix(cycle, letters[:, 2])
    program = _mix(instrument, *(letters[:, column] for column in (1, 2, 3)))
    part = _mix(program, letters[:, 4])
    visit = _mix(part, letters[:, 5])
    return {
        "setting": setting,
        "size": _mix(setting, size),
        "job": job,
        "cycle": cycle,
        "cycle_setting": _mix(cycle, setting),
        "cycle_job": _mix(cycle, job),
        "near": near,
        "near_setting": _mix(near, setting),
        "near_job": _mix(near, job),
        "program": program,
        "program_setting": _mix(program, setting),
        "program_size": _mix(program, setting, size),
        "program_job": _mix(program, job),
        "part": part,
        "visit": visit,
        "visit_setting": _mix(visit, setting),
        "visit_job": _mix(visit, job),
        "dataset": _mix(*(letters[:, column] for column in range(9))),
    }


def _mix(*columns: npt.NDArray[np.generic]) -> Keys:
    """Return one key of 64 bits for each row of several columns."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        mixed += column.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def _look_up(group_keys: Keys, values: npt.NDArray[Any], keys: Keys) -> npt.NDArray[Any]:
    """Return the value of each key; zero for a key that is not among the sorted `group_keys`."""
    if not len(group_keys):
        return np.zeros(len(keys), values.dtype)
    index = np.minimum(np.searchsorted(group_keys, keys), len(group_keys) - 1)
    return np.where(group_keys[index] == keys, values[index], values.dtype.type(0))


def program_keys(jobs: Jobs) -> Keys:
    """Return a key of the program of each job, uint64.

    Parameters
    ----------
    jobs : Jobs
        n jobs.

    Returns
    -------
    NDArray[np.uint64]
        n keys, equal for jobs of one program.
    """
    return level_keys(jobs)["program"]


def dataset_keys(jobs: Jobs) -> Keys:
    """Return a key of the dataset of each job, uint64.

    Parameters
    ----------
    jobs : Jobs
        n jobs.

    Returns
    -------
    NDArray[np.uint64]
        n keys, equal for runs of one dataset.
    """
    return level_keys(jobs)["dataset"]
