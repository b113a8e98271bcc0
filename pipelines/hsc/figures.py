"""Draw the coadds and the residuals of the photometry as PNG, with equal bytes for equal input."""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.hsc.steps import command

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.hsc.catalogues.residuals import PhotometryResiduals
    from pipelines.hsc.pixels.exposure import Exposure

COMMAND = "python -m pipelines.hsc.figures"
DESCRIPTION = """Draw coadds, the patches of one filter side by side, and the differences of forced photometry from the
true or reference magnitudes; write statistics of the differences as JSON."""

_BLUE, _ORANGE, _GREY = "#2b6ca3", "#d9772b", "#8a8a8a"
_STYLE: Any = {
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12,
    "legend.frameon": False,
}
#: Brightness that is drawn white and black, in standard deviations of the sky.
_FAINTEST_SIGMA, _BRIGHTEST_SIGMA = -2, 300
#: Magnitudes of the axis on either side of 0.
_MAX_OFFSET_MAG = 0.3


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status.

    Returns
    -------
    int
        0; 1 if a file cannot be read or written; 2 for wrong input; 3 for data that are too poor.
    """
    parser = argparse.ArgumentParser(prog=COMMAND, description=DESCRIPTION)
    parser.add_argument("--coadds", type=Path, nargs="+", required=True, metavar="FILE", help="deepCoadd_calexp")
    parser.add_argument("--forced", type=Path, nargs="+", required=True, metavar="FILE", help="deepCoadd_forced_src")
    parser.add_argument("--truth", type=Path, required=True, help="true stars, or a folder of the reference catalogue")
    parser.add_argument("--coadd_png", type=Path, default=Path("coadd.png"))
    parser.add_argument("--residuals_png", type=Path, default=Path("residuals.png"))
    parser.add_argument("--summary", type=Path, default=Path("residuals.json"))
    arguments = parser.parse_args(argv)
    return command.run_program(COMMAND, lambda: _draw_figures(arguments))


def _draw_figures(arguments: argparse.Namespace) -> None:
    from pipelines.hsc.pixels.exposure import read_exposure  # numpy, astropy: start-up

    residuals = read_residuals(arguments.forced, arguments.truth)
    draw_coadds([read_exposure(path) for path in arguments.coadds], arguments.coadd_png)
    draw_residuals(residuals, arguments.residuals_png)
    arguments.summary.parent.mkdir(parents=True, exist_ok=True)
    arguments.summary.write_text(json.dumps([part.summarize() for part in residuals], indent=1) + "\n")


def read_residuals(forced: Iterable[Path], truth: Path) -> "list[PhotometryResiduals]":
    """Compare catalogues with true stars, filter by filter.

    Parameters
    ----------
    forced : iterable of Path
        FITS files of deepCoadd_forced_src.
    truth : Path
        FITS file of the true stars, or a folder of the reference catalogue.

    Returns
    -------
    list of PhotometryResiduals
        One for each filter, of all its patches.

    Raises
    ------
    InputError
        If a file is missing or unusable.
    """
    import numpy as np  # numpy, astropy: start-up

    from pipelines.hsc.catalogues.catalogue import read_catalogue  # numpy, astropy: start-up
    from pipelines.hsc.catalogues.residuals import compare_with_truth  # numpy, astropy: start-up
    from pipelines.hsc.files.fits_file import read_card, read_fits  # numpy, astropy: start-up
    from pipelines.hsc.sky.reference import read_reference_catalogue, read_star_table  # numpy, astropy: start-up

    tables: dict[str, list[NDArray[Any]]] = {}
    for path in forced:
        name = read_card(path, read_fits(path)[0].header, "FILTER")
        tables.setdefault(name, []).append(read_catalogue(path, "deepCoadd_forced_src"))
    read = read_reference_catalogue if truth.is_dir() else read_star_table
    return [compare_with_truth(name, np.concatenate(tables[name]), read(truth, name)) for name in sorted(tables)]


def draw_coadds(coadds: "Sequence[Exposure]", path: Path) -> None:
    """Draw a panel for each filter, with its patches at their positions in the tract.

    Parameters
    ----------
    coadds : sequence of Exposure
        Coadds without their sky; drawn in standard deviations of the sky.
    path : Path
        PNG file to write.
    """
    from matplotlib.colors import AsinhNorm  # matplotlib: start-up, an optional library

    by_filter: dict[str, list[Exposure]] = {}
    for coadd in coadds:
        by_filter.setdefault(str(coadd.data_id.get("filter", "")), []).append(coadd)

    def draw_panels(figure: Any) -> None:
        norm = AsinhNorm(linear_width=3, vmin=_FAINTEST_SIGMA, vmax=_BRIGHTEST_SIGMA)
        all_axes = figure.subplots(1, len(by_filter), squeeze=False)[0]
        for axes, (name, patches) in zip(all_axes, sorted(by_filter.items()), strict=True):
            picture, arcsec = _make_mosaic(patches)
            height, width = (size * arcsec for size in picture.shape)
            drawn = axes.imshow(
                picture, origin="lower", cmap="gray_r", norm=norm, extent=(0, width, 0, height), interpolation="nearest"
            )
            names = ", ".join(sorted(str(patch.data_id.get("patch", "")) for patch in patches))
            axes.set(title=f"{name}, patches {names}", xlabel="arcsec (east is left)", ylabel="arcsec (north is up)")
        ticks = [-2, 0, 3, 10, 30, 100, 300]
        bar = figure.colorbar(drawn, ax=list(all_axes), label="brightness (sigma of the sky)", ticks=ticks, shrink=0.8)
        bar.ax.set_yticklabels([str(tick) for tick in ticks])
        bar.ax.minorticks_off()

    _save(path, (6.2 * len(by_filter) + 1.2, 6.2), draw_panels)


def _make_mosaic(patches: "Sequence[Exposure]") -> "tuple[NDArray[Any], float]":
    """Return the signal to noise of several patches as one image, and the size of its pixels."""
    import numpy as np  # numpy, astropy: start-up

    origins = [tuple(round(-value) for value in patch.wcs.crpix) for patch in patches]
    left, low = (min(origin[axis] for origin in origins) for axis in (0, 1))
    right = max(x + patch.shape[1] for (x, _), patch in zip(origins, patches, strict=True))
    high = max(y + patch.shape[0] for (_, y), patch in zip(origins, patches, strict=True))
    mosaic = np.full((high - low, right - left), np.nan)
    for (x, y), patch in zip(origins, patches, strict=True):
        rows, columns = patch.shape
        part = mosaic[y - low : y - low + rows, x - left : x - left + columns]
        sky = np.sqrt(np.nanmedian(patch.variance))
        np.copyto(part, patch.image / sky, where=np.isfinite(patch.image))
    return mosaic, patches[0].wcs.pixel_arcsec


def draw_residuals(residuals: "Sequence[PhotometryResiduals]", path: Path) -> None:
    """Draw a row for each filter: differences of magnitudes at the left, of positions at the right.

    Parameters
    ----------
    residuals : sequence of PhotometryResiduals
        Differences in each filter.
    path : Path
        PNG file to write.
    """

    def draw_panels(figure: Any) -> None:
        rows = figure.subplots(len(residuals), 2, squeeze=False, width_ratios=(3, 2))
        for (left, right), part in zip(rows, residuals, strict=True):
            summary = part.summarize()
            _draw_magnitudes(left, part, summary)
            _draw_separations(right, part, summary)

    _save(path, (10.5, 4.0 * len(residuals)), draw_panels)


def _draw_magnitudes(axes: Any, part: "PhotometryResiduals", summary: Mapping[str, Any]) -> None:
    import numpy as np  # numpy, astropy: start-up

    from pipelines.hsc.catalogues.residuals import BRIGHT_MAG  # numpy, astropy: start-up

    shown = np.clip(part.mag_offset, -_MAX_OFFSET_MAG, _MAX_OFFSET_MAG)
    beyond = np.abs(part.mag_offset) > _MAX_OFFSET_MAG
    axes.axhline(0, color=_GREY, linewidth=1)
    axes.axvline(BRIGHT_MAG, color=_GREY, linestyle=":", linewidth=1)
    axes.scatter(part.true_mag[~beyond], shown[~beyond], s=12, color=_BLUE, alpha=0.6, linewidths=0)
    if beyond.any():
        label = f"beyond {_MAX_OFFSET_MAG} mag, at the rim"
        axes.scatter(part.true_mag[beyond], shown[beyond], s=18, marker="x", color=_ORANGE, label=label)
        axes.legend(loc="upper left", borderaxespad=1.6)
    axes.set(
        xlabel="true magnitude", ylabel="measured - true (mag)", ylim=(-1.1 * _MAX_OFFSET_MAG, 1.1 * _MAX_OFFSET_MAG)
    )
    axes.set_title(
        f"{part.filter}, {summary['stars']} stars brighter than {BRIGHT_MAG}: "
        f"median {summary['median_mag']:+.4f}, scatter {summary['scatter_mag']:.4f} mag",
        fontsize=10.5,
    )


def _draw_separations(axes: Any, part: "PhotometryResiduals", summary: Mapping[str, Any]) -> None:
    from pipelines.hsc.catalogues.residuals import BRIGHT_MAG  # numpy, astropy: start-up

    bright = part.true_mag < BRIGHT_MAG
    axes.hist(part.separation[bright].clip(0, 0.1), bins=40, range=(0, 0.1), color=_BLUE)
    axes.axvline(0.05, color=_GREY, linestyle=":", linewidth=1)
    axes.set(xlabel="distance from the true position (arcsec)\nlast bar: all beyond", ylabel="stars")
    axes.set_title(f'median {summary["median_separation_arcsec"]:.4f}"', fontsize=10.5)


def _save(path: Path, size_inches: tuple[float, float], draw_panels: Any) -> None:
    import matplotlib as mpl  # matplotlib: start-up, an optional library

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # matplotlib: start-up, an optional library

    path.parent.mkdir(parents=True, exist_ok=True)
    with plt.rc_context():
        plt.rcdefaults()
        plt.rcParams.update(_STYLE)
        figure = plt.figure(figsize=size_inches)
        draw_panels(figure)
        # The software's version would change the bytes of an equal picture.
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    raise SystemExit(main())
