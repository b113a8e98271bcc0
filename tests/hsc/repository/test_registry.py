"""The registry file: from headers, or from lists without any image."""

import sqlite3
from contextlib import closing

import pytest

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.header import CalibrationMetadata, RawMetadata, parse_visit_number, read_raw_metadata
from pipelines.hsc.repository.registry import ButlerRegistry, write_registry

HEADER = {
    "EXP-ID": "HSCE00903334",
    "DET-ID": 16,
    "FILTER01": "hsc-r",
    "OBJECT": "Stripe-82 L",
    "MJD": 56598.21,
    "DATE-OBS": "2013-11-02T05:02:24",
}
RAW = RawMetadata(visit=903334, ccd=16, filter="HSC-R", field="STRIPE_82_L", pointing=671, dateobs="2013-11-02")


@pytest.fixture
def a_registry(tmp_path):
    def make(*calibrations, raws=(RAW,)):
        frames = [
            CalibrationMetadata(kind=kind, ccd=16, filter=name, calibdate=date, valid_from=date, valid_to=end)
            for kind, name, date, end in calibrations
        ]
        write_registry(tmp_path / "registry.sqlite3", raws, frames)
        return ButlerRegistry.open(tmp_path / "registry.sqlite3")

    return make


def test_a_header_says_everything_that_a_file_name_may_contain():
    assert read_raw_metadata(HEADER) == RAW


@pytest.mark.parametrize(
    ("exposure", "frame", "visit"),
    [
        ("HSCE00903334", "HSCA90333416", 903334),
        ("HSCA90333400", "HSCA90333416", 903334),
        ("HSCB00000200", "HSCB00000216", 1000002),
        ("HSCA00000000", "HSCA90333516", 903334),
    ],
)
def test_a_visit_is_known_by_exposure_or_frame(exposure, frame, visit):
    assert parse_visit_number({"EXP-ID": exposure, "FRAMEID": frame}) == visit


def test_what_is_written_is_known(a_registry):
    assert a_registry().find_raw(903334, 16) == RAW


def test_the_newest_valid_frame_of_the_filter_is_chosen(a_registry):
    registry = a_registry(
        ("flat", "HSC-R", "2013-10-01", "9999-12-31"),
        ("flat", "HSC-R", "2013-11-01", "9999-12-31"),
        ("flat", "HSC-R", "2013-11-03", "9999-12-31"),
        ("flat", "HSC-I", "2013-11-02", "9999-12-31"),
        ("flat", "HSC-R", "2013-11-02", "2013-11-01"),
    )
    assert registry.find_calibration("flat", RAW) == {"ccd": 16, "filter": "HSC-R", "calibdate": "2013-11-01"}


def test_a_day_without_a_valid_frame_is_told(a_registry):
    with pytest.raises(InputError, match="no bias for ccd=16 filter=HSC-R is valid on 2013-11-02"):
        a_registry(("bias", "", "2013-11-03", "9999-12-31")).find_calibration("bias", RAW)


def test_an_image_that_is_listed_twice_is_refused(a_registry):
    with pytest.raises(InputError, match="raw is listed twice: 903334, 16"):
        a_registry(raws=(RAW, RAW))


def test_another_file_is_no_registry(tmp_path):
    (tmp_path / "registry.sqlite3").write_text("SIMPLE  =                    T")
    with pytest.raises(InputError, match="is no registry"):
        ButlerRegistry.open(tmp_path / "registry.sqlite3")


def test_lists_make_the_registry_that_headers_make_and_open_no_image(hsc, a_repository, tmp_path):
    from_headers = (a_repository / "registry.sqlite3").read_bytes()
    raws, frames = tmp_path / "raws.list", tmp_path / "frames.list"
    with closing(sqlite3.connect(a_repository / "registry.sqlite3")) as registry:
        raws.write_text(_list(registry, "select visit, 'x.fits', ccd, filter, field, pointing, dateobs from raw"))
        frames.write_text(_list(registry, "select 'hsc_' || kind, ccd, filter, calibdate from calibration"))
    for folder in ("raw", "calib"):
        (a_repository / folder).rename(tmp_path / folder)
    columns = "visit,img.fullname,ccd,filter,field,pointing,dateobs"
    lists = ["--raws", raws, "--raw-columns", columns, "--calibrations", frames]
    assert hsc("create_butler_registry", a_repository, *lists) == 0
    assert (a_repository / "registry.sqlite3").read_bytes() == from_headers


def test_a_wrong_line_of_a_list_is_told_by_its_number(hsc, a_repository, tmp_path, capsys):
    (tmp_path / "raws.list").write_text("903334, 16, HSC-R, F, 671, 2013-11-02\n903334, x, HSC-R, F, 671, 2013-11-02\n")
    (tmp_path / "frames.list").write_text("")
    lists = ["--raws", tmp_path / "raws.list", "--calibrations", tmp_path / "frames.list"]
    assert hsc("create_butler_registry", a_repository, *lists) == 2
    assert "raws.list:2: invalid literal for int()" in capsys.readouterr().err


def _list(registry, question):
    return "".join(", ".join(map(str, row)) + "\n" for row in registry.execute(question))
