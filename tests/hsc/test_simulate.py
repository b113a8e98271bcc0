"""The simulated survey."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.hsc.simulate import simulate
from pipelines.hsc.simulator.sky import make_stars, simulate_reference
from pipelines.hsc.simulator.visits import CCD_COLUMNS, CCD_ROWS, PLANS, SKY_MAP, simulate_visit
from pipelines.hsc.sky.geometry import DetectorImage, find_overlaps


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(simulated, tmp_path):
    for seed in (1, 2):
        simulate(tmp_path / str(seed), tmp_path / str(seed) / "truth" / "truth.fits", seed=seed)
    assert contents(tmp_path / "1") == contents(simulated)
    differing = [name for name, content in contents(tmp_path / "2").items() if content != contents(simulated)[name]]
    assert len(differing) == len(contents(simulated)) - 1  # the sky map does not change


def test_it_has_sixteen_images_and_what_calibrates_them(simulated):
    counts = Counter(path.relative_to(simulated).parts[0] for path in contents_of(simulated))
    assert counts == {"raw": 16, "calib": 40, "truth": 1, "ref_cats-v1.tar": 1, "skyMap-v1.json": 1}


Corner = tuple[float, float]


def contents_of(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def corners_of(wcs: Any) -> tuple[Corner, Corner, Corner, Corner]:
    one, two, three, four = wcs.corners(CCD_COLUMNS, CCD_ROWS)
    return one, two, three, four


@given(st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_every_sky_has_48_overlaps(seed):
    random = np.random.default_rng(seed)
    visits = [simulate_visit(plan, number, random) for number, plan in enumerate(PLANS)]
    images = [
        DetectorImage(visit=visit.plan.visit, ccd=ccd, corners=corners_of(wcs))
        for visit in visits
        for ccd, wcs in visit.header_wcs.items()
    ]
    rows = find_overlaps(SKY_MAP, images)
    assert len(rows) == 48
    assert {row.ccd for row in rows if (row.visit, row.patch) == (904010, "8x7")} == {4, 10}


def test_a_header_has_what_the_catalogue_of_files_wants(simulated):
    header = fits.getheader(simulated / "raw" / "HSC-0904010-004.fits")
    known = {key: header[key] for key in ("EXP-ID", "DET-ID", "FILTER01", "OBJECT", "ORIGIN")}
    assert known == {
        "EXP-ID": "HSCE00904010",
        "DET-ID": 4,
        "FILTER01": "HSC-I",
        "OBJECT": "STRIPE82L",
        "ORIGIN": "simulated",
    }
    assert int(header["MJD"]) - 55927 == 671
    assert {f"{name}{number}" for name in ("RAC", "DECC") for number in (1, 2, 3, 4)} < set(header)


def test_the_truth_is_not_what_the_reference_catalogue_says():
    stars = make_stars(2000, np.random.default_rng(1))
    reference = simulate_reference(stars, np.random.default_rng(2))
    known = stars[np.isin(stars["id"], reference["id"])]
    assert np.std((reference["dec"] - known["dec"]) * 3600) == pytest.approx(0.01, rel=0.1)
    assert np.std(reference["mag_HSC_R"] - known["mag_HSC_R"]) == pytest.approx(0.01, rel=0.1)
    assert len(known) < len(stars)


def test_a_seed_below_zero_is_refused(program, tmp_path):
    ended = program("simulate", tmp_path, "--seed", -1)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "not below 0" in ended.stderr
