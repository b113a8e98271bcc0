"""Raw numbers to electrons of the sky: overscan, bias, dark and flat."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.fits_file import card, read_fits
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.exposure import native
from pipelines.hsc.sky.wcs import Wcs

Array = NDArray[Any]

SATURATION_ADU = 60_000
LOWEST_RESPONSE = 0.5
#: Electrons a second; a pixel above it is hot.
HIGHEST_DARK = 20.0


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A detector as it was read out."""

    adu: Array
    #: Columns at the right that saw no light.
    overscan_columns: int
    gain: float
    read_noise: float
    exptime_s: float
    #: As pointed: a fraction of an arcsecond off.
    wcs: Wcs


@dataclass(frozen=True, kw_only=True)
class Calibrations:
    """The frames of one detector and filter."""

    bias: Array
    dark: Array
    flat: Array


@dataclass(frozen=True, kw_only=True)
class Electrons:
    """Counts of the sky with what is known against them."""

    image: Array
    mask: Array
    variance: Array


def read_raw(path: Path) -> Raw:
    hdu = read_fits(path)[0]
    try:
        wcs = Wcs.from_cards(hdu.header)
    except KeyError as error:
        raise InputError(f"{path}: {error}") from error
    overscan, gain, noise, exptime = (card(path, hdu.header, key) for key in ("OVERSCAN", "GAIN", "RDNOISE", "EXPTIME"))
    return Raw(
        adu=native(_two_dimensional(path, hdu), np.float32),
        overscan_columns=int(overscan),
        gain=float(gain),
        read_noise=float(noise),
        exptime_s=float(exptime),
        wcs=wcs,
    )


def read_calibration(path: Path) -> Array:
    return native(_two_dimensional(path, read_fits(path)[0]), np.float32)


def remove_signature(raw: Raw, calibrations: Calibrations) -> Electrons:
    """Bias and dark subtracted, divided by the flat; saturated, hot and insensitive pixels masked."""
    light = raw.adu[:, : -raw.overscan_columns]
    for name in ("bias", "dark", "flat"):
        shape = getattr(calibrations, name).shape
        if shape != light.shape:
            raise InputError(f"the {name} frame has {shape} pixels, the raw image {light.shape}")
    level = np.median(raw.adu[:, -raw.overscan_columns :])
    electrons = (light - level - calibrations.bias) * raw.gain - calibrations.dark * raw.exptime_s
    dull = calibrations.flat < LOWEST_RESPONSE
    flat = np.where(dull, 1, calibrations.flat)
    bad = dull | (calibrations.dark > HIGHEST_DARK)
    mask = np.where(bad, planes.BAD, 0) | np.where(light >= SATURATION_ADU, planes.SATURATED, 0)
    noise = np.maximum(electrons, 0) + calibrations.dark * raw.exptime_s + raw.read_noise**2
    return Electrons(
        image=(electrons / flat).astype(np.float32),
        mask=mask.astype(np.int16),
        variance=(noise / flat**2).astype(np.float32),
    )


def _two_dimensional(path: Path, hdu: Any) -> Array:
    if hdu.data is None or hdu.data.ndim != 2:
        raise InputError(f"{path} has no image in its first HDU")
    image: Array = hdu.data
    return image
