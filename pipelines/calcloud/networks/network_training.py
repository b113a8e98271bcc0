"""Training of one network: a whole epoch is one compiled step, and the seed decides every bit of the result.

Two things differ from the published training. A quantity is learned in standard deviations from its mean, and the
last layer is scaled back to GB or seconds afterwards. And the rate falls along half a cosine, because at a constant one
the error of the wallclock network, on train rows kept apart, goes up and down by tens of seconds to the end.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.networks.architecture import Architecture, Hyperparameters
from pipelines.calcloud.networks.determinism import import_tensorflow
from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.training_data.features import INPUTS

Floats = npt.NDArray[np.float64]
Inputs = npt.NDArray[np.float32]

#: From inputs, targets, batches and rate to the mean loss and the mean metric.
RunEpoch = Callable[[Any, Any, Any, float], tuple[float, float]]


@dataclass(frozen=True)
class Examples:
    """Jobs to learn from, or to be judged by."""

    inputs: Inputs
    #: The class as a number, or the quantity in its unit.
    truth: Floats


@dataclass(frozen=True)
class Scale:
    """The mean and spread of the train rows, in which a quantity is learned."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Fitted:
    """A trained network, and how it got there."""

    #: A Keras model from the nine inputs to probabilities, or to the quantity in its unit.
    model: Any
    #: One number an epoch: loss, the metric, both as `val_` on the test rows, and learning_rate.
    history: dict[str, list[float]]


def fit(network: Architecture, train: Examples, test: Examples, how: Hyperparameters) -> Fitted:
    """Learn the train rows; the test rows are only looked at for the history."""
    tensorflow = import_tensorflow()
    import keras

    keras.utils.set_random_seed(how.seed)
    model = build(network)
    scale = _scale(network, train.truth)
    loss = keras.losses.CategoricalCrossentropy() if network.classes else keras.losses.MeanSquaredError()
    run_epoch = _epoch_of(tensorflow, keras, network, model, loss, how)
    inputs, targets = tensorflow.constant(train.inputs), tensorflow.constant(_targets(network, train.truth, scale))
    random = np.random.default_rng(how.seed)
    history: dict[str, list[float]] = {}
    for epoch in range(how.epochs):
        rate = how.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / how.epochs))
        batches = tensorflow.constant(_shuffled_batches(len(train.truth), how.batch, random))
        trained = run_epoch(inputs, targets, batches, rate)
        judged = _judge(network, predict(model, test.inputs), _targets(network, test.truth, scale))
        if not math.isfinite(trained[0] + judged[0]):
            raise InputError(f"{network.name}: the loss is no number any more in epoch {epoch + 1}; lower the rate")
        for name, value in _epoch_figures(network, scale, trained, judged, rate):
            history.setdefault(name, []).append(value)
    _scale_back(model, scale)
    return Fitted(model, history)


def build(network: Architecture) -> Any:
    """The untrained network, its weights drawn from Keras's current seed."""
    import keras

    inputs = layer = keras.Input((len(INPUTS),), name="hst_jobs")
    for i, units in enumerate(network.hidden, start=1):
        layer = keras.layers.Dense(units, activation="relu", name=f"{i}_dense{units}")(layer)
    if network.classes:
        outputs = keras.layers.Dense(len(network.classes), activation="softmax", name="output")(layer)
    else:
        outputs = keras.layers.Dense(1, name="output")(layer)
    return keras.Model(inputs, outputs, name=network.name)


def predict(model: Any, inputs: Inputs) -> Inputs:
    """What the network says of each row; many jobs have the same inputs, which are worked out once."""
    distinct, where = np.unique(inputs, axis=0, return_inverse=True)
    outputs: Inputs = model(distinct, training=False).numpy()[where.reshape(-1)]
    return outputs


def _epoch_of(
    tensorflow: Any, keras: Any, network: Architecture, model: Any, loss: Any, how: Hyperparameters
) -> RunEpoch:
    """A function that goes once through all batches, and gives the mean loss and the mean metric of them."""
    optimizer = keras.optimizers.Adam(how.learning_rate)
    optimizer.build(model.trainable_variables)

    def run(inputs: Any, targets: Any, batches: Any) -> Any:
        sums = tensorflow.zeros(2)
        for number in tensorflow.range(tensorflow.shape(batches)[0]):
            wanted = tensorflow.gather(targets, batches[number])
            with tensorflow.GradientTape() as tape:
                outputs = model(tensorflow.gather(inputs, batches[number]), training=True)
                value = loss(wanted, outputs)
            optimizer.apply(tape.gradient(value, model.trainable_variables))
            right = value
            if network.classes:
                hits = tensorflow.equal(tensorflow.argmax(outputs, 1), tensorflow.argmax(wanted, 1))
                right = tensorflow.reduce_mean(tensorflow.cast(hits, tensorflow.float32))
            sums += tensorflow.stack([value, right])
        return sums / tensorflow.cast(tensorflow.shape(batches)[0], tensorflow.float32)

    # As one piece, because a step of these networks takes a tenth of a millisecond, and Python would add several.
    compiled = tensorflow.function(run, jit_compile=True)

    def run_epoch(inputs: Any, targets: Any, batches: Any, rate: float) -> tuple[float, float]:
        optimizer.learning_rate.assign(rate)
        means = compiled(inputs, targets, batches).numpy()
        return float(means[0]), float(means[1])

    return run_epoch


def _shuffled_batches(rows: int, batch: int, random: np.random.Generator) -> npt.NDArray[np.int32]:
    """Every row once, in equal batches; the last is filled up from the beginning."""
    batch = min(batch, rows)
    order = random.permutation(rows)
    filled = np.resize(order, math.ceil(rows / batch) * batch)
    return filled.reshape(-1, batch).astype(np.int32)


def _scale(network: Architecture, truth: Floats) -> Scale:
    if network.classes:
        return Scale(0.0, 1.0)
    return Scale(float(truth.mean()), float(truth.std()) or 1.0)


def _targets(network: Architecture, truth: Floats, scale: Scale) -> Inputs:
    """One column a class, also for a class that no row has; or one column with the scaled quantity."""
    if network.classes:
        one_hot: Inputs = np.eye(len(network.classes), dtype=np.float32)[truth.astype(int)]
        return one_hot
    return ((truth[:, None] - scale.mean) / scale.deviation).astype(np.float32)


def _judge(network: Architecture, outputs: Inputs, targets: Inputs) -> tuple[float, float]:
    """Loss and metric, the way training counts them."""
    if network.classes:
        chosen = np.clip((outputs * targets).sum(axis=1), 1e-7, None)
        return float(-np.log(chosen).mean()), float((outputs.argmax(axis=1) == targets.argmax(axis=1)).mean())
    squares = float(np.square(outputs.astype(np.float64) - targets).mean())
    return squares, squares


def _epoch_figures(
    network: Architecture, scale: Scale, trained: tuple[float, float], judged: tuple[float, float], rate: float
) -> Iterator[tuple[str, float]]:
    """Names and values for the history, a quantity's in its own unit."""
    for prefix, (loss, metric) in (("", trained), ("val_", judged)):
        yield f"{prefix}loss", loss * scale.deviation**2
        yield f"{prefix}{network.metric}", metric if network.classes else math.sqrt(metric) * scale.deviation
    yield "learning_rate", rate


def _scale_back(model: Any, scale: Scale) -> None:
    """Let the last layer give the quantity in its unit."""
    if (scale.mean, scale.deviation) != (0.0, 1.0):
        output = model.get_layer("output")
        kernel, bias = output.get_weights()
        output.set_weights([kernel * scale.deviation, bias * scale.deviation + scale.mean])
