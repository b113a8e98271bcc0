"""Pictures of the coadds and of the photometry's residuals: plain PNG, the same bytes for the same files."""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.hsc.steps import command

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.hsc.catalogues.residuals import Residuals
    from pipelines.hsc.pixels.exposure import Exposure

COMMAND = "python -m pipelines.hsc.figures"
DESCRIPTION = """Draw coadds, patches of one filter side by side, and how far forced photometry is from the true or
reference magnitudes; write the residuals' figures as JSON."""

_BLUE, _ORANGE, _GREY = "#2b6ca3", "#d9772b", "#8a8a8a"
_STYLE: Any = {
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12,
    "legend.frameon": False,
}
#: Of the sky's noise: what is drawn white and black.
_FAINTEST_SIGMA, _BRIGHTEST_SIGMA = -2, 300
_REACH_MAG = 0.3


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=DESCRIPTION)
    parser.add_argument("--coadds", type=Path, nargs="+", required=True, metavar="FILE", help="deepCoadd_calexp")
    parser.add_argument("--forced", type=Path, nargs="+", required=True, metavar="FILE", help="deepCoadd_forced_src")
    parser.add_argument("--truth", type=Path, required=True, help="true stars, or a folder of the reference catalogue")
    parser.add_argument("--coadd_png", type=Path, default=Path("coadd.png"))
    parser.add_argument("--residuals_png", type=Path, default=Path("residuals.png"))
    parser.add_argument("--summary", type=Path, default=Path("residuals.json"))
    arguments = parser.parse_args(argv)
    return command.run(COMMAND, lambda: _act(arguments))


def _act(arguments: argparse.Namespace) -> None:
    from pipelines.hsc.pixels.exposure import read_exposure

    residuals = read_residuals(arguments.forced, arguments.truth)
    draw_coadds([read_exposure(path) for path in arguments.coadds], arguments.coadd_png)
    draw_residuals(residuals, arguments.residuals_png)
    arguments.summary.parent.mkdir(parents=True, exist_ok=True)
    arguments.summary.write_text(json.dumps([part.summary() for part in residuals], indent=1) + "\n")


def read_residuals(forced: Iterable[Path], truth: Path) -> "list[Residuals]":
    """One for each filter, of all its patches."""
    import numpy as np

    from pipelines.hsc.catalogues.catalogue import read_catalogue
    from pipelines.hsc.catalogues.residuals import compare
    from pipelines.hsc.files.fits_file import card, read_fits
    from pipelines.hsc.sky.reference import read_reference, read_stars

    tables: dict[str, list[NDArray[Any]]] = {}
    for path in forced:
        name = card(path, read_fits(path)[0].header, "FILTER")
        tables.setdefault(name, []).append(read_catalogue(path, "deepCoadd_forced_src"))
    read = read_reference if truth.is_dir() else read_stars
    return [compare(name, np.concatenate(tables[name]), read(truth, name)) for name in sorted(tables)]


def draw_coadds(coadds: "Sequence[Exposure]", path: Path) -> None:
    """A panel for each filter, its patches where they are in the tract; brightness in sigma of the sky."""
    from matplotlib.colors import AsinhNorm

    by_filter: dict[str, list[Exposure]] = {}
    for coadd in coadds:
        by_filter.setdefault(str(coadd.facts.get("filter", "")), []).append(coadd)

    def panels(figure: Any) -> None:
        norm = AsinhNorm(linear_width=3, vmin=_FAINTEST_SIGMA, vmax=_BRIGHTEST_SIGMA)
        all_axes = figure.subplots(1, len(by_filter), squeeze=False)[0]
        for axes, (name, patches) in zip(all_axes, sorted(by_filter.items()), strict=True):
            picture, arcsec = _mosaic(patches)
            height, width = (size * arcsec for size in picture.shape)
            drawn = axes.imshow(
                picture, origin="lower", cmap="gray_r", norm=norm, extent=(0, width, 0, height), interpolation="nearest"
            )
            names = ", ".join(sorted(str(patch.facts.get("patch", "")) for patch in patches))
            axes.set(title=f"{name}, patches {names}", xlabel="arcsec (east is left)", ylabel="arcsec (north is up)")
        ticks = [-2, 0, 3, 10, 30, 100, 300]
        bar = figure.colorbar(drawn, ax=list(all_axes), label="brightness (sigma of the sky)", ticks=ticks, shrink=0.8)
        bar.ax.set_yticklabels([str(tick) for tick in ticks])
        bar.ax.minorticks_off()

    _save(path, (6.2 * len(by_filter) + 1.2, 6.2), panels)


