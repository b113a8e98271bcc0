"""The three published networks: what each predicts, its layers, and how long it learns."""

from dataclasses import dataclass

from pipelines.calcloud.sources.schema import BIN_NAMES


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One network, dense layers only, from the nine inputs to a class or a quantity."""

    #: The column it learns; also the name of its results folder.
    target: str
    #: The name of its model file.
    name: str
    #: Units of the hidden layers, each with relu.
    hidden: tuple[int, ...]
    #: The classes that it chooses from, by softmax; none for a quantity.
    classes: tuple[str, ...] = ()
    #: Unit of the quantity.
    unit: str = ""
    #: The column that evaluation adds to the table.
    prediction: str
    epochs: int
    batch: int
    #: The published rate, which does not fall.
    published_rate: float = 1e-4
    #: The rate in the first epoch here; with its mean at twice the published one, the same epochs lead further down.
    learning_rate: float = 4e-4

    @property
    def metric(self) -> str:
        """What is told of each epoch beside the loss."""
        return "accuracy" if self.classes else "rmse"


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """How one training is done; epochs and batch are the published ones unless told otherwise."""

    seed: int
    epochs: int
    batch: int
    #: Adam's rate in the first epoch; it falls to nothing along half a cosine.
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
    """What was asked for, and the network's own value where nothing was."""
    return Hyperparameters(
        seed=seed,
        epochs=epochs or network.epochs,
        batch=batch or network.batch,
        learning_rate=learning_rate or network.learning_rate,
    )
