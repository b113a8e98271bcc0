"""Exceedance probabilities: how likely a job needs more memory than each machine has.

The conformal distribution of errors has one shape for all jobs. Errors of memory do not: equal jobs use either of two
amounts, and a large expected amount often rests on one doubtful label. Boosted trees over the expected values, the
number of similar finished jobs and the features learn how often each edge between machines was reached by jobs that the
model was not trained on.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.sources.schema import BIN_EDGES_GB
from pipelines.calcloud.tabular.trees import TreeEnsemble, TreeParameters, fit_trees
from pipelines.calcloud.training_data.job_arrays import Jobs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PARAMETERS = TreeParameters(trees=60, depth=4, least_jobs=10)
#: Weight of the trees; the rest is that of the conformal probabilities, which also cover amounts not seen so far.
_WEIGHT = 0.7
_FILES, _SIZE, _UNCHANGED = 0, 1, (3, 6, 7, 8)


def fit_exceedance(
    jobs: Jobs, expected: Mapping[str, Floats], job_counts: Mapping[str, Ints], memory: Floats
) -> tuple[TreeEnsemble, ...]:
    """Train the trees of each edge between machines, on jobs that the model was not trained on.

    Parameters
    ----------
    jobs : Jobs
        n jobs.
    expected : Mapping[str, NDArray[np.float64]]
        Expected `memory` (natural logarithm of GB) and `wallclock` (of seconds), n values each.
    job_counts : Mapping[str, NDArray[np.int64]]
        Numbers of similar finished jobs, as `JobHistory.job_counts` returns them.
    memory : NDArray[np.float64]
        Peak memory of the n jobs, natural logarithm of GB.

    Returns
    -------
    tuple[TreeEnsemble, ...]
        One ensemble for each of `BIN_EDGES_GB`.
    """
    rows, where = np.unique(_inputs(jobs, expected, job_counts), axis=0, return_inverse=True)
    weights = np.bincount(where.reshape(-1)).astype(float)
    reached = (memory >= np.log(edge) for edge in BIN_EDGES_GB)
    shares = (np.bincount(where.reshape(-1), weights=above) / weights for above in reached)
    return tuple(fit_trees(rows, share, weights, _PARAMETERS) for share in shares)


def exceedance_probabilities(
    ensembles: Sequence[TreeEnsemble],
    jobs: Jobs,
    expected: Mapping[str, Floats],
    job_counts: Mapping[str, Ints],
    conformal: Mapping[float, Floats],
) -> list[Floats]:
    """Return the probability that each job reaches each edge between machines.

    Parameters
    ----------
    ensembles : Sequence[TreeEnsemble]
        Trees of the edges in `BIN_EDGES_GB`, as `fit_exceedance` returns them.
    jobs : Jobs
        n jobs.
    expected : Mapping[str, NDArray[np.float64]]
        Expected `memory` (natural logarithm of GB) and `wallclock` (of seconds).
    job_counts : Mapping[str, NDArray[np.int64]]
        Numbers of similar finished jobs.
    conformal : Mapping[float, NDArray[np.float64]]
        Conformal probabilities of the jobs by edge (GB), edges increasing. An edge that has no trees keeps them.

    Returns
    -------
    list[NDArray[np.float64]]
        n probabilities for each edge; they do not increase from edge to edge.
    """
    rows, where = np.unique(_inputs(jobs, expected, job_counts), axis=0, return_inverse=True)
    by_edge = dict(zip(BIN_EDGES_GB, ensembles, strict=True))
    found: list[Floats] = []
    for edge, probability in conformal.items():
        trees = by_edge.get(edge)
        if trees is not None:
            by_trees = np.clip(trees.predict(rows), 0, 1)[where.reshape(-1)]
            probability = _WEIGHT * by_trees + (1 - _WEIGHT) * probability
        found.append(np.minimum(probability, found[-1]) if found else probability)
    return found


def _inputs(jobs: Jobs, expected: Mapping[str, Floats], job_counts: Mapping[str, Ints]) -> Floats:
    """Return the inputs of the trees, rounded so that few rows differ."""
    return np.column_stack(
        [
            _rounded(expected["memory"], 0.05),
            _rounded(expected["wallclock"], 0.5),
            np.round(np.log2(1 + job_counts["program"])),
            np.round(np.log2(1 + job_counts["program_setting"])),
            _rounded(np.log1p(jobs.features[:, _FILES]), 0.5),
            _rounded(np.log1p(jobs.features[:, _SIZE]), 0.5),
            jobs.features[:, _UNCHANGED],
            jobs.cycles,
        ]
    )


def _rounded(values: Floats, step: float) -> Floats:
    return np.asarray(np.round(values / step) * step)
