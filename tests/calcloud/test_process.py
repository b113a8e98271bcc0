"""Processing: images calibrated by `calibrate`, and stand-ins for the instruments' programs."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from pipelines.calcloud import calibrate
from pipelines.calcloud.calibration.instruments import stages

ROOT = Path(__file__).parents[2]


@pytest.fixture
def simulated(run, tmp_path):
    """A folder with raw images, references and features files of four datasets."""
    assert run("simulate", tmp_path / "sim", cwd=tmp_path).returncode == 0
    return tmp_path / "sim"


@pytest.fixture
def process(tmp_path):
    """The program, with some programs first on PATH."""

    def run_process(*arguments, programs=None, **more):
        (tmp_path / "bin").mkdir(exist_ok=True)
        for name, lines in (programs or {}).items():
            path = tmp_path / "bin" / name
            path.write_text(f'#!/bin/sh\necho "stand-in for {name}: $@"\n{lines}\n')
            path.chmod(0o755)
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, **more}
        command = [sys.executable, "-m", "pipelines.calcloud.process", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run_process


def test_simulated_images_come_back_as_the_sky_that_they_were_made_of(process, simulated, tmp_path):
    ended = process(
        "none", "none", "jsim01010", "--inputs", simulated / "inputs", "--references", simulated / "references",
        "--outputs", "out",
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    with tarfile.open(tmp_path / "out" / "jsim01010_products.tar") as tar:
        tar.extractall(tmp_path, filter="data")
    with fits.open(tmp_path / "jsim01010_1_flt.fits") as file:
        header, science, quality = file[0].header, file["SCI"].data, file["DQ"].data
    assert abs(np.median(science) - 102) < 3  # the sky is 100 electrons and the light of stars
    assert [header[key] for key in ("CALPROG", "BIASCORR", "DARKCORR", "FLATCORR")] == [
        "calcloud own",
        *["COMPLETE"] * 3,
    ]
    assert 6 <= (quality & 4096 > 0).sum() <= 60
    with fits.open(tmp_path / "jsim01010_crj.fits") as file:
        assert (file["DQ"].data == 0).mean() > 0.99
        assert file["SCI"].data.max() < science.max()  # the cosmic rays are gone


def test_without_references_the_header_marks_the_omitted_steps(process, simulated, tmp_path):
    ended = process("none", "none", "isim02b2q", "--inputs", simulated / "inputs", "--outputs", "out")
    assert ended.returncode == 0
    assert "no bias and no dark and no flat" in (tmp_path / "out" / "isim02b2q_process.txt").read_text()


@pytest.fixture
def cached(simulated, tmp_path):
    """A CRDS cache with the simulated references, and an image that names them."""
    folder = tmp_path / "cache" / "references" / "hst" / "iref"
    folder.mkdir(parents=True)
    raw = simulated / "inputs" / "isim02b2q_raw.fits"
    for key, kind in (("BIASFILE", "bias"), ("DARKFILE", "dark"), ("PFLTFILE", "flat")):
        (simulated / "references" / f"{kind}.fits").rename(folder / f"sim_{kind}.fits")
        fits.setval(raw, key, value=f"iref$sim_{kind}.fits")
    return folder


def test_references_that_the_header_names_are_found_by_the_variables_of_crds(process, simulated, cached, tmp_path):
    arguments = ("none", "none", "isim02b2q", "--inputs", simulated / "inputs", "--outputs", "out")
    ended = process(*arguments, CRDS_PATH=str(tmp_path / "cache"))
    assert (ended.returncode, ended.stderr) == (0, "")
    with fits.open(tmp_path / "work" / "isim02b2q" / "isim02b2q_flt.fits") as file:
        assert [file[0].header[f"{kind}CORR"] for kind in ("BIAS", "DARK", "FLAT")] == ["COMPLETE"] * 3
        assert abs(np.median(file["SCI"].data) - 102) < 3
    assert f"iref$sim_bias.fits: {cached}/sim_bias.fits" in (tmp_path / "out" / "isim02b2q_process.txt").read_text()


def test_a_reference_that_the_cache_lacks_is_named_and_one_that_does_not_fit_is_left_out(
    process, simulated, cached, tmp_path
):
    arguments = ("none", "none", "isim02b2q", "--inputs", simulated / "inputs", "--outputs", "out")
    fits.PrimaryHDU(np.zeros((3, 3), np.float32)).writeto(cached / "sim_dark.fits", overwrite=True)
    assert process(*arguments, iref=str(cached)).returncode == 0
    log = (tmp_path / "out" / "isim02b2q_process.txt").read_text()
    assert "iref$sim_dark.fits: left out, its image is (3, 3), (64, 64) is needed" in log
    (cached / "sim_bias.fits").unlink()
    assert process(*arguments, iref=str(cached)).returncode == 27
    assert "iref$sim_bias.fits: no such reference in" in (tmp_path / "out" / "isim02b2q_process.txt").read_text()


@pytest.mark.parametrize(
    ("ipst", "files", "commands"),
    [
        ("jcal01010", ["_asn", "_raw"], ["calacs.e jcal01010_asn.fits", "runastrodriz jcal01010_asn.fits"]),
        ("jcal01a1q", ["_raw"], ["calacs.e jcal01a1q_raw.fits"]),
        ("ical01a1q", ["_raw"], ["calwf3.e ical01a1q_raw.fits"]),
        ("lcal01a1q", ["_rawtag_a", "_rawtag_b"], ["calcos lcal01a1q_rawtag_a.fits"]),
        ("lcal01010", ["_asn", "_rawtag"], ["calcos lcal01010_asn.fits"]),
        ("ocal01a1q", ["_raw", "_wav"], ["cs0.e -tv ocal01a1q_raw.fits"]),
        ("ocal01a2q", ["_wav"], ["cs0.e -tv ocal01a2q_wav.fits"]),
    ],
)
def test_each_instrument_has_its_programs(process, tmp_path, ipst, files, commands):
    (tmp_path / "in").mkdir()
    for file in files:
        (tmp_path / "in" / f"{ipst}{file}.fits").write_text("raw")
    names = ("calacs.e", "calwf3.e", "calcos", "cs0.e", "runastrodriz")
    ended = process("none", "none", ipst, "--inputs", "in", "--outputs", "out", programs=dict.fromkeys(names, ""))
    assert ended.returncode == 0, ended.stderr
    assert json.loads((tmp_path / "out" / f"{ipst}_metrics.json").read_text())["commands"] == commands
    assert f"stand-in for {commands[0].split()[0]}" in (tmp_path / "out" / f"{ipst}_process.txt").read_text()


def test_a_dataset_without_raw_files_has_nothing_to_run(tmp_path):
    assert stages("acs", tmp_path, "jcal01a1q") == []


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("exit 3", 23),
        ("echo 'MemoryError'; exit 1", 31),
        ("echo 'Cannot allocate memory'; exit 1", 34),
        ("kill -9 $$", 23),
    ],
)
def test_a_failed_program_has_the_status_that_the_original_gives_it(process, tmp_path, lines, status):
    (tmp_path / "jcal01a1q_raw.fits").write_text("raw")
    ended = process("none", "none", "jcal01a1q", "--inputs", ".", "--outputs", "out", programs={"calacs.e": lines})
    assert ended.returncode == status
    assert json.loads((tmp_path / "out" / "jcal01a1q_metrics.json").read_text())["status"] == status


def test_a_second_stage_that_fails_has_a_status_of_its_own(process, tmp_path):
    for suffix in ("asn", "raw"):
        (tmp_path / f"jcal01010_{suffix}.fits").write_text("raw")
    programs = {"calacs.e": "", "runastrodriz": "exit 1"}
    assert process("none", "none", "jcal01010", "--inputs", ".", programs=programs).returncode == 24


@pytest.mark.parametrize("status", [22, 27, 28, 33])
def test_failures_can_be_asked_for(process, tmp_path, status):
    ended = process("none", "none", "jcal01a1q", "--inputs", ".", CALDP_SIMULATE_ERROR=str(status))
    assert ended.returncode == status


def test_files_that_are_not_there_or_damaged_have_their_status(process, tmp_path):
    assert process("none", "none", "jcal01a1q", "--inputs", "nowhere").returncode == 26
    (tmp_path / "jcal01a1q.tar.gz").write_bytes(b"no tar")
    ended = process("none", "none", "jcal01a1q", "--inputs", ".")
    assert (ended.returncode, "cannot be unpacked" in ended.stderr) == (21, True)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a/jcal01a1q_raw.fits": None, "b/jcal01a1q_raw.fits": None}, "is the second file called jcal01a1q_raw.fits"),
        ({"jcal01a1q_raw.fits": "/etc/passwd"}, "is not a plain file"),
    ],
)
def test_a_tar_of_two_files_of_one_name_or_of_links_is_refused(process, tmp_path, members, words):
    with tarfile.open(tmp_path / "jcal01a1q.tar", "w") as tar:
        for name, link in members.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
            tar.addfile(member)
    ended = process("none", "none", "jcal01a1q", "--inputs", ".")
    assert (ended.returncode, words in ended.stderr) == (21, True), ended.stderr


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ({"CCDGAIN": "N/A"}, "CCDGAIN is not a number"),
        ({"CCDGAIN": 0}, "CCDGAIN = 0"),
        ({"EXPTIME": -10}, "EXPTIME = -10 is not possible"),
    ],
)
def test_an_image_with_an_impossible_header_ends_with_one_line(tmp_path, monkeypatch, capsys, cards, words):
    fits.PrimaryHDU(np.ones((8, 8), np.float32), fits.Header(cards)).writeto(tmp_path / "jcal01a1q_raw.fits")
    monkeypatch.chdir(tmp_path)
    assert calibrate.main(["jcal01a1q"]) == 2
    said = capsys.readouterr().err
    assert (words in said, said.count("\n")) == (True, 1)


def test_an_image_without_some_of_its_data_ends_with_one_line(tmp_path, monkeypatch, capsys):
    path = tmp_path / "jcal01a1q_raw.fits"
    fits.PrimaryHDU(np.ones((80, 80), np.float32), fits.Header({"CCDGAIN": fits.card.UNDEFINED})).writeto(path)
    path.write_bytes(path.read_bytes()[:4000])
    monkeypatch.chdir(tmp_path)
    assert calibrate.main(["jcal01a1q"]) == 2
    said = capsys.readouterr().err
    assert ("is not a whole FITS file" in said, said.count("\n")) == (True, 1)


def test_outputs_go_to_a_folder_below_the_batch_and_one_failure_stops_no_other(process, simulated, tmp_path):
    names = ("jsim09010", "isim02b2q")
    ended = process(tmp_path / "bucket", "batch", *names, "--inputs", simulated / "inputs")
    assert ended.returncode == 26
    stored = sorted(path.name for path in (tmp_path / "bucket" / "batch" / "isim02b2q").iterdir())
    assert stored == ["isim02b2q_flt.fits", "metrics.json", "process.txt", "process_metrics.txt"]


def test_the_mode_sets_the_variables_of_the_references_and_records_them(process, tmp_path):
    (tmp_path / "jcal01a1q_raw.fits").write_text("raw")
    arguments = ("none", "none", "jcal01a1q", "--inputs", ".", "--outputs", "out", "--mode", "onsite")
    process(*arguments, programs={"calacs.e": "echo jref is $jref"})
    assert json.loads((tmp_path / "out" / "jcal01a1q_metrics.json").read_text())["variables"]["CRDS_MODE"] == "onsite"
    log_text = (tmp_path / "out" / "jcal01a1q_process.txt").read_text()
    assert "jref is /grp/crds/cache/references/hst/jref/" in log_text


def test_the_report_of_time_has_its_lines_where_the_original_looks(process, tmp_path):
    (tmp_path / "jcal01a1q_raw.fits").write_text("raw")
    process("none", "none", "jcal01a1q", "--inputs", ".", "--outputs", "out", programs={"calacs.e": "sleep 0.2"})
    report = (tmp_path / "out" / "jcal01a1q_process_metrics.txt").read_text().splitlines()
    assert report[4].strip().startswith("Elapsed (wall clock) time (h:mm:ss or m:ss): 0:00.")
    assert report[9].strip().startswith("Maximum resident set size (kbytes): ")
    assert report[-1].strip() == "Exit status: 0"
