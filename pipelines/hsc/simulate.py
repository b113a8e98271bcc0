"""Simulate a small survey: raw images, calibrations, reference catalogue, sky map, and the true stars."""

import argparse
import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.hsc.errors import InputError
from pipelines.hsc.steps import command

if TYPE_CHECKING:
    from pipelines.hsc.simulator.camera import SimulatedDetector
    from pipelines.hsc.simulator.visits import SimulatedVisit

COMMAND = "python -m pipelines.hsc.simulate"
DESCRIPTION = """Write 16 raw images (8 visits, 2 detectors each, 2 filters), bias, dark and flat frames, a reference
catalogue, the sky map, and to another file the true stars. The same seed gives the same bytes."""

CALIBRATION_DATE = "2013-11-01"
#: Value of the header card ORIGIN.
ORIGIN = "simulated"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status.

    Returns
    -------
    int
        0; 1 if a file cannot be read or written; 2 for wrong input; 3 for data that are too poor.
    """
    arguments = _make_parser().parse_args(argv)
    truth = arguments.truth or arguments.directory / "truth" / "truth.fits"
    return command.run_program(
        COMMAND, lambda: simulate(arguments.directory, truth, seed=arguments.seed, stars=arguments.stars)
    )


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=DESCRIPTION)
    parser.add_argument("directory", type=Path, help="folder to write to")
    parser.add_argument("--seed", type=int, default=1, help="seed of all random numbers (default 1)")
    parser.add_argument("--stars", type=int, default=1000, help="number of stars in the field (default 1000)")
    parser.add_argument("--truth", type=Path, help="file for the true stars (default DIR/truth/truth.fits)")
    return parser


def simulate(directory: Path, truth: Path, *, seed: int = 1, stars: int = 1000) -> None:
    """Write the whole survey.

    Parameters
    ----------
    directory : Path
        Folder for raw images, calibrations, reference catalogue and sky map.
    truth : Path
        FITS file for the true stars.
    seed : int
        Seed of all random numbers, not below 0.
    stars : int
        Number of stars, not below 0.

    Raises
    ------
    InputError
        If seed or stars is below 0.
    """
    import numpy as np  # numpy, astropy: start-up

    from pipelines.hsc.simulator.camera import simulate_raw_image  # numpy, astropy: start-up
    from pipelines.hsc.simulator.sky import make_stars, simulate_reference  # numpy, astropy: start-up
    from pipelines.hsc.simulator.visits import PLANS, SKY_MAP, simulate_visit  # numpy, astropy: start-up

    if seed < 0 or stars < 0:
        raise InputError("--seed and --stars are whole numbers, not below 0")
    # Each part has random numbers of its own: more stars leave the detectors as they are.
    sky, reference, weather = (np.random.default_rng([seed, part]) for part in range(3))
    true_stars = make_stars(stars, sky)
    _write_stars(truth, true_stars)
    _write_reference(directory / "ref_cats-v1.tar", simulate_reference(true_stars, reference))
    (directory / "skyMap-v1.json").write_text(SKY_MAP.to_json(), encoding="utf-8")
    visits = [simulate_visit(plan, number, weather) for number, plan in enumerate(PLANS)]
    detectors = _make_detectors(visits, seed)
    for ccd, detector in detectors.items():
        _write_calibrations(directory / "calib", ccd, detector)
    for visit in visits:
        for ccd in visit.wcs:
            random = np.random.default_rng([seed, 4, visit.plan.visit, ccd])
            _write_raw(
                directory / "raw", visit, ccd, simulate_raw_image(visit, ccd, detectors[ccd], true_stars, random)
            )


def _make_detectors(visits: "Sequence[SimulatedVisit]", seed: int) -> "dict[int, SimulatedDetector]":
    import numpy as np  # numpy, astropy: start-up

    from pipelines.hsc.simulator.camera import make_detector  # numpy, astropy: start-up

    filters: dict[int, list[str]] = {}
    for visit in visits:
        for ccd in visit.wcs:
            filters.setdefault(ccd, []).append(visit.plan.filter)
    return {
        ccd: make_detector(list(dict.fromkeys(names)), np.random.default_rng([seed, 3, ccd]))
        for ccd, names in sorted(filters.items())
    }


def _write_raw(folder: Path, visit: "SimulatedVisit", ccd: int, adu: Any) -> None:
    from astropy.io import fits  # numpy, astropy: start-up

    from pipelines.hsc.files.fits_file import write_fits  # numpy, astropy: start-up

    hdu = fits.PrimaryHDU(adu)
    hdu.header.update(_make_observation_cards(visit, ccd))
    hdu.header.update(visit.header_wcs[ccd].to_cards())
    hdu.header.update(_make_corner_cards(visit, ccd))
    write_fits(folder / f"HSC-{visit.plan.visit:07d}-{ccd:03d}.fits", [hdu])


def _make_observation_cards(visit: "SimulatedVisit", ccd: int) -> dict[str, str | int | float]:
    from pipelines.hsc.simulator.camera import EXPTIME_S, GAIN, OVERSCAN_COLUMNS, READ_NOISE  # numpy, astropy: start-up

    seconds = round(visit.mjd % 1 * 86400)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return {
        "EXP-ID": f"HSCE{visit.plan.visit:08d}",
        "FRAMEID": f"HSCA{visit.plan.visit:06d}{ccd:02d}",
        "DET-ID": ccd,
        "FILTER01": visit.plan.filter,
        "OBJECT": "STRIPE82L",
        "PROP-ID": "o13015",
        "DATE-OBS": f"2013-11-02T{clock}",
        "MJD": round(visit.mjd, 8),
        "EXPTIME": EXPTIME_S,
        "GAIN": GAIN,
        "RDNOISE": READ_NOISE,
        "OVERSCAN": OVERSCAN_COLUMNS,
        "ORIGIN": ORIGIN,
    }


def _make_corner_cards(visit: "SimulatedVisit", ccd: int) -> Iterator[tuple[str, float]]:
    from pipelines.hsc.simulator.visits import CCD_COLUMNS, CCD_ROWS  # numpy, astropy: start-up

    corners = visit.header_wcs[ccd].corners(CCD_COLUMNS, CCD_ROWS)
    for number, (ra, dec) in enumerate(corners, start=1):
        yield f"RAC{number}", ra
        yield f"DECC{number}", dec


def _write_calibrations(folder: Path, ccd: int, detector: "SimulatedDetector") -> None:
    date = CALIBRATION_DATE
    _write_frame(folder / f"BIAS-{date}-{ccd:03d}.fits", detector.bias, "bias", ccd, "NONE")
    _write_frame(folder / f"DARK-{date}-{ccd:03d}.fits", detector.dark, "dark", ccd, "NONE")
    for name, flat in detector.flats.items():
        _write_frame(folder / f"FLAT-{date}-{name}-{ccd:03d}.fits", flat, "flat", ccd, name)


def _write_frame(path: Path, frame: Any, kind: str, ccd: int, filter_name: str) -> None:
    from astropy.io import fits  # numpy, astropy: start-up

    from pipelines.hsc.files.fits_file import write_fits  # numpy, astropy: start-up

    hdu = fits.PrimaryHDU(frame)
    hdu.header["CALIBTYP"] = kind
    hdu.header["CALIB_ID"] = f"filter={filter_name} calibDate={CALIBRATION_DATE} ccd={ccd}"
    hdu.header["DET-ID"] = ccd
    hdu.header["FILTER01"] = filter_name
    hdu.header["DATE-OBS"] = CALIBRATION_DATE
    hdu.header["ORIGIN"] = ORIGIN
    write_fits(path, [hdu])


def _write_stars(path: Path, stars: Any) -> None:
    from astropy.io import fits  # numpy, astropy: start-up

    from pipelines.hsc.files.fits_file import write_fits  # numpy, astropy: start-up

    write_fits(path, [fits.PrimaryHDU(), fits.BinTableHDU(stars, name="STARS")])


def _write_reference(path: Path, stars: Any) -> None:
    """Write two files, south and north of the median, as an uncompressed tar without dates or owners."""
    import numpy as np  # numpy, astropy: start-up
    from astropy.io import fits  # numpy, astropy: start-up

    middle = float(np.median(stars["dec"])) if len(stars) else 0.0
    parts = {"south": stars[stars["dec"] < middle], "north": stars[stars["dec"] >= middle]}
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, part in parts.items():
            content = io.BytesIO()
            fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(part, name="STARS")]).writeto(content)
            member = tarfile.TarInfo(f"ref_cats/{name}.fits")
            member.size = len(content.getvalue())
            tar.addfile(member, io.BytesIO(content.getvalue()))


if __name__ == "__main__":
    raise SystemExit(main())
