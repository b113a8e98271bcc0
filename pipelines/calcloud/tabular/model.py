"""The tabular model: an average by boosted trees, a correction by history, conformal quantiles, and exceedance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.schema import BIN_EDGES_GB
from pipelines.calcloud.tabular.conformal import (
    ErrorDistribution,
    GroupedErrors,
    calibration_groups,
    fit_error_distribution,
)
from pipelines.calcloud.tabular.exceedance import exceedance_probabilities, fit_exceedance
from pipelines.calcloud.tabular.history import (
    COUNT_LEVELS,
    TARGETS,
    JobHistory,
    dataset_keys,
    fit_history,
    program_keys,
)
from pipelines.calcloud.tabular.trees import TreeEnsemble, fit_trees
from pipelines.calcloud.training_data.job_arrays import Jobs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: Folds that calibrate the errors: of datasets, for jobs of known programs, and of whole programs, for unknown ones.
DATASET_FOLDS, PROGRAM_FOLDS = 5, 3


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Predicted memory and time of n jobs, one row a job."""

    #: Expected peak memory in GB, float64 of shape (n,).
    memory_gb: Floats
    #: Expected elapsed time in seconds, float64 of shape (n,).
    wallclock_s: Floats
    #: Probability of each machine to be the smallest that holds the job, float64 of shape (n, machines).
    probabilities: Floats
    #: By level of `COUNT_LEVELS`, how many similar finished jobs there are.
    job_counts: Mapping[str, Ints]
    #: Group of the error of each job.
    groups: Ints
    #: By target, the distribution of errors.
    errors: Mapping[str, ErrorDistribution]

    @property
    def bins(self) -> npt.NDArray[np.intp]:
        """Number of the most probable machine of each job."""
        return np.asarray(self.probabilities.argmax(axis=1))

    def quantile(self, target: str, level: float) -> Floats:
        """Return what each job does not exceed with a probability.

        Parameters
        ----------
        target : str
            `memory` or `wallclock`.
        level : float
            The probability, between 0 and 1.

        Returns
        -------
        NDArray[np.float64]
            n quantiles, in GB or seconds.
        """
        expected = self.memory_gb if target == "memory" else self.wallclock_s
        return np.asarray(expected * np.exp(self.errors[target].error_quantile(level, self.groups)))


@dataclass(frozen=True, kw_only=True)
class TabularModel:
    """A trained tabular model of memory and time."""

    #: By target, the trees of the average natural logarithm.
    average: Mapping[str, TreeEnsemble]
    history: JobHistory
    #: By target, the distribution of errors.
    errors: Mapping[str, ErrorDistribution]
    #: Trees of the probability to reach each of `BIN_EDGES_GB`.
    exceedance: tuple[TreeEnsemble, ...]

    def predict(self, jobs: Jobs, edges_gb: Sequence[float] = BIN_EDGES_GB) -> Prediction:
        """Predict memory, time and machine of jobs that have not run.

        Parameters
        ----------
        jobs : Jobs
            n jobs.
        edges_gb : Sequence[float]
            Memory in GB from which on a job needs the next machine, increasing.

        Returns
        -------
        Prediction
            n rows; one more machine than there are edges.
        """
        expected = self.expected(jobs)
        job_counts = self.history.job_counts(jobs)
        groups = calibration_groups(jobs, job_counts)
        distances = {edge: np.log(edge) - expected["memory"] for edge in edges_gb}
        conformal = {edge: self.errors["memory"].exceedance(distance, groups) for edge, distance in distances.items()}
        above = exceedance_probabilities(self.exceedance, jobs, expected, job_counts, conformal)
        steps = np.column_stack([np.ones(len(jobs)), *above, np.zeros(len(jobs))])
        return Prediction(
            memory_gb=np.exp(expected["memory"]),
            wallclock_s=np.exp(expected["wallclock"]),
            probabilities=np.clip(steps[:, :-1] - steps[:, 1:], 0, 1),
            job_counts=job_counts,
            groups=groups,
            errors=self.errors,
        )

    def expected(self, jobs: Jobs) -> dict[str, Floats]:
        """Return the expected natural logarithms of memory (GB) and wallclock (s) of each job, by target.

        Parameters
        ----------
        jobs : Jobs
            n jobs.

        Returns
        -------
        dict[str, NDArray[np.float64]]
            By target, n natural logarithms.
        """
        return {
            target: _averages(self.average[target], jobs) + self.history.correction(target, jobs) for target in TARGETS
        }

    def update(self, jobs: Jobs, truth: Mapping[str, Floats]) -> "TabularModel":
        """Return the model after these jobs have finished.

        History grows and the upper quantiles are adapted; the trees stay.

        Parameters
        ----------
        jobs : Jobs
            n finished jobs, in the order in which they finished.
        truth : Mapping[str, NDArray[np.float64]]
            Their `memory` (GB) and `wallclock` (s).

        Returns
        -------
        TabularModel
            A new model; this one is unchanged.
        """
        logs = {target: np.log(truth[target]) for target in TARGETS}
        predicted = HeldOutJobs(
            jobs=jobs, logs=logs, expected=self.expected(jobs), job_counts=self.history.job_counts(jobs)
        )
        residuals = {target: logs[target] - _averages(self.average[target], jobs) for target in TARGETS}
        return replace(
            self,
            history=self.history.extend(jobs, residuals),
            errors={target: errors.update(predicted.errors(target)) for target, errors in self.errors.items()},
        )

    def without(self, jobs: Jobs) -> "TabularModel":
        """Return the model with no run of these datasets in its history, so that they can judge it.

        Parameters
        ----------
        jobs : Jobs
            Jobs whose datasets are removed.

        Returns
        -------
        TabularModel
            A new model, with its errors as they were calibrated.
        """
        return replace(
            self,
            history=self.history.select(~np.isin(self.history.jobs.ipst, jobs.ipst)),
            errors={target: errors.reset() for target, errors in self.errors.items()},
        )


