"""Training of one network: an epoch is one compiled function, and the seed decides every bit of the result.

Two things differ from the published training. A quantity is learned in standard deviations from its mean, and the last
layer is scaled back to GB or seconds afterwards. The learning rate falls along half a cosine: at a constant rate the
error of the wallclock network, on train rows that were held out, still changed by tens of seconds in the last epochs.

The loop is not `keras.Model.fit`, which takes 2 to 3 times as long on the same rows even with all batches of an epoch
in one execution (and 3 to 7 times as long with one batch an execution): Keras does not compile `fit` by XLA where the
order of sums is fixed.
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

#: Function of inputs, targets, batches and learning rate that returns the mean loss and the mean metric.
RunEpoch = Callable[[Any, Any, Any, float], tuple[float, float]]


@dataclass(frozen=True)
class Examples:
    """Jobs to train or to test with."""

    #: Inputs of n jobs, float32 of shape (n, 9).
    inputs: Inputs
    #: Number of the class, or the quantity in GB or seconds, shape (n,).
    truth: Floats


@dataclass(frozen=True)
class TargetScale:
    """Mean and standard deviation of a quantity over the train rows, in GB or seconds."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network with the history of its training."""

    #: Keras model from inputs of shape (n, 9) to probabilities, or to the quantity in GB or seconds.
    model: Any
    #: A number for each epoch: loss, metric, both as `val_` for the test rows, and learning_rate.
    history: dict[str, list[float]]


def fit(network: Architecture, train: Examples, test: Examples, parameters: Hyperparameters) -> TrainedNetwork:
    """Train a network.

    Parameters
    ----------
    network : Architecture
        The network.
    train, test : Examples
        Train rows, and test rows, which are used for the history only.
    parameters : Hyperparameters
        Seed, epochs, batch and learning rate.

    Returns
    -------
    TrainedNetwork
        The network and its history; equal arguments give equal bits.

    Raises
    ------
    InputError
        If the loss is not finite any more.

    References
    ----------
    Kingma and Ba, 2015, ICLR (Adam).
    Loshchilov and Hutter, 2017, ICLR (cosine decay of the learning rate; here without restarts).
    """
    tensorflow = import_tensorflow()
    import keras  # start-up: TensorFlow is set up before

    keras.utils.set_random_seed(parameters.seed)
    model = build_network(network)
    scale = _scale(network, train.truth)
    loss = keras.losses.CategoricalCrossentropy() if network.classes else keras.losses.MeanSquaredError()
    run_epoch = _compile_epoch(tensorflow, keras, network, model, loss, parameters)
    inputs, targets = tensorflow.constant(train.inputs), tensorflow.constant(_targets(network, train.truth, scale))
    random = np.random.default_rng(parameters.seed)
    history: dict[str, list[float]] = {}
    for epoch in range(parameters.epochs):
        rate = parameters.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / parameters.epochs))
        batches = tensorflow.constant(_shuffled_batches(len(train.truth), parameters.batch, random))
        trained = run_epoch(inputs, targets, batches, rate)
        tested = _loss_and_metric(network, predict(model, test.inputs), _targets(network, test.truth, scale))
        if not math.isfinite(trained[0] + tested[0]):
            raise InputError(f"{network.name}: the loss is not finite in epoch {epoch + 1}; lower the rate")
        for name, value in _history_entries(network, scale, trained, tested, rate):
            history.setdefault(name, []).append(value)
    _scale_back(model, scale)
    return TrainedNetwork(model, history)


def build_network(network: Architecture) -> Any:
    """Return the untrained Keras model, from shape (n, 9) to (n, classes) or (n, 1); Keras draws its weights.

    Parameters
    ----------
    network : Architecture
        The network.

    Returns
    -------
    keras.Model
        From float32 of shape (n, 9) to (n, classes) or (n, 1).
    """
    import keras  # start-up: TensorFlow is set up before

    inputs = layer = keras.Input((len(INPUTS),), name="hst_jobs")
    for i, units in enumerate(network.hidden, start=1):
        layer = keras.layers.Dense(units, activation="relu", name=f"{i}_dense{units}")(layer)
    if network.classes:
        outputs = keras.layers.Dense(len(network.classes), activation="softmax", name="output")(layer)
    else:
        outputs = keras.layers.Dense(1, name="output")(layer)
    return keras.Model(inputs, outputs, name=network.name)


