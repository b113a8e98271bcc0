"""Jobs of a folder of FITS files and reports of GNU time, as CALCLOUD leaves them."""

import gzip
import shutil
import subprocess

import numpy as np
import pytest
from astropy.io import fits

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.source import read_source
from pipelines.calcloud.sources.time_reports import memory_and_time
from pipelines.calcloud.training_data.inspection import inspect


def read(name):
    return read_source(str(name), sample_rows=10, sample_seed=1)


REPORT = """\tCommand being timed: "x"
\tUser time (seconds): 1
\tSystem time (seconds): 1
\tPercent of CPU this job got: 99%
\tElapsed (wall clock) time (h:mm:ss or m:ss): {elapsed}
\tMaximum resident set size (kbytes): {kb}
\tExit status: {status}
"""


@pytest.fixture
def outputs(tmp_path):
    """A folder as CALCLOUD leaves it: raw files and reports of time, a folder a dataset."""

    def make(ipst, *, cards, elapsed="1:02.50", kb=1_500_000, status=0):
        folder = tmp_path / "outputs" / ipst
        folder.mkdir(parents=True)
        science = fits.ImageHDU(name="SCI")
        science.header.update({key: cards.pop(key) for key in ("NAXIS1X",) if key in cards})
        fits.HDUList([fits.PrimaryHDU(header=fits.Header(cards)), science]).writeto(folder / f"{ipst}_raw.fits")
        for name in ("process", "preview"):
            (folder / f"{name}_metrics.txt").write_text(REPORT.format(elapsed=elapsed, kb=kb, status=status))
        return tmp_path / "outputs"

    return make


def test_headers_and_reports_become_jobs(outputs):
    cards = {"DETECTOR": "WFC", "SUBARRAY": False, "DRIZCORR": "PERFORM", "PCTECORR": "OMIT", "CRSPLIT": 1}
    folder = outputs("jcal01a1q", cards=cards)
    row = inspect(read(f"fits:{folder}")).kept.iloc[0]
    assert row[["n_files", "drizcorr", "pctecorr", "crsplit", "detector", "dtype", "instr"]].tolist() == [
        1,
        1,
        0,
        1,
        1,
        0,
        0,
    ]
    assert (row["memory"], row["wallclock"], row["mem_bin"]) == (3.0, 125.0, 1)


def test_a_dataset_whose_step_failed_is_set_aside(outputs):
    outputs("jcal01a1q", cards={"DETECTOR": "WFC"})
    folder = outputs("jcal02a1q", cards={"DETECTOR": "WFC"}, status=1)
    found = inspect(read(f"fits:{folder}"))
    assert found.kept["ipst"].tolist() == ["jcal01a1q"]
    assert found.quarantined[0].reasons == ("source: preview_metrics.txt: the step ended with status 1",)


def test_a_job_that_a_signal_ended_is_set_aside_though_its_report_says_status_0(outputs):
    # GNU time writes both lines.
    outputs("jcal01a1q", cards={"DETECTOR": "WFC"})
    folder = outputs("jcal02a1q", cards={"DETECTOR": "WFC"})
    report = folder / "jcal02a1q" / "process_metrics.txt"
    report.write_text("Command terminated by signal 9\n" + report.read_text())
    found = inspect(read(f"fits:{folder}"))
    assert found.kept["ipst"].tolist() == ["jcal01a1q"]
    assert found.quarantined[0].reasons == ("source: process_metrics.txt: the step was terminated by signal 9",)


@pytest.mark.skipif(shutil.which("time") is None, reason="needs GNU time")
def test_a_report_of_gnu_time_itself_says_that_the_job_was_killed(tmp_path):
    report = tmp_path / "process_metrics.txt"
    time = ["time", "--verbose", f"--output={report}", "sh", "-c", "kill -9 $$"]
    subprocess.run(time, check=False)
    with pytest.raises(InputError, match="terminated by signal 9"):
        memory_and_time([report])


def test_only_inputs_of_the_calibration_are_counted_and_read(outputs):
    folder = outputs("jcal01a1q", cards={"DETECTOR": "WFC", "DRIZCORR": "PERFORM"})
    raw = folder / "jcal01a1q" / "jcal01a1q_raw.fits"
    for kind in ("flt", "flc", "spt", "crj"):
        product = fits.PrimaryHDU(header=fits.Header({"DETECTOR": "WFC", "DRIZCORR": "COMPLETE"}))
        product.writeto(raw.with_name(f"jcal01a1q_{kind}.fits"))
    row = inspect(read(f"fits:{folder}")).kept.iloc[0]
    assert (row["n_files"], row["drizcorr"]) == (1, 1)
    assert row["total_mb"] == raw.stat().st_size / 1e6
    raw.unlink()
    assert inspect(read(f"fits:{folder}")).quarantined[0].reasons == ("source: no raw file is there, only products",)