def fit(jobs: Jobs, truth: Mapping[str, Floats], seed: int = 1) -> TabularModel:
    """Train a tabular model.

    Parameters
    ----------
    jobs : Jobs
        n finished jobs.
    truth : Mapping[str, NDArray[np.float64]]
        Their `memory` (GB) and `wallclock` (s).
    seed : int
        Seed of the division into folds.

    Returns
    -------
    TabularModel
        The model; equal arguments give equal models.

    Notes
    -----
    Errors are calibrated on out-of-fold predictions, as in cross-conformal prediction (Vovk, 2015, Annals of
    Mathematics and Artificial Intelligence 74, 9).
    """
    logs = {target: np.log(truth[target]) for target in TARGETS}
    known = predict_held_out(jobs, logs, fold_masks(dataset_keys(jobs), DATASET_FOLDS, seed), history=True)
    unknown = predict_held_out(jobs, logs, fold_masks(program_keys(jobs), PROGRAM_FOLDS, seed), history=False)
    average = _fit_average(jobs, logs)
    return TabularModel(
        average=average,
        history=_fit_history(average, jobs, logs),
        errors={target: fit_error_distribution(known.errors(target), unknown.errors(target)) for target in TARGETS},
        exceedance=fit_exceedance(known.jobs, known.expected, known.job_counts, known.logs["memory"]),
    )


@dataclass(frozen=True, kw_only=True)
class HeldOutJobs:
    """Jobs that a model was not trained on, with their true and expected natural logarithms of GB and seconds."""

    jobs: Jobs
    logs: Mapping[str, Floats]
    expected: Mapping[str, Floats]
    job_counts: Mapping[str, Ints]

    def errors(self, target: str) -> GroupedErrors:
        """Return true minus expected logarithm of each job, with the group of the job.

        Parameters
        ----------
        target : str
            `memory` or `wallclock`.

        Returns
        -------
        GroupedErrors
            n natural logarithms of true over expected GB or seconds.
        """
        return GroupedErrors(self.logs[target] - self.expected[target], calibration_groups(self.jobs, self.job_counts))


def predict_held_out(jobs: Jobs, logs: Mapping[str, Floats], folds: Iterator[Mask], *, history: bool) -> HeldOutJobs:
    """Predict the jobs of each fold by a model of all other jobs.

    Parameters
    ----------
    jobs : Jobs
        n finished jobs.
    logs : Mapping[str, NDArray[np.float64]]
        By target, the natural logarithm of their memory (GB) and time (s).
    folds : Iterator[NDArray[np.bool_]]
        Masks of the jobs to hold out.
    history : bool
        False to predict as if the programs of the jobs were unknown.

    Returns
    -------
    HeldOutJobs
        The jobs of all folds, one fold after another.
    """
    rows, expected, job_counts = [], [], []
    for held_out in folds:
        others, other_logs = jobs.take(~held_out), {target: log[~held_out] for target, log in logs.items()}
        average = _fit_average(others, other_logs)
        finished = _fit_history(average, others, other_logs)
        finished = finished if history else finished.select(np.zeros(len(others), dtype=bool))
        fold = jobs.take(held_out)
        rows.append(np.flatnonzero(held_out))
        expected.append(
            {target: _averages(average[target], fold) + finished.correction(target, fold) for target in TARGETS}
        )
        job_counts.append(finished.job_counts(fold))
    order = np.concatenate(rows)
    return HeldOutJobs(
        jobs=jobs.take(order),
        logs={target: log[order] for target, log in logs.items()},
        expected={target: np.concatenate([part[target] for part in expected]) for target in TARGETS},
        job_counts={level: np.concatenate([part[level] for part in job_counts]) for level in COUNT_LEVELS},
    )


def fold_masks(keys: npt.NDArray[np.generic], folds: int, seed: int) -> Iterator[Mask]:
    """Divide jobs into folds at random; jobs with equal keys are in one fold.

    Parameters
    ----------
    keys : NDArray
        Key of each of n jobs.
    folds : int
        How many folds.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    Iterator[NDArray[np.bool_]]
        A mask of n for each fold that is neither empty nor has all jobs; at least two.

    Raises
    ------
    InputError
        If all keys are equal.
    """
    groups, where = np.unique(keys, return_inverse=True)
    if len(groups) < 2:
        raise InputError(f"all {len(keys)} jobs are of {groups[0]}: jobs of two datasets and two programs are needed")
    fold_of_group = np.random.default_rng(seed).integers(0, folds, len(groups))
    if len(set(fold_of_group)) == 1:  # happens to a few groups
        fold_of_group = np.arange(len(groups)) % folds
    fold = fold_of_group[where.reshape(-1)]
    return (fold == number for number in range(folds) if 0 < (fold == number).sum() < len(fold))


def _fit_average(jobs: Jobs, logs: Mapping[str, Floats]) -> dict[str, TreeEnsemble]:
    rows, where = jobs.distinct()
    weights = np.bincount(where).astype(float)
    return {target: fit_trees(rows, np.bincount(where, weights=log) / weights, weights) for target, log in logs.items()}


def _fit_history(average: Mapping[str, TreeEnsemble], jobs: Jobs, logs: Mapping[str, Floats]) -> JobHistory:
    return fit_history(jobs, {target: log - _averages(average[target], jobs) for target, log in logs.items()})


def _averages(trees: TreeEnsemble, jobs: Jobs) -> Floats:
    rows, where = jobs.distinct()
    return trees.predict(rows)[where]
