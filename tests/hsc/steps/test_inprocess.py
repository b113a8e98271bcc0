"""Steps in one process, without files between them."""

import importlib
import shutil
from fnmatch import fnmatch

import pytest

from pipelines.hsc.inprocess import call_step, open_in_memory

WHERE = ["--id", "tract=0", "patch=8x6", "filter=HSC-I"]
CCDS = {903986: (16, 23), 903990: (18, 25), 904010: (4,), 904014: (6,)}
KEPT = ["deepCoadd_calexp", "deepCoadd_calexp_background", "deepCoadd_det"]
MADE = ["calexp", "det_bkgd", "det"]


@pytest.fixture
def calexps(chain, tmp_path):
    """A repository with calibrated images."""
    for name in ("config", "corr", "schema"):
        shutil.copytree(chain.repository / name, tmp_path / "repo" / name)
    for name in ("registry.sqlite3", "deepCoadd/skyMap.json"):
        (tmp_path / "repo" / name).parent.mkdir(exist_ok=True)
        shutil.copy(chain.repository / name, tmp_path / "repo" / name)
    return tmp_path / "repo"


def command_lines(repository):
    for visit, ccds in CCDS.items():
        selected = [word for ccd in ccds for word in ("--selectId", f"visit={visit}", f"ccd={ccd}")]
        yield ["make_coadd_temp_exp", str(repository), *WHERE, *selected]
    visits = [word for visit in CCDS for word in ("--selectId", f"visit={visit}")]
    yield ["assemble_coadd", str(repository), *WHERE, *visits]
    yield ["detect_coadd_sources", str(repository), *WHERE, "--doraise"]


def test_the_results_are_those_of_the_programs_and_nothing_else_is_written(chain, calexps):
    before = {path for path in calexps.rglob("*") if path.is_file()}
    memory = open_in_memory(calexps, calexps, KEPT)
    for words in command_lines(calexps):
        call_step(memory, words[0], words[1:])
    made = {calexps / f"coadd/{name}-HSC-I-0-8x6-r11p95.fits" for name in MADE}
    assert {path for path in calexps.rglob("*") if path.is_file()} - before == made
    assert all(path.read_bytes() == (chain.repository / path.relative_to(calexps)).read_bytes() for path in made)


def test_images_and_tables_are_at_hand_afterwards(calexps):
    memory = open_in_memory(calexps, calexps)
    for words in command_lines(calexps):
        call_step(memory, words[0], words[1:])
    where: dict[str, str | int] = {"tract": 0, "patch": "8x6", "filter": "HSC-I"}
    assert memory.read_exposure("deepCoadd", **where).shape == (340, 340)
    assert len(memory.read_table("deepCoadd_det", **where)) > 50


def test_the_program_reads_its_calls_from_a_file(program, chain, calexps, tmp_path):
    (tmp_path / "calls.txt").write_text("".join(" ".join(words) + "\n" for words in command_lines(calexps)))
    ended = program("inprocess", calexps, "--calls", tmp_path / "calls.txt", "--keep", *KEPT)
    det = "coadd/det-HSC-I-0-8x6-r11p95.fits"
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (calexps / det).read_bytes() == (chain.repository / det).read_bytes()


@pytest.mark.parametrize(
    ("line", "keep", "message"),
    [
        ("schemas repo", "deepCoadd", "'schemas' does not run in one process with others"),
        ("detect_coadd_sources repo --id tract=0", "deepCoadd", "lacks patch, filter"),
        ("", "never", "there is no template for never, which is to be kept"),
    ],
)
def test_a_call_that_cannot_be_run_is_told(hsc, calexps, tmp_path, capsys, line, keep, message):
    (tmp_path / "calls.txt").write_text(line)
    assert hsc("inprocess", calexps, "--calls", tmp_path / "calls.txt", "--keep", keep) == 2
    assert message in capsys.readouterr().err


def of_a_patch(call, patch):
    """Return whether a call of the chain is for a patch."""
    return f"patch={patch}" in call.arguments


def test_every_step_of_a_patch_passes_on_what_it_is_told_to_keep_in_memory(chain, calexps, monkeypatch):
    shutil.copytree(chain.repository / "ref_cats", calexps / "ref_cats")
    monkeypatch.chdir(calexps.parent)
    forced = [f"coadd/forced_src-{name}-0-8x6-r11p95.fits" for name in ("HSC-I", "HSC-R")]
    folders = ("deepCoadd", "coadd", "merged")
    every = [
        str(path.relative_to(chain.repository)) for name in folders for path in (chain.repository / name).iterdir()
    ]
    memory = {f"repo/{path}" for path in every if fnmatch(path, "*-8x6-*") and path not in forced}
    before = {path for path in calexps.rglob("*") if path.is_file()}
    objects: dict[str, object] = {}
    for each in chain.calls:
        if of_a_patch(each, "8x6"):
            step = importlib.import_module(f"pipelines.hsc.{each.step}")
            assert step.in_process(["repo", "--output", "repo", *each.arguments], objects, memory) == 0
    assert set(objects) == memory
    assert {path for path in calexps.rglob("*") if path.is_file()} - before == {calexps / path for path in forced}
    assert all((calexps / path).read_bytes() == (chain.repository / path).read_bytes() for path in forced)


def test_a_step_in_a_process_says_what_is_wrong_as_its_program_does(calexps, capsys):
    step = importlib.import_module("pipelines.hsc.detect_coadd_sources")
    assert step.in_process([str(calexps), *WHERE], {}, ()) == 2
    assert "detect_coadd_sources: no deepCoadd for" in capsys.readouterr().err
