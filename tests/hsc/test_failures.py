"""Failures of steps: each kind has an exit status and prints one line."""

import json
import re
import shutil

import numpy as np
import pytest
from astropy.io import fits

from pipelines.hsc.simulate import simulate

CCD = ("--id", "visit=903334", "ccd=16", "--doraise")
PATCH = ("--id", "tract=0", "patch=8x7", "filter=HSC-I")
BIAS = "calib/BIAS-2013-11-01-016.fits"
RAW = "raw/HSC-0903334-016.fits"


@pytest.fixture
def one_line(capsys):
    """Function that returns the message on stderr, which must be one line."""

    def read_line():
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        return line.strip()

    return read_line


def test_too_few_stars_is_a_quality_failure(program, a_repository, tmp_path):
    simulate(tmp_path / "empty", tmp_path / "truth.fits", stars=30)
    shutil.copytree(tmp_path / "empty" / "raw", a_repository / "raw", dirs_exist_ok=True)
    ended = program("process_ccd", a_repository, *CCD)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (3, "", 1)
    assert ended.stderr.startswith("QC: visit=903334 ccd=16: ")
    assert ended.stderr.endswith("at least 15 needed\n")
    assert not (a_repository / "corr").exists()


def test_a_blank_exposure_is_a_quality_failure(hsc, a_repository, one_line):
    with fits.open(a_repository / RAW, mode="update") as hdus:
        hdus[0].data[:] = np.random.default_rng(1).normal(1000, 2, hdus[0].data.shape)
    assert hsc("process_ccd", a_repository, *CCD) == 3
    assert re.match(r"QC: visit=903334 ccd=16: \d stars detected and 1\d\d in the reference", one_line())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (BIAS, f"no bias for ccd=16 filter=NONE calibdate=2013-11-01: {{}}/{BIAS} is missing"),
        (RAW, f"{{}}/{RAW} is missing"),
        ("registry.sqlite3", "{}/registry.sqlite3 is missing"),
        ("schema/src_Vhsc_1_0.fits", "{}/schema/src_Vhsc_1_0.fits is missing"),
        ("ref_cats/north.fits", "{}/ref_cats/north.fits is not a FITS file that can be read"),
    ],
)
def test_a_missing_file_is_named(hsc, a_repository, one_line, path, message):
    (a_repository / path).unlink()
    if path.startswith("ref_cats"):
        (a_repository / path).write_text("")
    assert hsc("process_ccd", a_repository, *CCD) == 2
    assert message.format(a_repository) in one_line()


def test_a_file_that_was_cut_short_is_named(hsc, a_repository, one_line):
    whole = (a_repository / RAW).read_bytes()
    (a_repository / RAW).write_bytes(whole[: len(whole) // 2])
    assert hsc("process_ccd", a_repository, *CCD) == 2
    assert f"{RAW} is not a FITS file that can be read" in one_line()


@pytest.mark.parametrize("content", [b"", b"no FITS at all", b"SIMPLE  =                    T" + b" " * 2850])
def test_what_is_no_fits_file_is_named(hsc, a_repository, one_line, content):
    (a_repository / BIAS).write_bytes(content)
    assert hsc("process_ccd", a_repository, *CCD) == 2
    assert BIAS in one_line()


def test_a_schema_of_another_version_stops_the_step(hsc, a_repository, one_line):
    fits.setval(a_repository / "schema" / "src_Vhsc_1_0.fits", "SOFTVERS", value="hsc_0_9")
    assert hsc("process_ccd", a_repository, *CCD) == 2
    assert "was made by hsc_0_9, this is hsc_1_0" in one_line()
    assert list(a_repository.glob("output/src-*")) == []


@pytest.mark.parametrize(
    ("step", "words", "message"),
    [
        ("process_ccd", ("--id", "visit=1", "ccd=1"), "knows no raw image visit=1 ccd=1"),
        (
            "make_coadd_temp_exp",
            (*PATCH, "--selectId", "visit=904010", "ccd=4"),
            "no calexp for visit=904010",
        ),
        (
            "make_coadd_temp_exp",
            (*PATCH, "--selectId", "visit=1", "ccd=4", "--selectId", "visit=2", "ccd=4"),
            "2 visits",
        ),
        (
            "make_coadd_temp_exp",
            (*PATCH, "-c", "doApplyUberCal=True", "--selectId", "visit=1", "ccd=4"),
            "no calibration over many visits",
        ),
        ("assemble_coadd", PATCH, "nothing to work on: --selectId visit=..."),
        ("assemble_coadd", (*PATCH, "--selectId", "visit=904010"), "no deepCoadd_tempExp for"),
        ("detect_coadd_sources", PATCH, "no deepCoadd for"),
        ("merge_coadd_detections", PATCH, "no deepCoadd_det for"),
        ("measure_coadd_sources", PATCH, "no deepCoadd_calexp for"),
        ("merge_coadd_measurements", PATCH, "no deepCoadd_meas for"),
        ("forced_phot_coadd", PATCH, "no deepCoadd_calexp for"),
    ],
)
def test_what_a_step_lacks_is_told(hsc, a_repository, one_line, step, words, message):
    assert hsc(step, a_repository, *words, "--doraise") == 2
    assert message in one_line()


def test_a_repository_without_templates_is_told(hsc, tmp_path, one_line):
    assert hsc("process_ccd", tmp_path, *CCD) == 2
    assert "config/templates.json is missing: it maps datasets to file names" in one_line()


def test_a_dataset_without_template_is_told(hsc, a_repository, one_line):
    templates = json.loads((a_repository / "config" / "templates.json").read_text())
    del templates["dark"]
    (a_repository / "config" / "templates.json").write_text(json.dumps(templates))
    assert hsc("process_ccd", a_repository, *CCD) == 2
    assert "has no template for dark" in one_line()


def test_a_disk_that_cannot_be_written_is_a_failure_of_the_world(hsc, a_repository, tmp_path, one_line):
    (tmp_path / "file").touch()
    assert hsc("process_ccd", a_repository, "--output", tmp_path / "file", *CCD) == 1
    assert "Not a directory" in one_line()
