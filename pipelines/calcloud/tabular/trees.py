"""Boosted trees as plain arrays: the average of a quantity for jobs with given features, without any history.

scikit-learn trains the trees; they are evaluated here, so that a model file holds arrays only and nothing pickled, and
reading one runs no code of the file and needs no version of scikit-learn.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Rows that are evaluated together, so that they stay in the processor's cache.
_BLOCK_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class TreeParameters:
    """Number, depth and learning rate of boosted trees, and the least number of jobs of a leaf."""

    trees: int = 100
    depth: int = 6
    rate: float = 0.1
    least_jobs: int = 0


@dataclass(frozen=True, kw_only=True)
class TreeEnsemble:
    """Nodes of all trees one after another; both children of a leaf are the leaf itself."""

    #: Value before the first tree, shape (1,).
    start: Floats
    #: Number of the root node of each tree.
    roots: npt.NDArray[np.int32]
    #: Column that each node tests.
    feature: npt.NDArray[np.int16]
    #: Largest value of that column for which a row goes to the left.
    threshold: Floats
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    #: What a leaf adds to the sum.
    value: Floats

    def predict(self, features: Floats) -> Floats:
        """Return the sum of all trees for each row.

        Parameters
        ----------
        features : NDArray[np.float64]
            Features of n rows, shape (n, columns).

        Returns
        -------
        NDArray[np.float64]
            n sums, in the unit of the values that the trees were trained on.
        """
        rows = features.astype(np.float32)  # scikit-learn chose the thresholds for this type
        total = np.full(len(rows), float(self.start[0]))
        for first in range(0, len(rows), _BLOCK_ROWS):
            total[first : first + _BLOCK_ROWS] += self._sum_of_leaves(rows[first : first + _BLOCK_ROWS])
        return total

    def _sum_of_leaves(self, features: npt.NDArray[np.float32]) -> Floats:
        rows = np.arange(len(features))[:, None]
        node = np.broadcast_to(self.roots, (len(features), len(self.roots)))
        while (self.left[node] != node).any():
            below = features[rows, self.feature[node]] <= self.threshold[node]
            node = np.where(below, self.left[node], self.right[node])
        return np.asarray(self.value[node].sum(axis=1))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all arrays by name.

        Returns
        -------
        dict[str, NDArray]
            By name, the arrays with the dtypes of the fields.
        """
        return {field.name: getattr(self, field.name) for field in fields(self)}


def trees_from_arrays(arrays: Mapping[str, npt.NDArray[np.generic]]) -> TreeEnsemble:
    """Return the ensemble whose `arrays` these are; KeyError if one is missing.

    Parameters
    ----------
    arrays : Mapping[str, NDArray]
        Arrays by name, as `TreeEnsemble.arrays` returns them.

    Returns
    -------
    TreeEnsemble
        The trees.

    Raises
    ------
    KeyError
        If an array is missing.
    """
    return TreeEnsemble(**{field.name: arrays[field.name] for field in fields(TreeEnsemble)})  # type: ignore[arg-type]


def fit_trees(
    features: Floats, means: Floats, weights: Floats, parameters: TreeParameters = TreeParameters()
) -> TreeEnsemble:
    """Train boosted trees by least squares.

    Parameters
    ----------
    features : NDArray[np.float64]
        Features of n distinct rows, shape (n, columns).
    means : NDArray[np.float64]
        Mean of the quantity over the jobs of each row.
    weights : NDArray[np.float64]
        Number of jobs of each row.
    parameters : TreeParameters
        Number, depth and learning rate of the trees.

    Returns
    -------
    TreeEnsemble
        The trees.

    References
    ----------
    Friedman, 2001, Annals of Statistics 29, 1189 (gradient boosting).
    """
    from sklearn.ensemble import GradientBoostingRegressor  # start-up: seconds to import, and only training needs it

    model = GradientBoostingRegressor(
        n_estimators=parameters.trees,
        max_depth=parameters.depth,
        learning_rate=parameters.rate,
        min_weight_fraction_leaf=min(0.5, parameters.least_jobs / weights.sum()),
        random_state=0,
    )
    model.fit(features, means, sample_weight=weights)
    parts: dict[str, list[npt.NDArray[np.generic]]] = {
        key: [] for key in ("feature", "threshold", "left", "right", "value")
    }
    roots = []
    count = 0
    for estimator in model.estimators_[:, 0]:
        tree = estimator.tree_
        own = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        roots.append(count)
        parts["feature"].append(np.where(leaf, 0, tree.feature))
        parts["threshold"].append(tree.threshold)
        parts["left"].append(np.where(leaf, own, tree.children_left) + count)
        parts["right"].append(np.where(leaf, own, tree.children_right) + count)
        parts["value"].append(tree.value[:, 0, 0] * parameters.rate)
        count += tree.node_count
    dtypes = {"feature": np.int16, "threshold": np.float64, "left": np.int32, "right": np.int32, "value": np.float64}
    return TreeEnsemble(
        start=np.array([float(np.average(means, weights=weights))]),
        roots=np.array(roots, np.int32),
        **{key: np.concatenate(found).astype(dtypes[key]) for key, found in parts.items()},
    )
