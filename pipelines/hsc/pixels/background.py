"""The sky background: its brightness, smooth over many stars."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sep
from astropy.io import fits
from numpy.typing import NDArray

from pipelines.hsc.files.fits_file import write_fits


@dataclass(frozen=True, kw_only=True)
class SkyBackground:
    """Sky brightness of an image, counts a pixel."""

    #: At every pixel, shape (rows, columns).
    level: NDArray[np.float32]
    #: At the middle of each whole cell, shape (rows // mesh_pixels, columns // mesh_pixels) or one more.
    mesh: NDArray[np.float32]
    #: Side of a cell, pixels.
    mesh_pixels: int


def measure_background(image: NDArray[Any], ignore: NDArray[np.bool_], mesh_pixels: int) -> SkyBackground:
    """Estimate the mode in each cell of a mesh, and interpolate it to every pixel.

    Parameters
    ----------
    image : float array, shape (rows, columns)
        Counts.
    ignore : bool array, shape (rows, columns)
        Pixels that are not sky.
    mesh_pixels : int
        Side of a cell, pixels.

    References
    ----------
    Bertin, E. & Arnouts, S. 1996, A&AS 117, 393 (SExtractor); Barbary, K. 2016, JOSS 1(6), 58 (sep).
    """
    found = sep.Background(
        np.ascontiguousarray(np.where(ignore, 0, image), dtype=np.float32), mask=ignore, bw=mesh_pixels, bh=mesh_pixels
    )
    level = np.asarray(found.back(), dtype=np.float32)
    half = mesh_pixels // 2
    return SkyBackground(level=level, mesh=level[half::mesh_pixels, half::mesh_pixels].copy(), mesh_pixels=mesh_pixels)


def write_background(background: SkyBackground, path: Path) -> None:
    """Write the mesh as a FITS file, with MESHPIX; the level is smooth between the cells.

    Parameters
    ----------
    background : SkyBackground
        The mesh is written as float32, counts a pixel, and MESHPIX in pixels.
    path : Path
        File to write; its folder is made.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    primary = fits.PrimaryHDU()
    primary.header["MESHPIX"] = background.mesh_pixels
    write_fits(path, [primary, fits.ImageHDU(background.mesh, name="BACKGROUND")])
