"""A small survey to try the pipeline on: raw images, calibrations, reference catalogue, sky map, and the truth."""

import argparse
import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.hsc.errors import InputError
from pipelines.hsc.steps import command

if TYPE_CHECKING:
    from pipelines.hsc.simulator.camera import Detector
    from pipelines.hsc.simulator.visits import Visit

COMMAND = "python -m pipelines.hsc.simulate"
DESCRIPTION = """Write 16 raw images (8 visits, 2 detectors each, 2 filters), bias, dark and flat frames, a reference
catalogue, the sky map, and apart from them the true stars. The same seed gives the same bytes."""

CALIBRATION_DATE = "2013-11-01"
MARK = "simulated"


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    truth = arguments.truth or arguments.directory / "truth" / "truth.fits"
    return command.run(
        COMMAND, lambda: simulate(arguments.directory, truth, seed=arguments.seed, stars=arguments.stars)
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description=DESCRIPTION)
    parser.add_argument("directory", type=Path, help="where to write")
    parser.add_argument("--seed", type=int, default=1, help="of all random numbers (default 1)")
    parser.add_argument("--stars", type=int, default=1000, help="how many in the field (default 1000)")
    parser.add_argument("--truth", type=Path, help="file for the true stars (default DIR/truth/truth.fits)")
    return parser


def simulate(directory: Path, truth: Path, *, seed: int = 1, stars: int = 1000) -> None:
    """The whole survey."""
    import numpy as np

    from pipelines.hsc.simulator.camera import expose
    from pipelines.hsc.simulator.sky import make_stars, observe_reference
    from pipelines.hsc.simulator.visits import PLANS, SKY_MAP, observe

    if seed < 0 or stars < 0:
        raise InputError("--seed and --stars are whole numbers, not below 0")
    # Each part has random numbers of its own: more stars leave the detectors as they are.
    sky, reference, weather = (np.random.default_rng([seed, part]) for part in range(3))
    true_stars = make_stars(stars, sky)
    _write_stars(truth, true_stars)
    _write_reference(directory / "ref_cats-v1.tar", observe_reference(true_stars, reference))
    (directory / "skyMap-v1.json").write_text(SKY_MAP.write(), encoding="utf-8")
    visits = [observe(plan, number, weather) for number, plan in enumerate(PLANS)]
    detectors = _detectors(visits, seed)
    for ccd, detector in detectors.items():
        _write_calibrations(directory / "calib", ccd, detector)
    for visit in visits:
        for ccd in visit.wcs:
            random = np.random.default_rng([seed, 4, visit.plan.visit, ccd])
            _write_raw(directory / "raw", visit, ccd, expose(visit, ccd, detectors[ccd], true_stars, random))


def _detectors(visits: "Sequence[Visit]", seed: int) -> "dict[int, Detector]":
    import numpy as np

    from pipelines.hsc.simulator.camera import make_detector

    filters: dict[int, list[str]] = {}
    for visit in visits:
        for ccd in visit.wcs:
            filters.setdefault(ccd, []).append(visit.plan.filter)
    return {
        ccd: make_detector(list(dict.fromkeys(names)), np.random.default_rng([seed, 3, ccd]))
        for ccd, names in sorted(filters.items())
    }


def _write_raw(folder: Path, visit: "Visit", ccd: int, adu: Any) -> None:
    from astropy.io import fits

    from pipelines.hsc.files.fits_file import write_fits

    hdu = fits.PrimaryHDU(adu)
    hdu.header.update(_observation_cards(visit, ccd))
    hdu.header.update(visit.believed_wcs[ccd].cards())
    hdu.header.update(_corner_cards(visit, ccd))
    write_fits(folder / f"HSC-{visit.plan.visit:07d}-{ccd:03d}.fits", [hdu])


def _observation_cards(visit: "Visit", ccd: int) -> dict[str, str | int | float]:
    from pipelines.hsc.simulator.camera import EXPTIME_S, GAIN, OVERSCAN_COLUMNS, READ_NOISE

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
        "ORIGIN": MARK,
    }


def _corner_cards(visit: "Visit", ccd: int) -> Iterator[tuple[str, float]]:
    from pipelines.hsc.simulator.visits import CCD_COLUMNS, CCD_ROWS

    corners = visit.believed_wcs[ccd].corners(CCD_COLUMNS, CCD_ROWS)
    for number, (ra, dec) in enumerate(corners, start=1):
        yield f"RAC{number}", ra
        yield f"DECC{number}", dec


def _write_calibrations(folder: Path, ccd: int, detector: "Detector") -> None:
    date = CALIBRATION_DATE
    _write_frame(folder / f"BIAS-{date}-{ccd:03d}.fits", detector.bias, "bias", ccd, "NONE")
    _write_frame(folder / f"DARK-{date}-{ccd:03d}.fits", detector.dark, "dark", ccd, "NONE")
    for name, flat in detector.flats.items():
        _write_frame(folder / f"FLAT-{date}-{name}-{ccd:03d}.fits", flat, "flat", ccd, name)


def _write_frame(path: Path, frame: Any, kind: str, ccd: int, filter_name: str) -> None:
    from astropy.io import fits

    from pipelines.hsc.files.fits_file import write_fits

    hdu = fits.PrimaryHDU(frame)
    hdu.header["CALIBTYP"] = kind
    hdu.header["CALIB_ID"] = f"filter={filter_name} calibDate={CALIBRATION_DATE} ccd={ccd}"
    hdu.header["DET-ID"] = ccd
    hdu.header["FILTER01"] = filter_name
    hdu.header["DATE-OBS"] = CALIBRATION_DATE
    hdu.header["ORIGIN"] = MARK
    write_fits(path, [hdu])


def _write_stars(path: Path, stars: Any) -> None:
    from astropy.io import fits

    from pipelines.hsc.files.fits_file import write_fits

    write_fits(path, [fits.PrimaryHDU(), fits.BinTableHDU(stars, name="STARS")])


def _write_reference(path: Path, stars: Any) -> None:
    """A folder of two files, north and south of the middle, as an uncompressed tar without dates or owners."""
    import numpy as np
    from astropy.io import fits

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
