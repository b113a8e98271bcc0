"""The spread about what is expected: calibrated on jobs that the expectation had not seen (split conformal).

Errors are counted in the usual error of jobs of their kind: of an instrument, with or without charge transfer
correction, and with much or little history. What is left is one distribution, of which quantiles are kept.

Later jobs may err more than those (adaptive conformal: quantile tracking). Each job that finishes beyond its limit
stretches the upper end for its instrument, and each that does not lets it shrink a little, in the proportion that
keeps the asked share within, whatever changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.training_data.job_arrays import Jobs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Jobs of the program's setting at which a job is of the next kind; those of unknown programs are a kind of their own.
_STEPS = (1, 3, 10, 40)
_HISTORIES = len(_STEPS) + 2
_INSTRUMENTS, _PCTECORR, _INSTR = 4, 3, 8
KINDS = _HISTORIES * _INSTRUMENTS * 2
#: A kind with fewer jobs leans on all of them.
_BELIEVED = 50.0
#: The level that finished jobs are held against, the one where stretching begins, and the step of one job (logarithm).
_TRACKED, _UNTOUCHED, _STEP = 0.999, 0.9, 0.1
_LEAST_STRETCH, _MOST_STRETCH = -0.5, 1.5
#: Both ends of the distribution are kept finely: limits of time live there.
_TAIL = np.geomspace(1e-5, 0.05, 400)
LEVELS = np.concatenate([_TAIL, np.linspace(0.051, 0.949, 900), 1 - _TAIL[::-1]])


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Of one target, in logarithms."""

    #: The usual error of each kind.
    usual: Floats
    #: Quantiles of errors in usual errors, at `LEVELS`.
    quantiles: Floats
    #: By instrument, the logarithm of what the tracked quantile is stretched by.
    stretch: Floats

    def at(self, level: float, kinds: Ints) -> Floats:
        """What is not exceeded, with this probability, above what is expected."""
        share = max(0.0, np.log((1 - level) / (1 - _UNTOUCHED)) / np.log((1 - _TRACKED) / (1 - _UNTOUCHED)))
        stretched = np.exp(share * self.stretch[_instruments(kinds)])
        return np.asarray(np.interp(level, LEVELS, self.quantiles) * self.usual[kinds] * stretched)

    def after(self, errors: "Errors") -> "Spread":
        """The spread once these jobs have finished, one after another."""
        stretch = self.stretch.copy()
        limits = self.calibrated().at(_TRACKED, errors.kinds)
        for error, limit, instrument in zip(errors.values, limits, _instruments(errors.kinds), strict=True):
            beyond = error > limit * np.exp(stretch[instrument])
            moved = stretch[instrument] + _STEP * (float(beyond) - (1 - _TRACKED))
            stretch[instrument] = min(max(moved, _LEAST_STRETCH), _MOST_STRETCH)
        return replace(self, stretch=stretch)

    def calibrated(self) -> "Spread":
        """The spread as it was before any job finished."""
        return replace(self, stretch=np.zeros(_INSTRUMENTS))

    def exceeds(self, distance: Floats, kinds: Ints) -> Floats:
        """The probability to be further above what is expected than `distance`."""
        return np.asarray(1 - np.interp(distance / self.usual[kinds], self.quantiles, LEVELS, left=0.0, right=1.0))


def kinds_of(jobs: Jobs, evidence: Mapping[str, Ints]) -> Ints:
    """Of each job, the kind whose usual error it has."""
    history = 1 + np.searchsorted(_STEPS, evidence["program_setting"], side="right")
    history[evidence["program"] == 0] = 0
    instrument = jobs.features[:, _INSTR].astype(int)
    kinds: Ints = (history * _INSTRUMENTS + instrument) * 2 + jobs.features[:, _PCTECORR].astype(int)
    return kinds


def _instruments(kinds: Ints) -> Ints:
    return kinds // 2 % _INSTRUMENTS


@dataclass(frozen=True)
class Errors:
    """Of jobs that were not learned from: how far above what was expected they were, and their kinds."""

    values: Floats
    kinds: Ints


def fit_spread(known: Errors, strange: Errors) -> Spread:
    """The usual errors of all, those of unknown programs from `strange`; the distribution from `known` alone."""
    overall = float(np.sqrt(np.mean(np.square(known.values)))) or 1e-3
    usual = np.full(KINDS, overall)
    for errors in (known, strange):
        jobs = np.bincount(errors.kinds, minlength=KINDS)
        squares = np.bincount(errors.kinds, weights=np.square(errors.values), minlength=KINDS)
        mean = np.sqrt((squares + _BELIEVED * overall**2) / (jobs + _BELIEVED))
        usual = np.where(jobs > 0, mean, usual)
    ordered = np.sort(known.values / usual[known.kinds])
    # Of n errors the k-th is exceeded by the next job with a probability of 1 - k / (n + 1).
    places = np.clip(LEVELS * (len(ordered) + 1) - 1, 0, len(ordered) - 1)
    quantiles = np.interp(places, np.arange(len(ordered)), ordered)
    # Strictly rising, so that it can be read in both directions.
    return Spread(usual=usual, quantiles=quantiles + np.arange(len(quantiles)) * 1e-12, stretch=np.zeros(_INSTRUMENTS))
