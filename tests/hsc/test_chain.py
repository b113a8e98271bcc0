"""All calls of the pipeline, one after another, on one simulated field."""

import shutil
from collections import Counter

import numpy as np
import pytest
from astropy.io import fits

from pipelines.hsc.catalogues.catalogue import read_catalogue
from pipelines.hsc.figures import read_residuals
from pipelines.hsc.simulate import simulate
from tests.conftest import LONG_FORM

PATCH = ("--id", "tract=0", "patch=8x7", "filter=HSC-I")


def bars_of(repository, truth):
    """Return the residuals' statistics by filter."""
    parts = read_residuals(sorted(repository.glob("coadd/forced_src-*.fits")), truth)
    return {part.filter: part.summarize() for part in parts}


def assert_good(bars):
    assert set(bars) == {"HSC-R", "HSC-I"}
    for bar in bars.values():
        assert bar["stars"] > 80
        assert abs(bar["median_mag"]) < 0.01
        assert bar["scatter_mag"] < 0.05
        assert bar["median_separation_arcsec"] < 0.05


def test_the_calls_are_as_many_as_visits_detectors_patches_and_filters_make(chain):
    counts = Counter(call.step for call in chain.calls)
    assert list(counts.values()) == [1, 16, 32, 8, 8, 4, 8, 4, 8]
    assert sum(counts.values()) == 89


def test_two_detectors_of_a_visit_are_on_one_patch_and_one_on_another(chain):
    wanted = {
        "8x7": "--selectId visit=904010 ccd=4 --selectId visit=904010 ccd=10",
        "8x6": "--selectId visit=904010 ccd=4",
    }
    warps = [call for call in chain.calls if call.step == "make_coadd_temp_exp" and "visit=904010" in call.arguments]
    lines = {call.arguments[2]: " ".join(call.arguments) for call in warps}
    for patch, words in wanted.items():
        assert lines[f"patch={patch}"].endswith(f"doApplyUberCal=False {words}")


def test_magnitudes_and_places_agree_with_the_truth(chain, simulated):
    assert_good(bars_of(chain.repository, simulated / "truth" / "truth.fits"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 20131102] if LONG_FORM else [3])
def test_they_agree_on_every_other_sky_too(hsc_chain, tmp_path, seed):
    simulate(tmp_path / "sky", tmp_path / "truth.fits", seed=seed)
    repository = hsc_chain(tmp_path / "sky", tmp_path / "repo").repository
    assert_good(bars_of(repository, tmp_path / "truth.fits"))


def test_a_star_has_one_number_in_all_filters(chain):
    tables = [read(chain, f"coadd/forced_src-{name}-0-8x7", "deepCoadd_forced_src") for name in ("HSC-R", "HSC-I")]
    reference = read(chain, "merged/ref-0-8x7", "deepCoadd_ref")
    assert list(tables[0]["id"]) == list(tables[1]["id"]) == list(reference["id"])
    assert len(set(reference["id"])) == len(reference)


def test_a_star_is_primary_in_one_patch_only(chain):
    tables = [read_catalogue(path, "deepCoadd_ref") for path in sorted(chain.repository.glob("merged/ref-*"))]
    stars = np.concatenate(tables)
    primary = stars[stars["is_primary"]]
    apart = np.hypot(primary["ra"][:, None] - primary["ra"], primary["dec"][:, None] - primary["dec"]) * 3600
    np.fill_diagonal(apart, 9)
    assert (apart > 0.3).all()
    assert len(primary) < len(stars)


def test_a_coadd_tells_what_it_is_of(chain):
    header = fits.getheader(chain.repository / "coadd" / "calexp-HSC-I-0-8x6-r11p95.fits")
    assert {key: header[key] for key in ("TRACT", "PATCH", "FILTER")} == {"TRACT": 0, "PATCH": "8x6", "FILTER": "HSC-I"}


def test_a_detector_of_a_bad_column_has_it_masked_and_mended(chain):
    with fits.open(chain.repository / "corr" / "corr-HSC-I-0904010-004-r11p95.fits") as hdus:
        bad = (hdus["MASK"].data & 1 > 0).all(axis=0)
        mended = hdus["IMAGE"].data[:, bad]
    assert bad.sum() == 1
    assert np.abs(np.median(mended)) < 30


def test_a_repeated_step_writes_the_same_bytes(hsc, chain, tmp_path):
    repository = tmp_path / "repo"
    shutil.copytree(chain.repository, repository)
    steps = ["detect_coadd_sources", "measure_coadd_sources", "forced_phot_coadd"]
    assert [hsc(step, repository, *PATCH, "--doraise") for step in steps] == [0, 0, 0]
    for name in ("calexp", "det", "det_bkgd", "meas", "measMatch", "forced_src"):
        path = f"coadd/{name}-HSC-I-0-8x7-r11p95.fits"
        assert (repository / path).read_bytes() == (chain.repository / path).read_bytes()


def test_a_program_writes_what_the_step_in_another_process_wrote(program, chain, tmp_path):
    ended = program("forced_phot_coadd", chain.repository, "--output", tmp_path, *PATCH, "--doraise")
    path = "coadd/forced_src-HSC-I-0-8x7-r11p95.fits"
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert (tmp_path / path).read_bytes() == (chain.repository / path).read_bytes()


def test_the_order_of_the_filters_does_not_matter(hsc, chain, tmp_path):
    merged = "merged/mergeDet-0-8x7-r11p95.fits"
    where = ("--id", "tract=0", "patch=8,7", "filter=HSC-I^HSC-R")
    assert hsc("merge_coadd_detections", chain.repository, "--output", tmp_path, *where) == 0
    assert (tmp_path / merged).read_bytes() == (chain.repository / merged).read_bytes()


def test_warps_of_two_attempts_make_one_coadd(hsc, chain, tmp_path):
    repository = tmp_path / "repo"
    shutil.copytree(chain.repository, repository)
    (repository / "corr" / "corr-HSC-I-0904010-010-r11p95.fits").rename(
        repository / "corr" / "corr-HSC-I-0904010-010-r11p96.fits"
    )
    selected = ["--selectId", "visit=904010", "ccd=10", "--selectId", "visit=904010", "ccd=4"]
    assert hsc("make_coadd_temp_exp", repository, *PATCH, *selected) == 0
    warp = "deepCoadd/warp-HSC-I-0-8x7-0904010-r11p95.fits"
    assert (repository / warp).read_bytes() == (chain.repository / warp).read_bytes()


def read(chain, stem, dataset):
    return read_catalogue(chain.repository / f"{stem}-r11p95.fits", dataset)
