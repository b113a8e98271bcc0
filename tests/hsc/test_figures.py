"""Figures of the coadds and of the residuals."""

import json

import numpy as np
import pytest

from pipelines.hsc.catalogues.catalogue import empty_table
from pipelines.hsc.catalogues.residuals import compare_with_truth
from pipelines.hsc.sky.reference import ReferenceCatalogue


@pytest.fixture
def draw(hsc, chain, simulated):
    def draw_into(folder, truth=simulated / "truth" / "truth.fits"):
        coadds = sorted(chain.repository.glob("coadd/calexp-*"))
        forced = sorted(chain.repository.glob("coadd/forced_src-*"))
        outputs = ["--coadd_png", folder / "coadd.png", "--residuals_png", folder / "residuals.png"]
        inputs = ["--coadds", *coadds, "--forced", *forced, "--truth", truth]
        return hsc("figures", *inputs, *outputs, "--summary", folder / "residuals.json")

    return draw_into


def test_the_same_files_give_the_same_pictures(draw, tmp_path):
    assert [draw(tmp_path / "one"), draw(tmp_path / "two")] == [0, 0]
    for name in ("coadd.png", "residuals.png", "residuals.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (tmp_path / "one" / "coadd.png").read_bytes().startswith(b"\x89PNG")


def test_the_reference_catalogue_may_stand_for_the_truth(draw, chain, tmp_path):
    assert draw(tmp_path, truth=chain.repository / "ref_cats") == 0
    summary = json.loads((tmp_path / "residuals.json").read_text())
    assert [(part["filter"], abs(part["median_mag"]) < 0.01) for part in summary] == [("HSC-I", True), ("HSC-R", True)]


def test_a_missing_coadd_is_told(hsc, simulated, tmp_path, capsys):
    words = ["--coadds", tmp_path / "none.fits", "--forced", tmp_path / "none.fits", "--truth", simulated / "truth"]
    assert hsc("figures", *words) == 2
    assert "none.fits is missing" in capsys.readouterr().err


def test_stars_are_compared_with_their_own_truth():
    measured = empty_table("deepCoadd_forced_src", 4)
    measured["ra"], measured["mag"] = np.array([0, 1, 2, 9]) / 3600, [18, 19, np.nan, 20]
    measured["is_primary"] = True
    truth = ReferenceCatalogue(
        id=np.arange(4), ra=np.array([0.01, 0.99, 2, 5]) / 3600, dec=np.zeros(4), mag=np.array([18.1, 19, 20, 21])
    )
    found = compare_with_truth("HSC-R", measured, truth)
    assert found.mag_offset == pytest.approx([-0.1, 0])
    assert found.separation == pytest.approx([0.01, 0.01])


def test_the_summary_is_of_bright_stars_and_counts_blends_apart():
    offsets = np.array([0.01, -0.01, 0.02, 0.0, -0.6])
    measured = empty_table("deepCoadd_forced_src", 6)
    measured["ra"], measured["is_primary"] = np.arange(6) / 360, True
    measured["mag"] = [*(18 + offsets), 25]
    truth = ReferenceCatalogue(id=np.arange(6), ra=np.arange(6) / 360, dec=np.zeros(6), mag=np.array([18] * 5 + [22]))
    summary = compare_with_truth("HSC-R", measured, truth).summarize()
    assert (summary["stars"], summary["median_mag"], summary["share_beyond_0.1_mag"]) == (5, pytest.approx(0), 0.2)
    assert summary["scatter_mag"] == pytest.approx(0.0148, abs=1e-4)
