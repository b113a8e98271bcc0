"""CCD calibration of FITS images without an instrument's own programs: overscan, bias, dark, flat and cosmic rays.

It is used where those programs are not installed, and its products are marked (CALPROG). References are found in a
folder by their headers: IMAGETYP (BIAS, DARK, FLAT), and DETECTOR and FILTER where the image has
them; without a folder, by the names in the image's header (BIASFILE, DARKFILE, PFLTFILE) and the variables of CRDS.
"""

import argparse
import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.calibration import references
from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError

DESCRIPTION = """Calibrate the raw images (*_raw.fits) of a dataset in this folder: overscan, bias, dark, flat, cosmic
rays. Writes <rootname>_flt.fits for each, with the planes SCI, ERR and DQ, and <ipppssoot>_crj.fits, their mean."""

Image = npt.NDArray[np.float32]

#: Bits of the plane DQ, as in products of the archive.
DEAD, SATURATED, COSMIC_RAY = 4, 256, 4096
_SATURATION_ADU = 65_000
_LEAST_RESPONSE = 0.1


@dataclass(frozen=True, kw_only=True)
class InstrumentImage:
    """Raw image with the properties of its detector."""

    path: Path
    header: Any
    #: Counts (ADU), float32 of shape (rows, columns).
    adu: Image
    #: Electrons for each count.
    gain: float
    #: Electrons.
    read_noise: float
    exptime_s: float
    #: Number of overscan columns at the right.
    overscan: int


