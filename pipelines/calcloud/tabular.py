"""The tabular model: an average by trees, history on top of it, and a calibrated spread around both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.jobs import Jobs
from pipelines.calcloud.past import TARGETS, Past, datasets, past_of, programs
from pipelines.calcloud.schema import BIN_EDGES_GB
from pipelines.calcloud.spread import Errors, Spread, fit_spread, kinds_of
from pipelines.calcloud.trees import Trees, fit_trees

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: Parts that are left out in turn, to see what is said of jobs, and of whole programs, that were not learned from.
FOLDS, STRANGE_FOLDS = 5, 3


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What is said of some jobs, a row each."""

    memory_gb: Floats
    wallclock_s: Floats
    #: Of the four machines.
    probabilities: Floats
    evidence: Mapping[str, Ints]
    kinds: Ints
    spread: Mapping[str, Spread]

    @property
    def bins(self) -> npt.NDArray[np.intp]:
        """The likeliest machine."""
        return np.asarray(self.probabilities.argmax(axis=1))

    def quantile(self, target: str, level: float) -> Floats:
        """What a job does not exceed with this probability, in GB or s."""
        expected = self.memory_gb if target == "memory" else self.wallclock_s
        return np.asarray(expected * np.exp(self.spread[target].at(level, self.kinds)))


@dataclass(frozen=True, kw_only=True)
class Tabular:
    """Everything that was learned."""

    average: Mapping[str, Trees]
    past: Past
    spread: Mapping[str, Spread]

    def predict(self, jobs: Jobs, edges_gb: Sequence[float] = BIN_EDGES_GB) -> Predicted:
        """Memory and time of jobs that have not run, and the probability of each machine between these edges."""
        expected = self.expected(jobs)
        evidence = self.past.evidence(jobs)
        kinds = kinds_of(jobs, evidence)
        distances = [np.log(edge) - expected["memory"] for edge in edges_gb]
        above = [self.spread["memory"].exceeds(distance, kinds) for distance in distances]
        steps = np.column_stack([np.ones(len(jobs)), *above, np.zeros(len(jobs))])
        return Predicted(
            memory_gb=np.exp(expected["memory"]),
            wallclock_s=np.exp(expected["wallclock"]),
            probabilities=np.clip(steps[:, :-1] - steps[:, 1:], 0, 1),
            evidence=evidence,
            kinds=kinds,
            spread=self.spread,
        )

    def expected(self, jobs: Jobs) -> dict[str, Floats]:
        """The logarithms that are expected."""
        return {target: _averages(self.average[target], jobs) + self.past.adds(target, jobs) for target in TARGETS}

    def learn(self, jobs: Jobs, truth: Mapping[str, Floats]) -> "Tabular":
        """The model after these jobs have finished: history grows, the average and the spread stay."""
        residuals = {target: np.log(truth[target]) - _averages(self.average[target], jobs) for target in TARGETS}
        return replace(self, past=self.past.and_these(jobs, residuals))

    def forget(self, jobs: Jobs) -> "Tabular":
        """The model as if history had no run of these datasets, so that it can be judged by them."""
        return replace(self, past=self.past.only(~np.isin(self.past.jobs.ipst, jobs.ipst)))


def fit(jobs: Jobs, truth: Mapping[str, Floats], seed: int = 1) -> Tabular:
    """Learn these jobs; `truth` holds memory (GB) and wallclock (s)."""
    logs = {target: np.log(truth[target]) for target in TARGETS}
    members = datasets(jobs)
    known = left_out_errors(jobs, logs, folds_of(members, FOLDS, seed), history=True)
    strange = left_out_errors(jobs, logs, folds_of(programs(jobs), STRANGE_FOLDS, seed), history=False)
    return Tabular(
        average=(average := _fit_average(jobs, logs)),
        past=_fit_past(average, jobs, logs),
        spread={target: fit_spread(known[target], strange[target]) for target in TARGETS},
    )


def left_out_errors(
    jobs: Jobs, logs: Mapping[str, Floats], folds: Iterator[Mask], *, history: bool
) -> dict[str, Errors]:
    """What is wrong with predictions of jobs that were left out; as if their programs were unknown without history."""
    found: dict[str, list[Floats]] = {target: [] for target in TARGETS}
    kinds = []
    for left in folds:
        kept, kept_logs = jobs.take(~left), {target: log[~left] for target, log in logs.items()}
        average = _fit_average(kept, kept_logs)
        past = _fit_past(average, kept, kept_logs)
        past = past if history else past.only(np.zeros(len(kept), dtype=bool))
        out = jobs.take(left)
        kinds.append(kinds_of(out, past.evidence(out)))
        for target in TARGETS:
            found[target].append(logs[target][left] - _averages(average[target], out) - past.adds(target, out))
    every = np.concatenate(kinds)
    return {target: Errors(np.concatenate(errors), every) for target, errors in found.items()}


def folds_of(members: npt.NDArray[np.generic], folds: int, seed: int) -> Iterator[Mask]:
    """Masks of what is left out in turn; members of one group are left out together."""
    groups, where = np.unique(members, return_inverse=True)
    fold = np.random.default_rng(seed).integers(0, folds, len(groups))[where.reshape(-1)]
    return (fold == number for number in range(folds) if 0 < (fold == number).sum() < len(fold))


def _fit_average(jobs: Jobs, logs: Mapping[str, Floats]) -> dict[str, Trees]:
    rows, where = jobs.distinct()
    weights = np.bincount(where).astype(float)
    return {target: fit_trees(rows, np.bincount(where, weights=log) / weights, weights) for target, log in logs.items()}


def _fit_past(average: Mapping[str, Trees], jobs: Jobs, logs: Mapping[str, Floats]) -> Past:
    return past_of(jobs, {target: log - _averages(average[target], jobs) for target, log in logs.items()})


def _averages(trees: Trees, jobs: Jobs) -> Floats:
    rows, where = jobs.distinct()
    return trees(rows)[where]
