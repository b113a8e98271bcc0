"""Simulate raw images, references and features files of a few datasets, to try the processing without real data."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.program import command
from pipelines.calcloud.sources.dataset import SUFFIX, instrument_of

DESCRIPTION = """Simulate raw CCD images of datasets, with the bias, dark and flat that they need and a features file
each. DIR/inputs and DIR/references are made; every header says «simulated»."""

DATASETS = ("jsim01010", "jsim01a1q", "isim02b2q", "osim03010")
SIZE, OVERSCAN = 64, 8
GAIN, READ_NOISE, EXPTIME_S = 2.0, 4.0, 100.0

Image = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class DetectorFrames:
    """Calibration frames of a simulated detector, float64 of shape (64, 64)."""

    #: Counts, electrons a second, and relative response.
    bias: Image
    dark: Image
    flat: Image


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed."""
    parser = command.make_parser("simulate", DESCRIPTION)
    parser.add_argument("dir", metavar="DIR", type=Path, help="folder to write to")
    parser.add_argument("ipppssoot", nargs="*", default=list(DATASETS), help="datasets; a name in 0 has two images")
    parser.add_argument("--seed", type=command.seed, default=1, help="of everything random")
    return command.run(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    random = np.random.default_rng(arguments.seed)
    detector = simulate_detector(random)
    (arguments.dir / "inputs").mkdir(parents=True, exist_ok=True)
    (arguments.dir / "references").mkdir(exist_ok=True)
    for kind in ("bias", "dark", "flat"):
        write(arguments.dir / "references" / f"{kind}.fits", getattr(detector, kind), IMAGETYP=kind.upper())
    for ipst in arguments.ipppssoot:
        simulate_dataset(arguments.dir / "inputs", ipst, detector, random)


def simulate_detector(random: np.random.Generator) -> DetectorFrames:
    """Simulate the bias (counts), the dark current (electrons a second) and the relative response of each pixel.

    Parameters
    ----------
    random : np.random.Generator
        Source of random numbers.

    Returns
    -------
    DetectorFrames
        Frames of shape (64, 64).
    """
    columns = np.arange(SIZE)
    return DetectorFrames(
        bias=20 + 5 * np.sin(columns / 7) + np.zeros((SIZE, SIZE)),
        dark=random.gamma(2.0, 0.01, (SIZE, SIZE)),
        flat=1 + 0.05 * np.cos(columns / 20)[:, None] + random.normal(0, 0.01, (SIZE, SIZE)),
    )


def simulate_dataset(folder: Path, ipst: str, detector: DetectorFrames, random: np.random.Generator) -> None:
    """Write the raw images and the features file of a dataset to a folder.

    Parameters
    ----------
    folder : Path
        Folder to write to.
    ipst : str
        The dataset; an association (a name in 0) has two images.
    detector : DetectorFrames
        Bias, dark and flat.
    random : np.random.Generator
        Source of random numbers.
    """
    images = 2 if ipst[-1] == "0" else 1
    sizes = 0.0
    for number in range(images):
        path = folder / f"{ipst}{f'_{number + 1}' if images > 1 else ''}_raw.fits"
        adu = simulate_exposure(simulate_sky(random), detector, random)
        write(path, adu, EXPTIME=EXPTIME_S, CCDGAIN=GAIN, READNSE=READ_NOISE, OVERSCAN=OVERSCAN, ROOTNAME=ipst)
        sizes += path.stat().st_size / 1e6
    lines = [f"n_files={images}", f"total_mb={sizes:.6f}", "SUBARRAY=True", "DRIZCORR=OMIT", "PCTECORR=OMIT"]
    if instrument_of(ipst) in ("acs", "wfc3"):
        lines += ["DETECTOR=WFC" if ipst[0] == "j" else "DETECTOR=UVIS", f"CRSPLIT={images}"]
    (folder / f"{ipst}{SUFFIX}").write_text("\n".join(lines) + "\n")


def simulate_sky(random: np.random.Generator) -> Image:
    """Simulate a field of a few stars on a background, in electrons, float64 of shape (64, 64).

    Parameters
    ----------
    random : np.random.Generator
        Source of random numbers.

    Returns
    -------
    NDArray[np.float64]
        Expected electrons of each pixel.
    """
    y, x = np.mgrid[:SIZE, :SIZE]
    sky = np.full((SIZE, SIZE), 100.0)
    for _ in range(6):
        row, column, light = random.uniform(8, SIZE - 8), random.uniform(8, SIZE - 8), random.uniform(2e4, 1e5)
        sky += light / (2 * np.pi * 4) * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8)
    return sky


def simulate_exposure(sky: Image, detector: DetectorFrames, random: np.random.Generator) -> npt.NDArray[np.uint16]:
    """Simulate the raw image of an exposure.

    Parameters
    ----------
    sky : NDArray[np.float64]
        Electrons of the field, shape (64, 64).
    detector : DetectorFrames
        Bias, dark and flat.
    random : np.random.Generator
        Source of photon noise, read noise and cosmic rays.

    Returns
    -------
    NDArray[np.uint16]
        Counts with overscan at the right, shape (64, 72).
    """
    electrons = random.poisson(sky * detector.flat + detector.dark * EXPTIME_S).astype(float)
    hits = random.integers(2, SIZE - 2, (8, 2))
    electrons[hits[:, 0], hits[:, 1]] += 5e3
    counts = np.full((SIZE, SIZE + OVERSCAN), 1000.0)
    counts[:, :SIZE] += electrons / GAIN + detector.bias
    return np.clip(counts + random.normal(0, READ_NOISE / GAIN, counts.shape), 0, 65_535).round().astype(np.uint16)


def write(path: Path, image: npt.NDArray[Any], **cards: Any) -> None:
    """Write an image to a FITS file with these header cards.

    Parameters
    ----------
    path : Path
        File to write.
    image : NDArray
        Counts (uint16), or a frame, which is stored as float32.
    **cards : Any
        Keywords and values of the header.
    """
    from astropy.io import fits  # start-up: a second to import

    header = fits.Header({**cards, "ORIGIN": "simulated"})
    stored = image if image.dtype == np.uint16 else image.astype(np.float32)
    fits.PrimaryHDU(stored, header=header).writeto(path, overwrite=True)


if __name__ == "__main__":
    raise SystemExit(main())
