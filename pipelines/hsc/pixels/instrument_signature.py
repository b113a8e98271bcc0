"""Removal of the instrument's signature from raw images: overscan, bias, dark and flat."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.fits_file import read_card, read_fits
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.exposure import to_native_order
from pipelines.hsc.sky.wcs import Wcs

#: Raw value from which a pixel is saturated.
SATURATION_ADU = 60_000
#: Flat below which a pixel is insensitive.
MIN_RESPONSE = 0.5
#: Dark current above which a pixel is hot.
MAX_DARK_ELECTRONS_PER_S = 20.0


@dataclass(frozen=True, kw_only=True)
class RawImage:
    """A raw image of one detector."""

    #: Shape (rows, columns with overscan), analogue-to-digital units.
    adu: NDArray[np.float32]
    #: Columns at the right that saw no light.
    overscan_columns: int
    #: Electrons an analogue-to-digital unit.
    gain: float
    #: Standard deviation, electrons.
    read_noise: float
    exptime_s: float
    #: The projection of the header: a fraction of an arcsecond off.
    wcs: Wcs


@dataclass(frozen=True, kw_only=True)
class CalibrationFrames:
    """Calibration frames of one detector and filter, each of the shape of the raw image without overscan."""

    #: Analogue-to-digital units.
    bias: NDArray[np.float32]
    #: Electrons a second.
    dark: NDArray[np.float32]
    #: Response relative to the detector's mean.
    flat: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class DetrendedImage:
    """An image of the sky in electrons, with its mask and variance, of one shape (rows, columns)."""

    image: NDArray[np.float32]
    mask: NDArray[np.int16]
    #: Electrons squared.
    variance: NDArray[np.float32]


def read_raw(path: Path) -> RawImage:
    """Read a raw image.

    Raises
    ------
    InputError
        If the file is no FITS file, or lacks the image, the projection, or one of OVERSCAN, GAIN, RDNOISE, EXPTIME.
    """
    hdu = read_fits(path)[0]
    try:
        wcs = Wcs.from_cards(hdu.header)
    except KeyError as error:
        raise InputError(f"{path}: {error}") from error
    keys = ("OVERSCAN", "GAIN", "RDNOISE", "EXPTIME")
    overscan, gain, noise, exptime = (read_card(path, hdu.header, key) for key in keys)
    return RawImage(
        adu=to_native_order(_read_image(path, hdu), np.float32),
        overscan_columns=int(overscan),
        gain=float(gain),
        read_noise=float(noise),
        exptime_s=float(exptime),
        wcs=wcs,
    )


def read_calibration(path: Path) -> NDArray[np.float32]:
    """Read a calibration frame: float32, shape (rows, columns).

    Raises
    ------
    InputError
        If the file is no FITS file with an image in its first HDU.
    """
    return to_native_order(_read_image(path, read_fits(path)[0]), np.float32)


def remove_instrument_signature(raw: RawImage, calibrations: CalibrationFrames) -> DetrendedImage:
    """Subtract overscan, bias and dark, divide by the flat, and mask saturated, hot and insensitive pixels.

    Raises
    ------
    InputError
        If a calibration frame has another shape than the raw image without overscan.

    Notes
    -----
    The variance is that of the electrons (Poisson), the dark current and the read noise.
    """
    light = raw.adu[:, : -raw.overscan_columns]
    for name in ("bias", "dark", "flat"):
        shape = getattr(calibrations, name).shape
        if shape != light.shape:
            raise InputError(f"the {name} frame has {shape} pixels, the raw image {light.shape}")
    level = np.median(raw.adu[:, -raw.overscan_columns :])
    electrons = (light - level - calibrations.bias) * raw.gain - calibrations.dark * raw.exptime_s
    insensitive = calibrations.flat < MIN_RESPONSE
    flat = np.where(insensitive, 1, calibrations.flat)
    bad = insensitive | (calibrations.dark > MAX_DARK_ELECTRONS_PER_S)
    mask = np.where(bad, planes.BAD, 0) | np.where(light >= SATURATION_ADU, planes.SATURATED, 0)
    noise = np.maximum(electrons, 0) + calibrations.dark * raw.exptime_s + raw.read_noise**2
    return DetrendedImage(
        image=(electrons / flat).astype(np.float32),
        mask=mask.astype(np.int16),
        variance=(noise / flat**2).astype(np.float32),
    )


def _read_image(path: Path, hdu: Any) -> NDArray[Any]:
    if hdu.data is None or hdu.data.ndim != 2:
        raise InputError(f"{path} has no image in its first HDU")
    image: NDArray[Any] = hdu.data
    return image