def test_a_compressed_raw_file_counts_as_it_is_when_unpacked(outputs):
    folder = outputs("jcal01a1q", cards={"DETECTOR": "WFC"})
    raw = folder / "jcal01a1q" / "jcal01a1q_raw.fits"
    size = raw.stat().st_size
    raw.with_name(raw.name + ".gz").write_bytes(gzip.compress(raw.read_bytes()))
    raw.unlink()
    row = inspect(read(f"fits:{folder}")).kept.iloc[0]
    assert (row["n_files"], row["total_mb"], row["detector"]) == (1, size / 1e6, 1)


@pytest.fixture
def association(outputs):
    """A folder with an association of two exposures, its table and its product."""
    folder = outputs("jcal01010", cards={"DETECTOR": "HRC"}) / "jcal01010"
    (folder / "jcal01010_raw.fits").unlink()
    for exposure in ("jcal01a1q", "jcal01a2q"):
        header = fits.Header({"DETECTOR": "WFC", "DRIZCORR": "PERFORM", "CRSPLIT": 2})
        fits.PrimaryHDU(header=header).writeto(folder / f"{exposure}_raw.fits")
    members = np.array(
        [("JCAL01A1Q", "EXP-CRJ", True), ("JCAL01A2Q", "EXP-CRJ", True), ("JCAL01011", "PROD-CRJ", False)],
        dtype=[("MEMNAME", "S14"), ("MEMTYPE", "S14"), ("MEMPRSNT", "?")],
    )
    table = fits.BinTableHDU(members)
    fits.HDUList([fits.PrimaryHDU(header=fits.Header({"DETECTOR": "WFC"})), table]).writeto(
        folder / "jcal01010_asn.fits"
    )
    return folder


def test_the_members_of_an_association_are_files_of_the_association(association):
    found = inspect(read(f"fits:{association}"))
    assert found.quarantined == ()
    assert found.kept[["ipst", "n_files", "drizcorr", "crsplit", "detector", "dtype"]].to_numpy().tolist() == [
        ["jcal01010", 3, 1, 2, 1, 1]
    ]


def test_an_association_without_one_of_its_members_is_set_aside(association):
    (association / "jcal01a2q_raw.fits").unlink()
    found = inspect(read(f"fits:{association}"))
    assert [row.reasons for row in found.quarantined] == [
        ("source: raw files of jcal01a2q, of the association jcal01010, are not there",)
    ]


@pytest.mark.parametrize(
    ("keyword", "column", "code"), [("CRSPLIT", "crsplit", 0), ("DRIZCORR", "drizcorr", 0), ("SUBARRAY", "subarray", 0)]
)
def test_a_keyword_without_a_value_is_unknown(outputs, keyword, column, code):
    folder = outputs("jcal01a1q", cards={"DETECTOR": "WFC", keyword: fits.card.UNDEFINED})
    assert inspect(read(f"fits:{folder}")).kept.iloc[0][column] == code


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"SIMPLE  =                    T"])
def test_one_bad_file_is_named_and_the_others_are_read(outputs, content):
    outputs("jcal01a1q", cards={"DETECTOR": "WFC"})
    folder = outputs("jcal02a1q", cards={"DETECTOR": "WFC"})
    (folder / "jcal02a1q" / "jcal02a1q_raw.fits").write_bytes(content)
    found = inspect(read(f"fits:{folder}"))
    assert found.kept["ipst"].tolist() == ["jcal01a1q"]
    assert "jcal02a1q_raw.fits: is not a FITS file" in found.quarantined[0].reasons[0]


def test_a_card_that_cannot_be_read_sets_its_dataset_aside(outputs):
    outputs("jcal01a1q", cards={"DETECTOR": "WFC"})
    folder = outputs("jcal02a1q", cards={"DETECTOR": "WFC", "CRSPLIT": 111})
    path = folder / "jcal02a1q" / "jcal02a1q_raw.fits"
    path.write_bytes(path.read_bytes().replace(b"CRSPLIT =                  111", b"CRSPLIT =                1 x 1"))
    found = inspect(read(f"fits:{folder}"))
    assert found.kept["ipst"].tolist() == ["jcal01a1q"]
    assert "jcal02a1q_raw.fits: a card of its header cannot be read" in found.quarantined[0].reasons[0]


def test_links_are_followed_once_and_what_cannot_be_read_is_named(outputs, tmp_path):
    folder = outputs("jcal01a1q", cards={"DETECTOR": "WFC"})
    moved = tmp_path / "disk 3"
    (folder / "jcal01a1q").rename(moved)
    (folder / "jcal01a1q").symlink_to(moved)
    (moved / "up").symlink_to(folder)
    (folder / "night 2").symlink_to(tmp_path / "not mounted")
    found = inspect(read(f"fits:{folder}"))
    assert found.kept["ipst"].tolist() == ["jcal01a1q"]
    assert [row.reasons for row in found.quarantined] == [(f"source: {folder}/night 2: leads nowhere",)]


def test_a_folder_without_datasets_is_refused(tmp_path):
    with pytest.raises(InputError, match="no FITS file there has the name of a dataset"):
        read(f"fits:{tmp_path}")
