"""The sky's brightness, smooth over many stars."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sep
from astropy.io import fits
from numpy.typing import NDArray

from pipelines.hsc.files.fits_file import write_fits

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Background:
    """A mesh, and what it is at every pixel."""

    level: Array
    mesh: Array
    mesh_pixels: int


def measure_background(image: Array, ignore: Array, mesh_pixels: int) -> Background:
    """The mode of what is not ignored in each cell of a mesh."""
    found = sep.Background(
        np.ascontiguousarray(np.where(ignore, 0, image), dtype=np.float32), mask=ignore, bw=mesh_pixels, bh=mesh_pixels
    )
    level = np.asarray(found.back(), dtype=np.float32)
    half = mesh_pixels // 2
    return Background(level=level, mesh=level[half::mesh_pixels, half::mesh_pixels].copy(), mesh_pixels=mesh_pixels)


def write_background(background: Background, path: Path) -> None:
    """The mesh only: the level is smooth between its cells."""
    primary = fits.PrimaryHDU()
    primary.header["MESHPIX"] = background.mesh_pixels
    write_fits(path, [primary, fits.ImageHDU(background.mesh, name="BACKGROUND")])