def _mosaic(patches: "Sequence[Exposure]") -> "tuple[NDArray[Any], float]":
    """Signal to noise of several patches on one sheet, and the size of its pixels."""
    import numpy as np

    places = [tuple(round(-value) for value in patch.wcs.crpix) for patch in patches]
    left, low = (min(place[axis] for place in places) for axis in (0, 1))
    right = max(x + patch.shape[1] for (x, _), patch in zip(places, patches, strict=True))
    high = max(y + patch.shape[0] for (_, y), patch in zip(places, patches, strict=True))
    sheet = np.full((high - low, right - left), np.nan)
    for (x, y), patch in zip(places, patches, strict=True):
        rows, columns = patch.shape
        part = sheet[y - low : y - low + rows, x - left : x - left + columns]
        sky = np.sqrt(np.nanmedian(patch.variance))
        np.copyto(part, patch.image / sky, where=np.isfinite(patch.image))
    return sheet, patches[0].wcs.pixel_arcsec


def draw_residuals(residuals: "Sequence[Residuals]", path: Path) -> None:
    """Left magnitudes, right places, a row for each filter."""

    def panels(figure: Any) -> None:
        rows = figure.subplots(len(residuals), 2, squeeze=False, width_ratios=(3, 2))
        for (left, right), part in zip(rows, residuals, strict=True):
            summary = part.summary()
            _draw_magnitudes(left, part, summary)
            _draw_places(right, part, summary)

    _save(path, (10.5, 4.0 * len(residuals)), panels)


def _draw_magnitudes(axes: Any, part: "Residuals", summary: Mapping[str, Any]) -> None:
    import numpy as np

    from pipelines.hsc.catalogues.residuals import BRIGHT_MAG

    within = np.clip(part.mag_offset, -_REACH_MAG, _REACH_MAG)
    beyond = np.abs(part.mag_offset) > _REACH_MAG
    axes.axhline(0, color=_GREY, linewidth=1)
    axes.axvline(BRIGHT_MAG, color=_GREY, linestyle=":", linewidth=1)
    axes.scatter(part.true_mag[~beyond], within[~beyond], s=12, color=_BLUE, alpha=0.6, linewidths=0)
    if beyond.any():
        label = f"beyond {_REACH_MAG} mag, at the rim"
        axes.scatter(part.true_mag[beyond], within[beyond], s=18, marker="x", color=_ORANGE, label=label)
        axes.legend(loc="upper left", borderaxespad=1.6)
    axes.set(xlabel="true magnitude", ylabel="measured - true (mag)", ylim=(-1.1 * _REACH_MAG, 1.1 * _REACH_MAG))
    axes.set_title(
        f"{part.filter}, {summary['stars']} stars brighter than {BRIGHT_MAG}: "
        f"median {summary['median_mag']:+.4f}, scatter {summary['scatter_mag']:.4f} mag",
        fontsize=10.5,
    )


def _draw_places(axes: Any, part: "Residuals", summary: Mapping[str, Any]) -> None:
    from pipelines.hsc.catalogues.residuals import BRIGHT_MAG

    bright = part.true_mag < BRIGHT_MAG
    axes.hist(part.separation[bright].clip(0, 0.1), bins=40, range=(0, 0.1), color=_BLUE)
    axes.axvline(0.05, color=_GREY, linestyle=":", linewidth=1)
    axes.set(xlabel="distance from the true place (arcsec)\nlast bar: all beyond", ylabel="stars")
    axes.set_title(f'median {summary["median_separation_arcsec"]:.4f}"', fontsize=10.5)


def _save(path: Path, size_inches: tuple[float, float], panels: Any) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    with plt.rc_context():
        plt.rcdefaults()
        plt.rcParams.update(_STYLE)
        figure = plt.figure(figsize=size_inches)
        panels(figure)
        # The software's version would change the bytes of an equal picture.
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    raise SystemExit(main())
