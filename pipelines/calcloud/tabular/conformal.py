"""Conformal quantiles: the distribution of a model's errors, calibrated on jobs that the model was not trained on.

Errors are divided by the typical error of jobs of the same group: an instrument, with or without correction of charge
transfer, with much or little history. The scaled errors of all groups form one distribution, whose quantiles are kept.

Jobs that finish later may have larger errors. Each job that exceeds its limit stretches the upper quantiles of its
instrument, and each job within its limit shrinks them a little. The steps are in the proportion that keeps the
requested share of jobs within the limit, whatever the distribution becomes.

References
----------
Vovk, Gammerman and Shafer, 2005, Algorithmic Learning in a Random World (conformal prediction by groups).
Lei et al., 2018, Journal of the American Statistical Association 113, 1094 (split conformal, locally scaled errors).
Gibbs and Candès, 2021, NeurIPS 34, 1660 (adaptive conformal inference).
Angelopoulos, Candès and Tibshirani, 2023, NeurIPS 36 (tracking of a quantile instead of a level).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.training_data.job_arrays import Jobs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Numbers of finished jobs of the program's setting at which the next group begins; unknown programs are a group apart.
_HISTORY_STEPS = (1, 3, 10, 40)
_HISTORY_GROUPS = len(_HISTORY_STEPS) + 2
_INSTRUMENTS, _PCTECORR, _INSTR = 4, 3, 8
GROUPS = _HISTORY_GROUPS * _INSTRUMENTS * 2
#: Weight, in jobs, of the error of all jobs in the typical error of a group.
_PRIOR_JOBS = 50.0
#: Level whose coverage is tracked, level where the stretching begins, and step of one job (natural logarithm).
_TRACKED, _UNTOUCHED, _STEP = 0.999, 0.9, 0.1
_LEAST_STRETCH, _MOST_STRETCH = -0.5, 1.5
#: Both tails are sampled finely, because limits of time are read from them.
_TAIL = np.geomspace(1e-5, 0.05, 400)
LEVELS = np.concatenate([_TAIL, np.linspace(0.051, 0.949, 900), 1 - _TAIL[::-1]])


@dataclass(frozen=True, kw_only=True)
class ErrorDistribution:
    """Errors of one target, in natural logarithms of GB or seconds, by group of jobs."""

    #: Typical error of each group, float64 of shape (GROUPS,).
    scale: Floats
    #: Quantiles of the scaled errors at `LEVELS`, strictly increasing.
    quantiles: Floats
    #: Natural logarithm of the factor on the tracked quantile of each instrument, float64 of shape (4,).
    stretch: Floats

    def error_quantile(self, level: float, groups: Ints) -> Floats:
        """Return the error that a job does not exceed with a probability.

        Parameters
        ----------
        level : float
            The probability, between 0 and 1.
        groups : NDArray[np.int64]
            Group of each of n jobs, as `calibration_groups` returns them.

        Returns
        -------
        NDArray[np.float64]
            n errors above the expected value, natural logarithm.
        """
        share = max(0.0, np.log((1 - level) / (1 - _UNTOUCHED)) / np.log((1 - _TRACKED) / (1 - _UNTOUCHED)))
        stretched = np.exp(share * self.stretch[_instruments(groups)])
        return np.asarray(np.interp(level, LEVELS, self.quantiles) * self.scale[groups] * stretched)

    def update(self, errors: "GroupedErrors") -> "ErrorDistribution":
        """Return the distribution after these jobs have finished, one after another.

        Parameters
        ----------
        errors : GroupedErrors
            Errors of the finished jobs, in the order in which they finished.

        Returns
        -------
        ErrorDistribution
            The same distribution with another stretch.

        Notes
        -----
        A step is one of online gradient descent on the pinball loss of the tracked level (Gibbs and Candès 2021), on
        the logarithm of the quantile's factor; the stretch stays between -0.5 and 1.5.
        """
        stretch = self.stretch.copy()
        limits = self.reset().error_quantile(_TRACKED, errors.groups)
        for error, limit, instrument in zip(errors.values, limits, _instruments(errors.groups), strict=True):
            exceeded = error > limit * np.exp(stretch[instrument])
            updated = stretch[instrument] + _STEP * (float(exceeded) - (1 - _TRACKED))
            stretch[instrument] = min(max(updated, _LEAST_STRETCH), _MOST_STRETCH)
        return replace(self, stretch=stretch)

    def reset(self) -> "ErrorDistribution":
        """Return the distribution as it was calibrated, without any update."""
        return replace(self, stretch=np.zeros(_INSTRUMENTS))

    def exceedance(self, distance: Floats, groups: Ints) -> Floats:
        """Return the probability that an error is larger than a distance.

        Parameters
        ----------
        distance : NDArray[np.float64]
            Distances above the expected value of n jobs, natural logarithm.
        groups : NDArray[np.int64]
            Group of each job.

        Returns
        -------
        NDArray[np.float64]
            n probabilities.
        """
        return np.asarray(1 - np.interp(distance / self.scale[groups], self.quantiles, LEVELS, left=0.0, right=1.0))


def calibration_groups(jobs: Jobs, job_counts: Mapping[str, Ints]) -> Ints:
    """Return the group of jobs, alike in their errors, that each job belongs to.

    Parameters
    ----------
    jobs : Jobs
        n jobs.
    job_counts : Mapping[str, NDArray[np.int64]]
        Finished jobs of the same program and setting, as `JobHistory.job_counts` returns them.

    Returns
    -------
    NDArray[np.int64]
        n numbers from 0 to GROUPS - 1.
    """
    history = 1 + np.searchsorted(_HISTORY_STEPS, job_counts["program_setting"], side="right")
    history[job_counts["program"] == 0] = 0
    instrument = jobs.features[:, _INSTR].astype(int)
    groups: Ints = (history * _INSTRUMENTS + instrument) * 2 + jobs.features[:, _PCTECORR].astype(int)
    return groups


def _instruments(groups: Ints) -> Ints:
    return groups // 2 % _INSTRUMENTS


@dataclass(frozen=True)
class GroupedErrors:
    """Errors of jobs that the model was not trained on, and the groups of these jobs."""

    #: True minus expected, natural logarithm of GB or seconds.
    values: Floats
    groups: Ints


def fit_error_distribution(known_programs: GroupedErrors, unknown_programs: GroupedErrors) -> ErrorDistribution:
    """Calibrate the distribution of errors on jobs that the model was not trained on.

    Parameters
    ----------
    known_programs : GroupedErrors
        Errors of n jobs of whose programs the model knew other jobs.
    unknown_programs : GroupedErrors
        Errors of jobs of whose programs the model knew nothing; they only set the typical errors of their groups.

    Returns
    -------
    ErrorDistribution
        Quantiles of the scaled errors: of n errors, the k-th is exceeded by a further job with a probability of
        1 - k / (n + 1).

    Notes
    -----
    Split conformal prediction with locally scaled errors (Lei et al. 2018, section 5.2). The typical error of a group
    is its root mean square, in which the error of all jobs weighs as much as 50 jobs.
    """
    overall = float(np.sqrt(np.mean(np.square(known_programs.values)))) or 1e-3
    scale = np.full(GROUPS, overall)
    for errors in (known_programs, unknown_programs):
        jobs = np.bincount(errors.groups, minlength=GROUPS)
        squares = np.bincount(errors.groups, weights=np.square(errors.values), minlength=GROUPS)
        mean = np.sqrt((squares + _PRIOR_JOBS * overall**2) / (jobs + _PRIOR_JOBS))
        scale = np.where(jobs > 0, mean, scale)
    ordered = np.sort(known_programs.values / scale[known_programs.groups])
    ranks = np.clip(LEVELS * (len(ordered) + 1) - 1, 0, len(ordered) - 1)
    quantiles = np.interp(ranks, np.arange(len(ordered)), ordered)
    # Strictly increasing, so that they can be interpolated in both directions.
    increasing = quantiles + np.arange(len(quantiles)) * 1e-12
    return ErrorDistribution(scale=scale, quantiles=increasing, stretch=np.zeros(_INSTRUMENTS))