def predict(model: Any, inputs: Inputs) -> Inputs:
    """Return the outputs of a network; equal rows of inputs are computed once.

    Parameters
    ----------
    model : keras.Model
        The network.
    inputs : NDArray[np.float32]
        Inputs of n jobs, shape (n, 9).

    Returns
    -------
    NDArray[np.float32]
        Probabilities of shape (n, classes), or GB or seconds of shape (n, 1).
    """
    distinct, where = np.unique(inputs, axis=0, return_inverse=True)
    outputs: Inputs = model(distinct, training=False).numpy()[where.reshape(-1)]
    return outputs


def _compile_epoch(
    tensorflow: Any, keras: Any, network: Architecture, model: Any, loss: Any, parameters: Hyperparameters
) -> RunEpoch:
    """Return a function that trains on all batches once, and returns their mean loss and mean metric."""
    optimizer = keras.optimizers.Adam(parameters.learning_rate)
    optimizer.build(model.trainable_variables)

    def run(inputs: Any, targets: Any, batches: Any) -> Any:
        sums = tensorflow.zeros(2)
        for number in tensorflow.range(tensorflow.shape(batches)[0]):
            expected = tensorflow.gather(targets, batches[number])
            with tensorflow.GradientTape() as tape:
                outputs = model(tensorflow.gather(inputs, batches[number]), training=True)
                value = loss(expected, outputs)
            optimizer.apply(tape.gradient(value, model.trainable_variables))
            metric = value
            if network.classes:
                hits = tensorflow.equal(tensorflow.argmax(outputs, 1), tensorflow.argmax(expected, 1))
                metric = tensorflow.reduce_mean(tensorflow.cast(hits, tensorflow.float32))
            sums += tensorflow.stack([value, metric])
        return sums / tensorflow.cast(tensorflow.shape(batches)[0], tensorflow.float32)

    # One function for all batches: a step takes a tenth of a millisecond, to which Python would add several.
    compiled = tensorflow.function(run, jit_compile=True)

    def run_epoch(inputs: Any, targets: Any, batches: Any, rate: float) -> tuple[float, float]:
        optimizer.learning_rate.assign(rate)
        means = compiled(inputs, targets, batches).numpy()
        return float(means[0]), float(means[1])

    return run_epoch


def _shuffled_batches(rows: int, batch: int, random: np.random.Generator) -> npt.NDArray[np.int32]:
    """Return row numbers of shape (batches, batch): every row once, the last batch filled up from the beginning."""
    batch = min(batch, rows)
    order = random.permutation(rows)
    filled = np.resize(order, math.ceil(rows / batch) * batch)
    return filled.reshape(-1, batch).astype(np.int32)


def _scale(network: Architecture, truth: Floats) -> TargetScale:
    if network.classes:
        return TargetScale(0.0, 1.0)
    return TargetScale(float(truth.mean()), float(truth.std()) or 1.0)


def _targets(network: Architecture, truth: Floats, scale: TargetScale) -> Inputs:
    """Return one column for each class, also for a class without a row; or one column with the scaled quantity."""
    if network.classes:
        one_hot: Inputs = np.eye(len(network.classes), dtype=np.float32)[truth.astype(int)]
        return one_hot
    return ((truth[:, None] - scale.mean) / scale.deviation).astype(np.float32)


def _loss_and_metric(network: Architecture, outputs: Inputs, targets: Inputs) -> tuple[float, float]:
    """Return loss and metric, computed as in training."""
    if network.classes:
        probability = np.clip((outputs * targets).sum(axis=1), 1e-7, None)
        return float(-np.log(probability).mean()), float((outputs.argmax(axis=1) == targets.argmax(axis=1)).mean())
    squares = float(np.square(outputs.astype(np.float64) - targets).mean())
    return squares, squares


def _history_entries(
    network: Architecture, scale: TargetScale, trained: tuple[float, float], tested: tuple[float, float], rate: float
) -> Iterator[tuple[str, float]]:
    """Yield names and values for the history, those of a quantity in GB or seconds."""
    for prefix, (loss, metric) in (("", trained), ("val_", tested)):
        yield f"{prefix}loss", loss * scale.deviation**2
        yield f"{prefix}{network.metric}", metric if network.classes else math.sqrt(metric) * scale.deviation
    yield "learning_rate", rate


def _scale_back(model: Any, scale: TargetScale) -> None:
    """Scale the weights of the last layer, so that the outputs are in GB or seconds."""
    if (scale.mean, scale.deviation) != (0.0, 1.0):
        output = model.get_layer("output")
        kernel, bias = output.get_weights()
        output.set_weights([kernel * scale.deviation, bias * scale.deviation + scale.mean])
