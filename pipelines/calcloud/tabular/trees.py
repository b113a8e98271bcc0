"""Boosted trees as plain arrays: what a job with these features takes on the average, without any history."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_DISTINCT = 256


@dataclass(frozen=True, kw_only=True)
class Growth:
    """How many trees, how deep, and of how many jobs a leaf is at least."""

    trees: int = 100
    depth: int = 6
    rate: float = 0.1
    least_jobs: int = 0


@dataclass(frozen=True, kw_only=True)
class Trees:
    """Nodes of all trees one after another; a leaf leads to itself."""

    start: Floats
    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int16]
    threshold: Floats
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: Floats

    def __call__(self, features: Floats) -> Floats:
        """The sum of the trees for each row."""
        given = features.astype(np.float32)  # the thresholds were chosen for numbers of this kind
        total = np.full(len(given), float(self.start[0]))
        for first in range(0, len(given), _DISTINCT):
            total[first : first + _DISTINCT] += self._leaves(given[first : first + _DISTINCT])
        return total

    def _leaves(self, given: npt.NDArray[np.float32]) -> Floats:
        rows = np.arange(len(given))[:, None]
        node = np.broadcast_to(self.roots, (len(given), len(self.roots)))
        while (self.left[node] != node).any():
            below = given[rows, self.feature[node]] <= self.threshold[node]
            node = np.where(below, self.left[node], self.right[node])
        return np.asarray(self.value[node].sum(axis=1))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Everything there is, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def trees_of(arrays: Mapping[str, npt.NDArray[np.generic]]) -> Trees:
    """What `arrays` gave."""
    return Trees(**{field.name: arrays[field.name] for field in fields(Trees)})  # type: ignore[arg-type]


def fit_trees(features: Floats, means: Floats, weights: Floats, growth: Growth = Growth()) -> Trees:
    """Least squares over different rows of features, each with its mean and the number of its jobs."""
    from sklearn.ensemble import GradientBoostingRegressor  # seconds to import, and only the fit needs it

    model = GradientBoostingRegressor(
        n_estimators=growth.trees,
        max_depth=growth.depth,
        learning_rate=growth.rate,
        min_weight_fraction_leaf=min(0.5, growth.least_jobs / weights.sum()),
        random_state=0,
    )
    model.fit(features, means, sample_weight=weights)
    parts: dict[str, list[npt.NDArray[np.generic]]] = {
        key: [] for key in ("feature", "threshold", "left", "right", "value")
    }
    roots = []
    count = 0
    for grown in model.estimators_[:, 0]:
        tree = grown.tree_
        own = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        roots.append(count)
        parts["feature"].append(np.where(leaf, 0, tree.feature))
        parts["threshold"].append(tree.threshold)
        parts["left"].append(np.where(leaf, own, tree.children_left) + count)
        parts["right"].append(np.where(leaf, own, tree.children_right) + count)
        parts["value"].append(tree.value[:, 0, 0] * growth.rate)
        count += tree.node_count
    kinds = {"feature": np.int16, "threshold": np.float64, "left": np.int32, "right": np.int32, "value": np.float64}
    return Trees(
        start=np.array([float(np.average(means, weights=weights))]),
        roots=np.array(roots, np.int32),
        **{key: np.concatenate(found).astype(kinds[key]) for key, found in parts.items()},
    )
