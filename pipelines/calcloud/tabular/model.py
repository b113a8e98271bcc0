"""The tabular model: an average by trees, history on top, a calibrated spread around both, and chances of machines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.sources.schema import BIN_EDGES_GB
from pipelines.calcloud.tabular.conformal import Errors, Spread, fit_spread, kinds_of
from pipelines.calcloud.tabular.exceedance import exceed, fit_chances
from pipelines.calcloud.tabular.history import EVIDENCE, TARGETS, Past, datasets, past_of, programs
from pipelines.calcloud.tabular.trees import Trees, fit_trees
from pipelines.calcloud.training_data.job_arrays import Jobs

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
    #: To need more than each machine but the last.
    chances: tuple[Trees, ...]

    def predict(self, jobs: Jobs, edges_gb: Sequence[float] = BIN_EDGES_GB) -> Predicted:
        """Memory and time of jobs that have not run, and the probability of each machine between these edges."""
        expected = self.expected(jobs)
        evidence = self.past.evidence(jobs)
        kinds = kinds_of(jobs, evidence)
        distances = {edge: np.log(edge) - expected["memory"] for edge in edges_gb}
        by_spread = {edge: self.spread["memory"].exceeds(distance, kinds) for edge, distance in distances.items()}
        above = exceed(self.chances, jobs, expected, evidence, by_spread)
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
        """The model after these jobs have finished: history grows, limits stretch or shrink, the trees stay."""
        logs = {target: np.log(truth[target]) for target in TARGETS}
        said = LeftOut(jobs=jobs, logs=logs, expected=self.expected(jobs), evidence=self.past.evidence(jobs))
        residuals = {target: logs[target] - _averages(self.average[target], jobs) for target in TARGETS}
        return replace(
            self,
            past=self.past.and_these(jobs, residuals),
            spread={target: spread.after(said.errors(target)) for target, spread in self.spread.items()},
        )

    def forget(self, jobs: Jobs) -> "Tabular":
        """The model as if history had no run of these datasets, so that it can be judged by them."""
        return replace(
            self,
            past=self.past.only(~np.isin(self.past.jobs.ipst, jobs.ipst)),
            spread={target: spread.calibrated() for target, spread in self.spread.items()},
        )


def fit(jobs: Jobs, truth: Mapping[str, Floats], seed: int = 1) -> Tabular:
    """Learn these jobs; `truth` holds memory (GB) and wallclock (s)."""
    logs = {target: np.log(truth[target]) for target in TARGETS}
    known = left_out(jobs, logs, folds_of(datasets(jobs), FOLDS, seed), history=True)
    strange = left_out(jobs, logs, folds_of(programs(jobs), STRANGE_FOLDS, seed), history=False)
    return Tabular(
        average=(average := _fit_average(jobs, logs)),
        past=_fit_past(average, jobs, logs),
        spread={target: fit_spread(known.errors(target), strange.errors(target)) for target in TARGETS},
        chances=fit_chances(known.jobs, known.expected, known.evidence, known.logs["memory"]),
    )


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Jobs that were not learned from, and what was said of them; all quantities are logarithms."""

    jobs: Jobs
    logs: Mapping[str, Floats]
    expected: Mapping[str, Floats]
    evidence: Mapping[str, Ints]

    def errors(self, target: str) -> Errors:
        """How much more than expected they took."""
        return Errors(self.logs[target] - self.expected[target], kinds_of(self.jobs, self.evidence))


def left_out(jobs: Jobs, logs: Mapping[str, Floats], folds: Iterator[Mask], *, history: bool) -> LeftOut:
    """What is said of jobs that were left out; as if their programs were unknown without history."""
    rows, expected, evidence = [], [], []
    for left in folds:
        kept, kept_logs = jobs.take(~left), {target: log[~left] for target, log in logs.items()}
        average = _fit_average(kept, kept_logs)
        past = _fit_past(average, kept, kept_logs)
        past = past if history else past.only(np.zeros(len(kept), dtype=bool))
        out = jobs.take(left)
        rows.append(np.flatnonzero(left))
        expected.append({target: _averages(average[target], out) + past.adds(target, out) for target in TARGETS})
        evidence.append(past.evidence(out))
    order = np.concatenate(rows)
    return LeftOut(
        jobs=jobs.take(order),
        logs={target: log[order] for target, log in logs.items()},
        expected={target: np.concatenate([part[target] for part in expected]) for target in TARGETS},
        evidence={level: np.concatenate([part[level] for part in evidence]) for level in EVIDENCE},
    )


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
