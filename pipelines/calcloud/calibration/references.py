"""The frames that a raw image is freed of: from a folder, by what they say of themselves; or by the image's own header.

Headers name references as `jref$x_bia.fits`, and the variables of CRDS say where jref is (`crds.py`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.calibration import crds
from pipelines.calcloud.program.errors import InputError

Image = npt.NDArray[np.float32]

#: Kinds of frames, and the header's key for the file of each.
KINDS: Mapping[str, str] = {"BIAS": "BIASFILE", "DARK": "DARKFILE", "FLAT": "PFLTFILE"}


def in_folder(kind: str, header: Any, shape: tuple[int, int], folder: Path) -> Image | None:
    """The frame of this kind that fits the image; none where none fits in kind."""
    from astropy.io import fits

    wanted = {key: header[key] for key in ("DETECTOR", "FILTER") if key in header}
    if kind != "FLAT":
        wanted.pop("FILTER", None)
    for path in sorted(folder.glob("*.fits")):
        with fits.open(path) as file:
            own = file[0].header
            if own.get("IMAGETYP") != kind or any(own.get(key, value) != value for key, value in wanted.items()):
                continue
            data = _frame(file)
        if data is None or data.shape != shape:
            raise InputError(f"{path}: its image is {None if data is None else data.shape}, {shape} is needed")
        return data
    return None


def named(kind: str, header: Any, shape: tuple[int, int], environment: Mapping[str, str]) -> Image | None:
    """The frame that the image's header names; none where it names none, the cache is not here, or it does not fit.

    A reference of the whole detector fits no part of it, and this calibration does not cut: it says so and goes on.
    """
    from astropy.io import fits

    name = str(header.get(KINDS[kind], ""))
    path = crds.reference(name, environment)
    if path is None:
        return None
    try:
        with fits.open(path) as file:
            data = _frame(file)
    except OSError as error:
        raise InputError(f"{path}: is no FITS file ({error})") from error
    if data is None or data.shape != shape:
        print(f"{name}: left out, its image is {None if data is None else data.shape}, {shape} is needed")
        return None
    print(f"{name}: {path}")
    return data


def _frame(file: Any) -> Image | None:
    """The first image of an open FITS file."""
    return next((np.asarray(unit.data, np.float32) for unit in file if unit.is_image and unit.data is not None), None)
