"""The chance that a job needs more than each machine has, learned from jobs that were left out.

The spread takes the errors of all jobs to be of one shape. Those of memory are not: equal jobs take either of two
amounts, and a large amount that is expected is often only one doubtful label. Trees over what was expected of a job,
how much history that rests on, and what job it is, know how often it came out so.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.sources.schema import BIN_EDGES_GB
from pipelines.calcloud.tabular.trees import Growth, Trees, fit_trees
from pipelines.calcloud.training_data.job_arrays import Jobs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GROWTH = Growth(trees=60, depth=4, least_jobs=10)
#: How much the trees count beside the spread, which also knows of amounts that no job has come near yet.
_SHARE = 0.7
_FILES, _SIZE, _AS_THEY_ARE = 0, 1, (3, 6, 7, 8)


def fit_chances(
    jobs: Jobs, expected: Mapping[str, Floats], evidence: Mapping[str, Ints], memory: Floats
) -> tuple[Trees, ...]:
    """Trees for each edge between machines; `expected` and `memory` (used) are logarithms, of jobs left out."""
    rows, where = np.unique(_inputs(jobs, expected, evidence), axis=0, return_inverse=True)
    weights = np.bincount(where.reshape(-1)).astype(float)
    above = (memory >= np.log(edge) for edge in BIN_EDGES_GB)
    shares = (np.bincount(where.reshape(-1), weights=exceeded) / weights for exceeded in above)
    return tuple(fit_trees(rows, share, weights, _GROWTH) for share in shares)


def exceed(
    chances: Sequence[Trees],
    jobs: Jobs,
    expected: Mapping[str, Floats],
    evidence: Mapping[str, Ints],
    by_spread: Mapping[float, Floats],
) -> list[Floats]:
    """The chances to reach each edge, given those by the spread; falling from edge to edge.

    Of an edge that is not one of the published ladder nothing was learned, and the spread has the word alone.
    """
    rows, where = np.unique(_inputs(jobs, expected, evidence), axis=0, return_inverse=True)
    learned = dict(zip(BIN_EDGES_GB, chances, strict=True))
    found: list[Floats] = []
    for edge, spread in by_spread.items():
        trees = learned.get(edge)
        share = (
            spread if trees is None else _SHARE * np.clip(trees(rows), 0, 1)[where.reshape(-1)] + (1 - _SHARE) * spread
        )
        found.append(np.minimum(share, found[-1]) if found else share)
    return found


def _inputs(jobs: Jobs, expected: Mapping[str, Floats], evidence: Mapping[str, Ints]) -> Floats:
    """Rounded, so that there are few different ones."""
    return np.column_stack(
        [
            _rounded(expected["memory"], 0.05),
            _rounded(expected["wallclock"], 0.5),
            np.round(np.log2(1 + evidence["program"])),
            np.round(np.log2(1 + evidence["program_setting"])),
            _rounded(np.log1p(jobs.features[:, _FILES]), 0.5),
            _rounded(np.log1p(jobs.features[:, _SIZE]), 0.5),
            jobs.features[:, _AS_THEY_ARE],
            jobs.cycles,
        ]
    )


def _rounded(values: Floats, step: float) -> Floats:
    return np.asarray(np.round(values / step) * step)
