"""Plots of results: PNG files, the same bytes for the same items."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # the backend is chosen first
import numpy as np

from pipelines.calcloud.networks.architecture import Architecture
from pipelines.calcloud.networks.metrics import roc_curve

Items = Mapping[str, Any]
Draw = Callable[[Any, Architecture, Items], None]

_BLUE, _ORANGE, _GREY = "#2b6ca3", "#d9772b", "#8a8a8a"
_CLASS_COLOURS = ("#2b6ca3", "#3a9a6b", "#d9a02b", "#b5423c")
_STYLE: Any = {
    "figure.figsize": (6.4, 4.8),
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 12,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "legend.frameon": False,
}

_NAMES = {
    "mem_bin": "memory bin",
    "memory": "peak memory",
    "wallclock": "elapsed time",
}


def draw(network: Architecture, items: Items, folder: Path, *, simulated: bool) -> list[Path]:
    """Draw all plots of one network.

    Parameters
    ----------
    network : Architecture
        The network.
    items : Mapping[str, Any]
        Items of its results.
    folder : Path
        Folder to write the PNG files to; it is made.
    simulated : bool
        True to mark the plots as those of simulated jobs.

    Returns
    -------
    list[Path]
        The files.
    """
    drawings = _CLASS_DRAWINGS if network.classes else _QUANTITY_DRAWINGS
    folder.mkdir(parents=True, exist_ok=True)
    return [_draw_one(network, items, folder / f"{name}.png", drawing, simulated) for name, drawing in drawings.items()]


def _draw_one(network: Architecture, items: Items, path: Path, drawing: Draw, simulated: bool) -> Path:
    with plt.rc_context():
        plt.rcdefaults()
        plt.rcParams.update(_STYLE)
        figure = plt.figure()
        drawing(figure, network, items)
        if simulated:
            figure.suptitle("simulated jobs", color=_ORANGE, fontsize=11, fontweight="bold")
        # The software's version would change the bytes of an equal picture.
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)
    return path


def _confusion(figure: Any, network: Architecture, items: Items) -> None:
    axes = figure.subplots()
    counts, shares = items["cmx"], items["cmx_norm"]
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for true in range(len(counts)):
        for chosen in range(len(counts)):
            colour = "white" if shares[true, chosen] > 0.55 else "#222222"
            text = f"{counts[true, chosen]:,}\n{shares[true, chosen]:.1%}"
            axes.text(chosen, true, text, ha="center", va="center", color=colour, fontsize=10)
    axes.set_xticks(range(len(counts)), network.classes)
    axes.set_yticks(range(len(counts)), network.classes)
    axes.set(xlabel="predicted machine", ylabel="true machine")
    axes.set_title(f"Confusion of {_NAMES[network.target]}, {counts.sum():,} test jobs")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, label="share of the true class")


def _roc(figure: Any, network: Architecture, items: Items) -> None:
    axes = figure.subplots()
    truth = items["y_onehot"].argmax(axis=1)
    for label, name in enumerate(network.classes):
        area = items["roc_auc"][name]
        if area is None:
            axes.plot([], [], color=_CLASS_COLOURS[label], label=f"{name}: no test job of it")
            continue
        misses, hits = roc_curve(truth == label, items["y_scores"][:, label])
        axes.plot(misses, hits, color=_CLASS_COLOURS[label], label=f"{name}: area {area:.4f}")
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", label="chance")
    axes.set(xlabel="false positives, share", ylabel="true positives, share", xlim=(-0.01, 1), ylim=(0, 1.01))
    axes.set_title(f"ROC of {_NAMES[network.target]}, each class against the others")
    axes.legend(loc="lower right")


def _class_curves(figure: Any, network: Architecture, items: Items) -> None:
    above, below = figure.subplots(2, 1, sharex=True)
    _curves(above, items["history"], "accuracy")
    _curves(below, items["history"], "loss")
    above.set(ylabel="accuracy")
    below.set(xlabel="epoch", ylabel="cross-entropy", yscale="log")
    above.set_title(f"Training of {_NAMES[network.target]}")
    above.legend(loc="lower right")


def _quantity_curves(figure: Any, network: Architecture, items: Items) -> None:
    axes = figure.subplots()
    _curves(axes, items["history"], "rmse")
    axes.set(xlabel="epoch", ylabel=f"RMSE ({network.unit})")
    axes.set_title(f"Training of {_NAMES[network.target]}: test RMSE {items['loss']['test_rmse']:.4g} {network.unit}")
    axes.legend()


def _curves(axes: Any, history: Mapping[str, list[float]], name: str) -> None:
    epochs = np.arange(1, len(history[name]) + 1)
    marker = "o" if len(epochs) < 4 else None
    axes.plot(epochs, history[name], color=_BLUE, marker=marker, label="train (while learning)")
    axes.plot(epochs, history[f"val_{name}"], color=_ORANGE, marker=marker, label="test")
    axes.xaxis.get_major_locator().set_params(integer=True)


def _residuals(figure: Any, network: Architecture, items: Items) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    predicted, truth = items["predictions"].T
    low, high = float(truth.min()) / 2, float(max(truth.max(), predicted.max()))
    left.plot([low, high], [low, high], color=_GREY, linestyle=":", label="exact")
    # A prediction below the axis, which may be negative, is drawn at the lower end.
    left.scatter(truth, np.clip(predicted, low, None), s=6, alpha=0.25, color=_BLUE, linewidths=0, rasterized=True)
    left.set(xscale="log", yscale="log", xlabel=f"true ({network.unit})", ylabel=f"predicted ({network.unit})")
    left.set_title(f"{_NAMES[network.target].capitalize()}, {len(truth):,} test jobs")
    left.legend(loc="upper left")
    reach = float(np.percentile(np.abs(items["residuals"]), 99)) or 1.0
    right.hist(np.clip(items["residuals"], -reach, reach), bins=41, range=(-reach, reach), color=_BLUE)
    right.axvline(0, color=_GREY, linestyle=":")
    right.set(xlabel=f"predicted - true ({network.unit})\nend bars: all beyond", ylabel="jobs", yscale="log")
    right.set_title(f"RMSE {items['loss']['test_rmse']:.4g} {network.unit}")


_CLASS_DRAWINGS: Mapping[str, Draw] = {"cmx": _confusion, "roc_auc": _roc, "acc_loss": _class_curves}
_QUANTITY_DRAWINGS: Mapping[str, Draw] = {"loss": _quantity_curves, "residuals": _residuals}
