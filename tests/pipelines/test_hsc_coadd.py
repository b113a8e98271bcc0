"""The HSC coadd pipeline, end to end: 89 calls on simulated images, and the questions of the note about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "pipelines"
COADDS = ROOT / "pipelines/hsc_coadd.wcl"
INPROCESS = ROOT / "pipelines/hsc_coadd_inprocess.wcl"
NOTE = ("--set", "project=MMG", "--set", "unitname=Ht0", "--set", "reqnum=11", "--set", "attnum=95")
TREE = "MMG/hsctest/MDEV/r11/Ht0/p95"


def make_runner(home: Path, status: int = 0) -> Callable[..., str]:
    """Return ``fw`` for a home: it must end with this status; its stdout, or its stderr if it is to fail."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FW_")}

    def run(*arguments: object) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "framework.cli", *map(str, arguments)],
            env={**kept, "FW_HOME": str(home), "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == status, result.stderr
        return result.stderr if status else result.stdout

    return run


def simulate_images(folder: Path, *options: str) -> Path:
    """Simulate the images of a small survey."""
    simulate = [sys.executable, "-m", "pipelines.hsc.simulate", str(folder), *options]
    subprocess.run(simulate, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_images(tmp_path_factory.mktemp("images"))


def prepare_home(home: Path, images: Path) -> Callable[..., str]:
    """Ingest the images and make the schema files in a home; return its ``fw``."""
    fw = make_runner(home)
    fw("ingest", "--types", PIPELINES / "hsc/filetypes.wcl", images)
    fw("submit", PIPELINES / "hsc_schema.wcl", "--set", "project=MMG")
    return fw


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, images: Path) -> tuple[Callable[..., str], Path]:
    """The run of the note, with one job a visit and one a patch."""
    home = tmp_path_factory.mktemp("grouped") / "home"
    fw = prepare_home(home, images)
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
    folder = home / "archive/MMG/hsc_figures/MDEV/r1/Ht0_r11p95/p01/figures"
    assert sorted(path.name for path in folder.iterdir()) == ["coadd.png", "residuals.json", "residuals.png"]
    for band in json.loads((folder / "residuals.json").read_text()):
        assert abs(band["median_mag"]) < 0.01
        assert band["scatter_mag"] < 0.05
        assert band["median_separation_arcsec"] < 0.05


#: Questions about a run: files read, made and derived, by names instead of ids.
PROVENANCE = (
    "select w.modname, w.wrapnum, e.execnum, e.name, e.cmdargs, d.path from opm_used u, pfw_exec e, pfw_wrapper w,"
    " desfile d, pfw_attempt a where e.task_id = u.task_id and w.task_id = e.pfw_wrapper_task_id and"
    " d.id = u.desfile_id and a.id = w.pfw_attempt_id and a.run = 'Ht0_r11p95' order by 2, 3, 6",
    "select w.modname, w.wrapnum, e.execnum, e.name, e.cmdargs, d.path, d.filetype, d.metadata from"
    " opm_was_generated_by g, pfw_exec e, pfw_wrapper w, desfile d, pfw_attempt a where e.task_id = g.task_id and"
    " w.task_id = e.pfw_wrapper_task_id and d.id = g.desfile_id and d.wgb_task_id = g.task_id and"
    " a.id = w.pfw_attempt_id and a.run = 'Ht0_r11p95' order by 2, 3, 6",
    "select c.path, p.path from opm_was_derived_from w, desfile c, desfile p, pfw_attempt a where"
    " c.id = w.child_desfile_id and p.id = w.parent_desfile_id and a.id = c.pfw_attempt_id and a.run = 'Ht0_r11p95'"
    " order by 1, 2",
)
#: The files that are kept, with their contents.
KEPT = (
    "select d.path, d.filesize, d.sha256 from desfile d, file_archive_info f where f.desfile_id = d.id and"
    " d.filetype not in ('log', 'plan', 'deepcoadd_tempexp', 'deepcoadd') order by 1"
)
PASSED = "from desfile where filetype in ('deepcoadd_tempexp', 'deepcoadd')"


def test_three_steps_in_one_process_make_the_same_files_with_the_same_provenance(done, images, tmp_path):
    home = tmp_path / "home"
    fw = prepare_home(home, images)
    fw("submit", INPROCESS, *NOTE)
    ordinary, ordinary_home = done
    ours, theirs = ([run("sql", question, "--csv") for question in PROVENANCE] for run in (fw, ordinary))
    assert min(text.count("\n") for text in ours) > 89
    assert ours == theirs
    of_the_run = [line for line in fw("sql", KEPT, "--csv").splitlines() if TREE in line]
    assert of_the_run == [line for line in ordinary("sql", KEPT, "--csv").splitlines() if TREE in line]
    assert len(of_the_run) == 161 - 40
    # The 32 warps and 8 coadds never were files.
    counts = f"select count(*), count(filesize), count(sha256) {PASSED}"
    assert fw("sql", counts, "--csv").splitlines()[1] == "40,0,0"
    assert ordinary("sql", counts, "--csv").splitlines()[1] == "40,40,40"
    passed = ("warp-*.fits", "coadd-*.fits")
    assert [path for name in passed for path in home.rglob(name)] == []
    assert len([path for name in passed for path in (ordinary_home / "archive").rglob(name)]) == 40


def test_a_field_with_too_few_stars_ends_with_words_that_say_so(tmp_path):
    home = tmp_path / "home"
    prepare_home(home, simulate_images(tmp_path / "images", "--stars", "150"))
    message = make_runner(home, status=1)("submit", COADDS, *NOTE)
    reason = "QC: visit=903334 ccd=16: 9 of 18 stars match the reference catalogue: at least 15 needed"
    # Which of the job's two calls fails first is chance.
    assert (
        "job 2 (processccd): python -m pipelines.hsc.process_ccd ended with status 3: QC: visit=903334 ccd=" in message
    )
    assert "Ht0_r11p95 failed: 1 of 13 jobs done, 8 failed, 4 not begun" in message
    fw = make_runner(home)
    messages = (
        "select w.modname, t.status, m.message from task_message m, pfw_wrapper w, task t"
        " where m.task_id = w.task_id and t.id = w.task_id and m.message_lvl = 1 and w.wrapkeys like '%903334%\"16\"%'"
    )
    ended = f"python -m pipelines.hsc.process_ccd ended with status 3: {reason}"
    assert fw("sql", messages, "--csv").splitlines()[1:] == [f"processccd,3,{ended}"]
    assert f"call 2, processccd (visit=903334, ccd=16, filter=HSC-R), failed: {ended}\n" in fw("stat", "Ht0_r11p95")
    job, call, words = fw("job", "Ht0_r11p95", "2").splitlines()[:3]
    assert (job[:6], call.split()[:4], words.strip()) == ("job 2 ", ["2", "processccd", "failed", "(3)"], ended)
    log = fw("log", "Ht0_r11p95", "2").splitlines()
    assert log[0] == "== call 2 (processccd): failed with status 3"
    assert log[2:] == [reason, f"== {ended}"]
    # Nothing of it counts as made.
    assert fw("sql", "select count(*) from desfile where filetype in ('calexp', 'src')", "--csv").splitlines()[1] == "0"


def test_one_call_a_job_makes_the_same_files_with_the_same_provenance(done, images, tmp_path):
    home = tmp_path / "home"
    fw = prepare_home(home, images)
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
