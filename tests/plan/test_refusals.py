"""What is refused before anything runs, each with its place; all problems at once."""

from __future__ import annotations

import re

import pytest

from framework.model.job import ArchivedFile
from wcl import WclError

COADD = "TST/test/none/r7/T1/p02/coadd/g.fits"

WRONG = {
    "an unknown module": ("modulelist = reduce, add", "modulelist = reduce, ad", "unknown module 'ad'"),
    "an unknown block": ("blocklist = one", "blocklist = two", "unknown block 'two'"),
    "an unknown filetype": ("filetype = coadd", "filetype = coad", "unknown filetype 'coad'"),
    "an unknown wrapper": ("loopobj = list.reds", "loopobj = list.reds\nwrappername = genric", "unknown wrapper"),
    "an unknown variable": ("${file.coadd.fullname}", "${file.coad.fullname}", "unknown variable 'file.coad.fullname'"),
    "an unknown object": ("used = list.reds.red", "used = list.red", "unknown object 'list.red'"),
    "an unknown loop object": ("loopobj = list.reds", "loopobj = list.red", "unknown object 'list.red'"),
    "an unknown directory pattern": ("ops_enddir = coadd", "dirpat = rnu\nops_enddir = coadd", "directory pattern"),
    "an unknown file pattern": ("filename = ${band}.fits", "filepat = lo", "unknown file name pattern 'lo'"),
    "an unknown earlier module": ("depends = reduce.file.red", "depends = reduc.file.red", "no earlier module makes"),
    "an unknown key to divide by": ("divide_by = band", "divide_by = bnd", "have no key 'bnd'"),
    "a loop key without a value": ("ccd = ${ccds}", "", "the loop key 'ccd' has no value"),
    "a file that nothing names": ("filename = ${band}.fits", "", "nothing names this file"),
    "an output name used twice": ("${band}_${ccd:2}.fits", "${band}.fits", "would both make"),
    "a bad hyphen style": ("execname = add", "execname = add\ncmd_hyphen = wierd", "unknown hyphen style 'wierd'"),
    "a bad number": ("loopobj = list.reds", "loopobj = list.reds\nmax_walltime = soon", "is not a number"),
    "a bad boolean": ("ops_enddir = coadd", "ops_enddir = coadd\nsavefiles = maybe", "maybe"),
    "a bad list format": ("sortkey =", "format = xml\nsortkey =", "unknown list format 'xml'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_is_refused_with_its_place(plan, reduce_text, what):
    before, after, message = WRONG[what]
    assert before in reduce_text
    with pytest.raises(WclError) as error:
        plan(reduce_text.replace(before, after))
    found = [problem for problem in error.value.problems if message in problem.message]
    assert found
    assert found[0].position.file.endswith((".wcl", "--set"))
    assert found[0].position.line > 0


def test_all_problems_are_reported_together(plan, reduce_text):
    text = reduce_text.replace("filetype = coadd", "filetype = coad").replace("execname = add", "execname = ${add}")
    text = text.replace("filename = ${band}_${ccd:2}.fits", "filename = ${bnd}.fits")
    with pytest.raises(WclError) as error:
        plan(text)
    assert len(error.value.problems) >= 2


def test_the_problem_shows_its_line_and_what_was_meant(plan, reduce_text):
    with pytest.raises(WclError) as error:
        plan(reduce_text.replace("${file.red.fullname}", "${file.rde.fullname}"))
    report = str(error.value)
    assert "pipeline.wcl:30: unknown variable 'file.rde.fullname'" in report
    assert "out = ${file.rde.fullname}" in report
    assert "^^^^^^^^^^^^^^^^^^^^ did you mean 'file.red.fullname'?" in report


def test_a_name_that_the_archive_has_already_is_refused(plan):
    with pytest.raises(WclError, match="is in the archive already"):
        plan(in_archive={COADD: ArchivedFile(1, "0")})


def an_input(reduce_text: str, definition: str) -> str:
    text = reduce_text.replace("was_generated_by = file.red\n", "was_generated_by = file.red\nused = file.flat\n")
    return text.replace("<file>\n            <red>", f"<file>\n<flat>\nfiletype = red\n{definition}\n</flat>\n<red>", 1)


def test_an_input_that_nobody_makes_and_no_archive_has_is_refused(plan, reduce_text):
    text = an_input(reduce_text, "filename = flat.fits\nops_enddir = cal")
    path = "TST/test/none/r7/T1/p02/cal/flat.fits"
    with pytest.raises(WclError, match="no call makes"):
        plan(text)
    found = next(plan(text, in_archive={path: ArchivedFile(5, "abc")}).calls).inputs[0]
    assert (found.path, found.known) == (path, ArchivedFile(5, "abc"))


def test_a_missing_file_outside_the_archives_is_refused(plan, reduce_text):
    text = an_input(reduce_text, "fullname = cal/flat.fits")
    with pytest.raises(WclError, match=r"/work/cal/flat\.fits: there is no such file"):
        plan(text, outside={"/work/cal/flat.fits": "there is no such file"})
    file = next(plan(text).calls).inputs[0]
    assert file.external
    assert file.path == "/work/cal/flat.fits"


def test_an_optional_input_that_nobody_has_is_left_out(plan, reduce_text):
    text = an_input(reduce_text, "filename = flat.fits\nops_enddir = cal\noptional = True")
    assert next(plan(text).calls).inputs == ()


def test_a_module_that_comes_before_the_one_it_needs_is_refused(plan, reduce_text):
    with pytest.raises(WclError, match="no earlier module makes"):
        plan(reduce_text.replace("modulelist = reduce, add", "modulelist = add, reduce"))


def test_a_file_object_that_is_neither_used_nor_made_is_refused(plan, reduce_text):
    text = reduce_text.replace("<file>\n            <red>", "<file>\n<x>\nfiletype = red\nfilename = x\n</x>\n<red>", 1)
    with pytest.raises(WclError, match="is neither used nor generated"):
        plan(text)


def test_a_module_without_a_program_is_refused(plan, reduce_text):
    text = reduce_text.replace("<exec_1>\n            execname = add", "<exe_1>\n            execname = add")
    text = text.replace("</exec_1>\n        <list>", "</exe_1>\n        <list>")
    with pytest.raises(WclError, match="runs nothing"):
        plan(text)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"target_site": "nowhere"}, "unknown site 'nowhere'"),
        ({"home_archive": "nope"}, "unknown archive 'nope'"),
        ({"archive.home.root": "out"}, "is not absolute"),
        ({"save_run_vals": "nope"}, "there is no 'nope' to keep"),
        ({"bands": ""}, "has no values|is empty"),
        ({"max_walltime": "-1"}, "out of bounds"),
        ({"max_walltime": "nan"}, "out of bounds"),
        ({"request_memory": "inf"}, "out of bounds"),
        ({"request_memory": "900, 100"}, "does not rise"),
        ({"request_memory": "900, more"}, "is not a number"),
        ({"memory_statuses": "31, 300"}, "out of bounds"),
        ({"max_running": "0"}, "out of bounds"),
        ({"fw_nmaxthread": "${bands}"}, "is not a number"),
        ({"max_calls": "many"}, "is not a number"),
        ({"bands": "g" * 250}, "is too long"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(plan, overrides, message):
    with pytest.raises(WclError) as error:
        plan(**overrides)
    assert re.search(message, str(error.value))


def test_a_version_pattern_that_is_none_is_refused(plan, reduce_text):
    with pytest.raises(WclError, match="version_pattern"):
        plan(reduce_text + "<exec_def>\n<add>\nversion_flag = -v\nversion_pattern = (oops\n</add>\n</exec_def>\n")


def test_calls_of_different_keys_do_not_share_a_job_by_chance(plan, reduce_text):
    text = reduce_text.replace("divide_jobs_by = band", "divide_jobs_by = band, ccd")
    jobs = [(job.keys, len(job.calls)) for job in plan(text, bands="1, 2").jobs]
    assert jobs == [("1_1", 1), ("1_2", 1), ("2_1", 1), ("2_2", 1), ("1", 1), ("2", 1)]
