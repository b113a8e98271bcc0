"""The three published networks: targets, layers, epochs and batches."""

from dataclasses import dataclass

from pipelines.calcloud.sources.schema import BIN_NAMES


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network of dense layers, from the nine inputs to a class or a quantity."""

    #: Column that it predicts; also the name of its results folder.
    target: str
    #: Name of its model file, without suffix.
    name: str
    #: Numbers of units of the hidden layers, all with ReLU.
    hidden: tuple[int, ...]
    #: Names of the classes, with softmax; empty for a quantity.
    classes: tuple[str, ...] = ()
    #: Unit of the quantity, GB or s.
    unit: str = ""
    #: Column that evaluate adds to the table.
    prediction: str
    #: Published epochs and rows of a batch.
    epochs: int
    batch: int
    #: Published learning rate, which is constant.
    published_rate: float = 1e-4
    #: Learning rate of the first epoch here; its mean is twice the published one, and the errors become smaller.
    learning_rate: float = 4e-4

    @property
    def metric(self) -> str:
        """Name of the metric that the history holds besides the loss."""
        return "accuracy" if self.classes else "rmse"


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Parameters of one training."""

    seed: int
    epochs: int
    #: Rows of a batch.
    batch: int
    #: Learning rate of Adam in the first epoch; it falls to zero along half a cosine.
    learning_rate: float


_SHORT = (18, 32, 64, 32, 18, 9)
_LONG = (18, 32, 64, 128, 256, 128, 64, 32, 18, 9)

NETWORKS = (
    Architecture(
        target="mem_bin", name="mem_clf", hidden=_SHORT, classes=BIN_NAMES, prediction="bin_pred", epochs=60, batch=32
    ),
    Architecture(target="memory", name="mem_reg", hidden=_SHORT, unit="GB", prediction="mem_pred", epochs=60, batch=32),
    Architecture(
        target="wallclock", name="wall_reg", hidden=_LONG, unit="s", prediction="wall_pred", epochs=300, batch=64
    ),
)

BY_TARGET = {network.target: network for network in NETWORKS}


def hyperparameters(
    network: Architecture, *, seed: int, epochs: int | None, batch: int | None, learning_rate: float | None
) -> Hyperparameters:
    """Return the parameters of a training; None stands for the network's own value.

    Parameters
    ----------
    network : Architecture
        The network.
    seed : int
        Seed of the weights and of the order of the rows.
    epochs, batch : int | None
        How often each row is seen, and how many rows a step has.
    learning_rate : float | None
        Learning rate of Adam in the first epoch.

    Returns
    -------
    Hyperparameters
        All of them.
    """
    return Hyperparameters(
        seed=seed,
        epochs=epochs or network.epochs,
        batch=batch or network.batch,
        learning_rate=learning_rate or network.learning_rate,
    )
