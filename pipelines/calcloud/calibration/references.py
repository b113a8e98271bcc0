"""Bias, dark and flat frames of a raw image, from a folder by their own headers, or by the header of the image.

Headers name references as `jref$x_bia.fits`, and the variables of CRDS are the directories (`crds.py`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.calibration import crds
from pipelines.calcloud.program.errors import InputError

Image = npt.NDArray[np.float32]

#: By kind of frame, the keyword of the image's header that names its file.
KINDS: Mapping[str, str] = {"BIAS": "BIASFILE", "DARK": "DARKFILE", "FLAT": "PFLTFILE"}


def read_from_folder(kind: str, header: Any, shape: tuple[int, int], folder: Path) -> Image | None:
    """Read the frame of a kind that a folder has for an image.

    Parameters
    ----------
    kind : str
        `BIAS` (counts), `DARK` (electrons a second) or `FLAT` (relative response).
    header : astropy.io.fits.Header
        Header of the image.
    shape : tuple[int, int]
        Rows and columns of the image without overscan.
    folder : Path
        Folder of FITS files; a frame matches by IMAGETYP, DETECTOR and, for flats, FILTER.

    Returns
    -------
    NDArray[np.float32] | None
        The frame; None if none matches.

    Raises
    ------
    InputError
        If the frame that matches has another shape.
    """
    from astropy.io import fits  # start-up: a second to import

    keywords = {key: header[key] for key in ("DETECTOR", "FILTER") if key in header}
    if kind != "FLAT":
        keywords.pop("FILTER", None)
    for path in sorted(folder.glob("*.fits")):
        with fits.open(path) as file:
            if not _is_frame_for(file[0].header, kind, keywords):
                continue
            data = _frame(file)
        if data is None or data.shape != shape:
            raise InputError(f"{path}: its image is {None if data is None else data.shape}, {shape} is needed")
        return data
    return None


def _is_frame_for(frame_header: Any, kind: str, keywords: Mapping[str, object]) -> bool:
    """Return whether a frame is of a kind, and agrees with the image in the keywords that it has."""
    if frame_header.get("IMAGETYP") != kind:
        return False
    return all(frame_header.get(key, value) == value for key, value in keywords.items())


def read_from_header(kind: str, header: Any, shape: tuple[int, int], environment: Mapping[str, str]) -> Image | None:
    """Read the frame of a kind that the header of an image names.

    Parameters
    ----------
    kind : str
        `BIAS`, `DARK` or `FLAT`.
    header : astropy.io.fits.Header
        Header of the image.
    shape : tuple[int, int]
        Rows and columns of the image without overscan.
    environment : Mapping[str, str]
        Variables with the directories of references.

    Returns
    -------
    NDArray[np.float32] | None
        The frame; None if the header names none, there is no cache, or the shape differs, which is printed: a frame of
        the whole detector is not cut to a part of it.

    Raises
    ------
    InputError
        If the file is not in the cache or not a FITS file.
    """
    from astropy.io import fits  # start-up: a second to import

    name = str(header.get(KINDS[kind], ""))
    path = crds.find_reference(name, environment)
    if path is None:
        return None
    try:
        with fits.open(path) as file:
            data = _frame(file)
    except OSError as error:
        raise InputError(f"{path}: is not a FITS file ({error})") from error
    if data is None or data.shape != shape:
        print(f"{name}: left out, its image is {None if data is None else data.shape}, {shape} is needed")
        return None
    print(f"{name}: {path}")
    return data


def _frame(file: Any) -> Image | None:
    """Return the first image of an open FITS file; None if it has none."""
    return next((np.asarray(unit.data, np.float32) for unit in file if unit.is_image and unit.data is not None), None)
