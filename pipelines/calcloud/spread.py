"""The spread about what is expected: calibrated on jobs that the expectation had not seen (split conformal).

Errors are counted in the usual error of jobs of their kind: of an instrument, with or without charge transfer
correction, and with much or little history. What is left is one distribution, of which quantiles are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.jobs import Jobs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Jobs of the program's setting at which a job is of the next kind; those of unknown programs are a kind of their own.
_STEPS = (1, 3, 10, 40)
_HISTORIES = len(_STEPS) + 2
_INSTRUMENTS, _PCTECORR, _INSTR = 4, 3, 8
KINDS = _HISTORIES * _INSTRUMENTS * 2
#: A kind with fewer jobs leans on all of them.
_BELIEVED = 50.0
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

    def at(self, level: float, kinds: Ints) -> Floats:
        """What is not exceeded, with this probability, above what is expected."""
        return np.asarray(np.interp(level, LEVELS, self.quantiles) * self.usual[kinds])

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
    return Spread(usual=usual, quantiles=quantiles + np.arange(len(quantiles)) * 1e-12)