@dataclass(frozen=True, kw_only=True)
class CalibratedImage:
    """Calibrated image; all planes have one shape (rows, columns)."""

    #: Electrons and their standard deviation.
    science: Image
    error: Image
    #: Bits of the plane DQ.
    quality: npt.NDArray[np.int16]


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed, 2 for an invalid image or reference, 27 for a missing one."""
    parser = command.make_parser("calibrate", DESCRIPTION)
    parser.add_argument("ipppssoot", help="the dataset")
    parser.add_argument(
        "--references", type=Path, help="folder of bias, dark and flat frames; else those that the headers name"
    )
    return command.run(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    raws = sorted(Path.cwd().glob("*_raw.fits"))
    if not raws:
        raise InputError(f"there is no *_raw.fits of {arguments.ipppssoot} here ({Path.cwd()})")
    made = []
    for path in raws:
        raw = read_raw(path)
        frames = find_references(raw, arguments.references)
        made.append((raw, calibrate(raw, frames)))
        write(path.with_name(path.name.replace("_raw.", "_flt.")), raw, made[-1][1], frames)
        print(f"{path.name}: {summary(made[-1][1], frames)}")
    if len(made) > 1:
        target = Path(f"{arguments.ipppssoot}_crj.fits")
        write(target, made[0][0], combine([calibrated for _, calibrated in made]), {})
        print(f"{target.name}: the mean of {len(made)} images without cosmic rays")


def read_raw(path: Path) -> InstrumentImage:
    """Read the first image of a FITS file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    InstrumentImage
        Counts, with gain, read noise, exposure time (s) and overscan of the headers.

    Raises
    ------
    InputError
        If it is not a FITS file or has no image.
    """
    from astropy.io import fits  # start-up: a second to import
    from astropy.utils.exceptions import AstropyUserWarning  # start-up

    try:
        with warnings.catch_warnings(), path.open("rb") as stored:
            warnings.filterwarnings("error", "File may have been truncated", AstropyUserWarning)
            file = fits.open(stored)
            found = next((unit for unit in file if unit.data is not None and unit.data.ndim == 2), None)
            if found is None:
                raise InputError(f"{path}: has no image")
            header = file[0].header.copy()
            header.update(
                {key: value for key, value in found.header.items() if key not in header and key[:5] != "NAXIS"}
            )
            adu = np.asarray(found.data, np.float32)
    except (OSError, ValueError, TypeError, fits.VerifyError, AstropyUserWarning) as error:
        raise InputError(f"{path}: is not a whole FITS file ({error})") from error
    gain = _number(path, header, "CCDGAIN", 1.0)
    if gain == 0:
        raise InputError(f"{path}: CCDGAIN = 0: the electrons for each count are needed")
    return InstrumentImage(
        path=path,
        header=header,
        adu=adu,
        gain=gain,
        read_noise=_number(path, header, "READNSE", 5.0),
        exptime_s=_number(path, header, "EXPTIME", 0.0),
        overscan=int(_number(path, header, "OVERSCAN", 0)),
    )


def _number(path: Path, header: Any, keyword: str, default: float) -> float:
    """Return the value of a keyword, at least 0; the default where the keyword is not there or has no value."""
    from astropy.io import fits  # start-up: a second to import

    try:
        value = header.get(keyword, default)
        number = default if value is None or isinstance(value, fits.card.Undefined) else float(value)
    except (ValueError, TypeError, fits.VerifyError):
        raise InputError(f"{path}: {keyword} is not a number") from None
    if not 0 <= number < math.inf:
        raise InputError(f"{path}: {keyword} = {number:g} is not possible")
    return number


def find_references(raw: InstrumentImage, folder: Path | None) -> dict[str, Image | None]:
    """Read the frames of an image.

    Parameters
    ----------
    raw : InstrumentImage
        The image.
    folder : Path | None
        Folder of frames; None for those that the image's header names.

    Returns
    -------
    dict[str, NDArray[np.float32] | None]
        By kind (`BIAS`, `DARK`, `FLAT`), the frame, or None if there is none.
    """
    shape = (raw.adu.shape[0], raw.adu.shape[1] - raw.overscan)
    if folder is not None:
        return {kind: references.read_from_folder(kind, raw.header, shape, folder) for kind in references.KINDS}
    return {kind: references.read_from_header(kind, raw.header, shape, os.environ) for kind in references.KINDS}


def calibrate(raw: InstrumentImage, frames: dict[str, Image | None]) -> CalibratedImage:
    """Calibrate an image: overscan, bias, gain, dark, flat, and a mask of cosmic rays.

    Parameters
    ----------
    raw : InstrumentImage
        The image in counts.
    frames : dict[str, NDArray[np.float32] | None]
        Bias (counts), dark (electrons a second) and flat (relative response); None leaves a step out.

    Returns
    -------
    CalibratedImage
        Electrons with their standard deviation and the bits of bad pixels.

    References
    ----------
    van Dokkum, 2001, PASP 113, 1420 (L.A.Cosmic, by astroscrappy).
    """
    light, saturated = _without_overscan(raw)
    bias, dark, flat = (frames[kind] for kind in ("BIAS", "DARK", "FLAT"))
    if bias is not None:
        light = light - bias
    electrons = light * raw.gain
    if dark is not None:
        electrons = electrons - dark * raw.exptime_s
    variance = np.maximum(electrons, 0) + raw.read_noise**2
    quality = np.where(saturated, SATURATED, 0).astype(np.int16)
    if flat is not None:
        quality |= np.where(flat < _LEAST_RESPONSE, DEAD, 0).astype(np.int16)
        response = np.maximum(flat, _LEAST_RESPONSE)
        electrons, variance = electrons / response, variance / response**2
    quality |= np.where(_cosmic_rays(electrons, quality != 0, raw.read_noise), COSMIC_RAY, 0).astype(np.int16)
    return CalibratedImage(
        science=electrons.astype(np.float32), error=np.sqrt(variance).astype(np.float32), quality=quality
    )


def _without_overscan(raw: InstrumentImage) -> tuple[Image, npt.NDArray[np.bool_]]:
    """Subtract the median of its overscan from each row, and return the counts and the mask of saturated pixels."""
    if not raw.overscan:
        return raw.adu, raw.adu >= _SATURATION_ADU
    if raw.overscan >= raw.adu.shape[1]:
        raise InputError(f"{raw.path}: OVERSCAN = {raw.overscan} leaves nothing of {raw.adu.shape[1]} columns")
    light = raw.adu[:, : -raw.overscan]
    level = np.median(raw.adu[:, -raw.overscan :], axis=1, keepdims=True)
    return light - level, light >= _SATURATION_ADU


def _cosmic_rays(electrons: Image, bad: npt.NDArray[np.bool_], read_noise: float) -> npt.NDArray[np.bool_]:
    from astroscrappy import detect_cosmics  # optional library

    found, _ = detect_cosmics(electrons.astype(np.float32), inmask=bad, readnoise=read_noise, gain=1.0, verbose=False)
    return np.asarray(found)


def combine(images: Sequence[CalibratedImage]) -> CalibratedImage:
    """Combine images of one field.

    Parameters
    ----------
    images : Sequence[CalibratedImage]
        Images of one shape, in electrons.

    Returns
    -------
    CalibratedImage
        Mean of the good pixels, weighted by their inverse variance; a pixel that is bad in all images is zero and has
        the bits that are common to all.
    """
    good = np.stack([image.quality == 0 for image in images])
    weights = np.where(good, np.stack([1 / image.error**2 for image in images]), 0)
    total = weights.sum(axis=0)
    science = (weights * np.stack([image.science for image in images])).sum(axis=0) / np.where(total, total, 1)
    common = np.bitwise_and.reduce(np.stack([image.quality for image in images]))
    return CalibratedImage(
        science=science.astype(np.float32),
        error=np.where(total, 1 / np.sqrt(np.where(total, total, 1)), 0).astype(np.float32),
        quality=np.where(total, 0, common).astype(np.int16),
    )


def write(path: Path, raw: InstrumentImage, image: CalibratedImage, frames: dict[str, Image | None]) -> None:
    """Write the planes SCI, ERR and DQ, with the steps of the calibration in the first header.

    Parameters
    ----------
    path : Path
        File to write.
    raw : InstrumentImage
        The raw image, whose header is copied.
    image : CalibratedImage
        Electrons, their standard deviation and the bits of bad pixels.
    frames : dict[str, NDArray[np.float32] | None]
        By kind, the frame; None marks an omitted step.
    """
    from astropy.io import fits  # start-up: a second to import

    header = raw.header.copy()
    for key in ("OVERSCAN", "BSCALE", "BZERO"):
        header.remove(key, ignore_missing=True)
    header["CALPROG"] = ("calcloud own", "not the instrument's own calibration")
    header["BUNIT"] = "ELECTRONS"
    for kind, frame in frames.items():
        header[f"{kind}CORR"] = "OMIT" if frame is None else "COMPLETE"
    planes = [
        fits.ImageHDU(image.science, name="SCI"),
        fits.ImageHDU(image.error, name="ERR"),
        fits.ImageHDU(image.quality, name="DQ"),
    ]
    fits.HDUList([fits.PrimaryHDU(header=header), *planes]).writeto(path, overwrite=True)


def summary(image: CalibratedImage, frames: dict[str, Image | None]) -> str:
    """Return the line of an image for the log.

    Parameters
    ----------
    image : CalibratedImage
        The image, in electrons.
    frames : dict[str, NDArray[np.float32] | None]
        By kind, the frame that was used.

    Returns
    -------
    str
        Median in electrons, number of pixels hit by cosmic rays, and omitted steps.
    """
    without = [kind.lower() for kind, frame in frames.items() if frame is None]
    return ", ".join(
        [
            f"median {np.median(image.science):.1f} electrons",
            f"{int((image.quality & COSMIC_RAY > 0).sum())} pixels hit by cosmic rays",
            *([f"no {' and no '.join(without)}"] if without else []),
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())
