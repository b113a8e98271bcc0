"""A CCD calibration of the family's own: overscan, bias, dark, flat and cosmic rays, on FITS files.

It stands in where an instrument's own programs are not installed, and its products say so (CALPROG). References are
found in a folder by what their headers say: IMAGETYP (BIAS, DARK, FLAT), and DETECTOR and FILTER where the image has
them; without a folder, by the names in the image's header (BIASFILE, DARKFILE, PFLTFILE) and the variables of CRDS.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
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

#: Bits of the plane DQ, as the archive's users know them.
DEAD, SATURATED, COSMIC_RAY = 4, 256, 4096
_SATURATION_ADU = 65_000
_LEAST_RESPONSE = 0.1


@dataclass(frozen=True, kw_only=True)
class Raw:
    """An image as it was read out."""

    path: Path
    header: Any
    adu: Image
    gain: float
    read_noise: float
    exptime_s: float
    #: Columns at the right that saw no light.
    overscan: int


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """Electrons, their errors, and what is known against pixels."""

    science: Image
    error: Image
    quality: npt.NDArray[np.int16]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 when the disk failed, 2 when an image or a reference is not right, 27 when one is missing."""
    parser = command.make_parser("calibrate", DESCRIPTION)
    parser.add_argument("ipppssoot", help="the dataset")
    parser.add_argument(
        "--references", type=Path, help="folder of bias, dark and flat frames; else those that the headers name"
    )
    return command.run(parser, _act, argv)


def _act(arguments: argparse.Namespace) -> None:
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
        write(target, made[0][0], together([calibrated for _, calibrated in made]), {})
        print(f"{target.name}: the mean of {len(made)} images without cosmic rays")


def read_raw(path: Path) -> Raw:
    """The first image of a FITS file, with what its headers say of the detector."""
    from astropy.io import fits

    try:
        with fits.open(path) as file:
            found = next((unit for unit in file if unit.data is not None and unit.data.ndim == 2), None)
            if found is None:
                raise InputError(f"{path}: has no image")
            header = file[0].header.copy()
            header.update(
                {key: value for key, value in found.header.items() if key not in header and key[:5] != "NAXIS"}
            )
            adu = np.asarray(found.data, np.float32)
    except OSError as error:
        raise InputError(f"{path}: is no FITS file ({error})") from error
    return Raw(
        path=path,
        header=header,
        adu=adu,
        gain=float(header.get("CCDGAIN", 1.0)),
        read_noise=float(header.get("READNSE", 5.0)),
        exptime_s=float(header.get("EXPTIME", 0.0)),
        overscan=int(header.get("OVERSCAN", 0)),
    )


def find_references(raw: Raw, folder: Path | None) -> dict[str, Image | None]:
    """Of each kind the frame that a folder has for this image, else the one that its header names."""
    shape = (raw.adu.shape[0], raw.adu.shape[1] - raw.overscan)
    if folder is not None:
        return {kind: references.in_folder(kind, raw.header, shape, folder) for kind in references.KINDS}
    return {kind: references.named(kind, raw.header, shape, os.environ) for kind in references.KINDS}


def calibrate(raw: Raw, frames: dict[str, Image | None]) -> Calibrated:
    """Electrons of the sky."""
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
    return Calibrated(science=electrons.astype(np.float32), error=np.sqrt(variance).astype(np.float32), quality=quality)


def _without_overscan(raw: Raw) -> tuple[Image, npt.NDArray[np.bool_]]:
    """Each row less the median of its overscan."""
    if not raw.overscan:
        return raw.adu, raw.adu >= _SATURATION_ADU
    if raw.overscan >= raw.adu.shape[1]:
        raise InputError(f"{raw.path}: OVERSCAN = {raw.overscan} leaves nothing of {raw.adu.shape[1]} columns")
    light = raw.adu[:, : -raw.overscan]
    level = np.median(raw.adu[:, -raw.overscan :], axis=1, keepdims=True)
    return light - level, light >= _SATURATION_ADU


def _cosmic_rays(electrons: Image, bad: npt.NDArray[np.bool_], read_noise: float) -> npt.NDArray[np.bool_]:
    from astroscrappy import detect_cosmics

    found, _ = detect_cosmics(electrons.astype(np.float32), inmask=bad, readnoise=read_noise, gain=1.0, verbose=False)
    return np.asarray(found)


def together(images: Sequence[Calibrated]) -> Calibrated:
    """The mean of the pixels that are good, weighted by their errors; where none is, the bits that all have."""
    good = np.stack([image.quality == 0 for image in images])
    weights = np.where(good, np.stack([1 / image.error**2 for image in images]), 0)
    total = weights.sum(axis=0)
    science = (weights * np.stack([image.science for image in images])).sum(axis=0) / np.where(total, total, 1)
    common = np.bitwise_and.reduce(np.stack([image.quality for image in images]))
    return Calibrated(
        science=science.astype(np.float32),
        error=np.where(total, 1 / np.sqrt(np.where(total, total, 1)), 0).astype(np.float32),
        quality=np.where(total, 0, common).astype(np.int16),
    )


def write(path: Path, raw: Raw, image: Calibrated, frames: dict[str, Image | None]) -> None:
    """SCI, ERR and DQ, and in the first header what was done."""
    from astropy.io import fits

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


def summary(image: Calibrated, frames: dict[str, Image | None]) -> str:
    """For the log."""
    without = [kind.lower() for kind, frame in frames.items() if frame is None]
    return ", ".join(
        [
            f"median {np.median(image.science):.1f} electrons",
            f"{int((image.quality & COSMIC_RAY > 0).sum())} pixels hit by cosmic rays",
            *_if(f"no {' and no '.join(without)}", bool(without)),
        ]
    )


def _if(text: str, told: bool) -> Iterator[str]:
    if told:
        yield text


if __name__ == "__main__":
    raise SystemExit(main())
