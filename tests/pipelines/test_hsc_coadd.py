"""The HSC coadd pipeline, end to end: 89 calls on simulated images, and the questions of the note about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "pipelines"
COADDS = ROOT / "pipelines/hsc_coadd.wcl"
NOTE = ("--set", "project=MMG", "--set", "unitname=Ht0", "--set", "reqnum=11", "--set", "attnum=95")
TREE = "MMG/hsctest/MDEV/r11/Ht0/p95"


def runner(home: Path) -> Callable[..., str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FW_")}

    def run(*arguments: object) -> str:
        said = subprocess.run(
            [sys.executable, "-m", "framework.cli", *map(str, arguments)],
            env={**kept, "FW_HOME": str(home), "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        return said.stdout

    return run


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("images")
    simulate = [sys.executable, "-m", "pipelines.hsc.simulate", str(place)]
    subprocess.run(simulate, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    return place


def prepared(home: Path, images: Path) -> Callable[..., str]:
    """A home with the images ingested and the schema files made."""
    fw = runner(home)
    fw("ingest", "--types", PIPELINES / "hsc/filetypes.wcl", images)
    fw("submit", PIPELINES / "hsc_schema.wcl", "--set", "project=MMG")
    return fw


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, images: Path) -> tuple[Callable[..., str], Path]:
    """The run of the note, with one job a visit and one a patch."""
    home = tmp_path_factory.mktemp("grouped") / "home"
    fw = prepared(home, images)
    fw("submit", COADDS, *NOTE)
    fw("tag", "PROTO-0.1", "Ht0_r11p95")
    return fw, home


def test_the_notes_first_question_finds_the_coadds(done):
    fw, _ = done
    rows = fw(
        "sql",
        "select f.path ||'/'||f.filename from file_archive_info f, desfile d, proctag t where"
        " d.filetype='deepcoadd_calexp' and t.tag='PROTO-0.1' and t.pfw_attempt_id=d.pfw_attempt_id and"
        " f.desfile_id=d.id order by f.filename;",
        "--csv",
    )
    patches = ("8x6", "8x7", "9x6", "9x7")
    wanted = [f"{TREE}/coadd/calexp-{name}-0-{patch}-r11p95.fits" for name in ("HSC-I", "HSC-R") for patch in patches]
    assert rows.splitlines()[1:] == wanted


def test_the_notes_second_question_counts_the_calls(done):
    fw, _ = done
    rows = fw(
        "sql",
        "select modname, count(*) from pfw_wrapper w, pfw_attempt a where w.pfw_attempt_id=a.id and a.reqnum=11 and"
        " a.attnum=95 group by modname order by min(w.wrapnum);",
        "--csv",
    )
    assert [int(line.rpartition(",")[2]) for line in rows.splitlines()[1:]] == [1, 16, 32, 8, 8, 4, 8, 4, 8]


def test_the_notes_third_question_tells_the_time(done):
    fw, _ = done
    rows = fw(
        "sql",
        "select end_time - start_time from task t, pfw_attempt a where t.id=a.task_id and a.reqnum=11 and a.attnum=95;",
        "--csv",
    )
    assert 0 < float(rows.splitlines()[1]) < 600


def test_the_overlap_comes_from_the_corners_of_the_images(done):
    _, home = done
    shards = sorted((home / "runs/Ht0_r11p95/plan").glob("plan_*.jsonl"))
    jobs = [json.loads(line) for path in shards for line in path.read_text().splitlines()]
    calls = [call for job in jobs for call in job.get("calls", ()) if call["module"] == "make_coadd_temp_exp"]
    images = [file for call in calls for file in call["inputs"] if file["label"] == "list.corr.img_corr"]
    assert (len(calls), len(images)) == (32, 48)


def test_the_command_line_is_that_of_the_note(done):
    fw, _ = done
    rows = fw(
        "sql", "select cmdargs from pfw_exec where cmdargs like '%make_coadd_temp_exp%patch=8x7%visit=904010%'", "--csv"
    )
    words = rows.splitlines()[1]
    assert "--id tract=0 patch=8x7 filter=HSC-I -c doApplyUberCal=False" in words
    assert words.endswith("--selectId visit=904010 ccd=4 --selectId visit=904010 ccd=10")


def test_a_coadd_is_traced_to_its_raw_images(done):
    fw, _ = done
    rows = fw(
        "sql",
        "with recursive up(id) as (select id from desfile where filename = 'calexp-HSC-I-0-8x7-r11p95.fits' union"
        " select parent_desfile_id from opm_was_derived_from w, up where w.child_desfile_id = up.id)"
        " select count(*) from desfile d, up where d.id = up.id and d.filetype = 'hsc_raw'",
        "--csv",
    )
    assert rows.splitlines()[1] == "6"


def test_pictures_and_figures_show_that_the_stars_are_right(done):
    fw, home = done
    fw("submit", PIPELINES / "hsc_figures.wcl", "--set", "project=MMG", "--set", "of=Ht0_r11p95")
    place = home / "archive/MMG/hsc_figures/MDEV/r1/Ht0_r11p95/p01/figures"
    assert sorted(path.name for path in place.iterdir()) == ["coadd.png", "residuals.json", "residuals.png"]
    for band in json.loads((place / "residuals.json").read_text()):
        assert abs(band["median_mag"]) < 0.01
        assert band["scatter_mag"] < 0.05
        assert band["median_separation_arcsec"] < 0.05


@pytest.mark.slow
def test_one_call_a_job_makes_the_same_files_with_the_same_provenance(done, images, tmp_path):
    home = tmp_path / "home"
    fw = prepared(home, images)
    fw("submit", COADDS, *NOTE, "--set", "max_wrappers_per_job=1")
    assert json.loads(fw("stat", "--json", "--all"))[-1]["jobs_expected"] == 89
    files = (
        "select path, sha256 from desfile d, pfw_attempt a where a.id = d.pfw_attempt_id and a.run = 'Ht0_r11p95'"
        " and filetype not in ('log', 'plan') order by path"
    )
    derived = (
        "select c.path, p.path from opm_was_derived_from w, desfile c, desfile p"
        " where c.id = w.child_desfile_id and p.id = w.parent_desfile_id and c.path like 'MMG/hsctest/%' order by 1, 2"
    )
    for question in (files, derived):
        assert fw("sql", question, "--csv") == done[0]("sql", question, "--csv")
