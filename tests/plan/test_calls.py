"""From modules to calls, with their names, inputs and command lines."""

from __future__ import annotations

import pytest

from wcl import WclError


def test_a_module_becomes_one_call_for_each_combination_of_its_loop_keys(plan):
    calls = [call for call in plan().calls if call.module == "reduce"]
    assert [tuple(call.keys.values()) for call in calls] == [("g", "1"), ("g", "2"), ("r", "1"), ("r", "2")]


def test_only_combinations_that_exist_in_the_loop_object_become_calls(plan):
    calls = [call for call in plan(bands="i").calls if call.module == "add"]
    assert [call.keys for call in calls] == [{"band": "i"}]


def test_numbers_are_looped_in_their_natural_order(plan, reduce_text):
    text = reduce_text.replace("wrapperloop = band\n", "wrapperloop = ccd\n").replace(
        "divide_by = band", "divide_by = ccd"
    )
    text = text.replace("${band}.list", "${ccd}.list").replace("${band}.fits", "${ccd}.fits")
    text = text.replace("metadata = band", "metadata = ccd")
    calls = [call for call in plan(text, ccds="10, 9, 1").calls if call.module == "add"]
    assert [call.keys["ccd"] for call in calls] == ["1", "9", "10"]


def test_files_are_named_by_their_pattern_with_padded_numbers(plan):
    first = next(plan().calls)
    assert [file.path for file in first.outputs] == ["TST/test/none/r7/T1/p02/red/g_01.fits"]
    assert first.outputs[0].job_path == "red/g_01.fits"


def test_a_list_holds_the_files_of_its_keys_in_the_order_of_its_sort_key(plan):
    add = next(call for call in plan().calls if call.module == "add")
    assert add.lists[0].lines == ("red/g_02.fits 2", "red/g_01.fits 1")
    assert [file.name for file in add.inputs] == ["g_02.fits", "g_01.fits"]


def test_command_lines_are_filled_in(plan):
    argv = {call.module: call.execs[0].argv for call in plan(bands="g", ccds="1").calls}
    assert argv == {
        "reduce": ("reduce", "-out", "red/g_01.fits"),
        "add": ("add", "@list/g.list", "-o", "coadd/g.fits"),
    }


def test_metadata_is_what_the_filetype_asks_for_and_else_the_loop_keys(plan):
    calls = list(plan(bands="g", ccds="1").calls)
    assert [dict(call.outputs[0].metadata) for call in calls] == [{"band": "g", "ccd": "1"}, {"band": "g"}]


def test_a_value_with_a_comma_in_quotes_is_one_value_all_the_way(plan, reduce_text):
    text = reduce_text.replace("out = ${file.red.fullname}", "out = ${file.red.fullname}\n patch = ${patch}")
    call = next(plan(text.replace("bands = g, r", 'bands = g, r\npatch = "8,7 x"')).calls)
    assert call.execs[0].argv[-2:] == ("-patch", "8,7 x")


def test_a_file_of_which_there_are_several_is_an_error_unless_that_is_meant(plan, reduce_text):
    several = reduce_text.replace("used = list.reds.red\n", "used = list.reds.red, file.one\n").replace(
        "<coadd>\n                filetype",
        "<one>\n depends = reduce.file.red\n </one>\n<coadd>\n                filetype",
    )
    with pytest.raises(WclError, match="2 files to choose from for"):
        plan(several)
    meant = several.replace(
        "depends = reduce.file.red\n </one>", "depends = reduce.file.red\nignore_multiple_error = yes\n</one>"
    )
    assert len([file for file in list(plan(meant).calls)[2].inputs if file.label == "file.one"]) == 2


def test_needs_limits_and_environment_are_taken_from_the_nearest_section(plan, reduce_text):
    text = reduce_text.replace(
        "bands = g, r", "bands = g\nmax_walltime = 5\n<job_environment>\na_b = x\n</job_environment>"
    )
    text = text.replace("<add>\n", "<add>\nmax_walltime = 0.5\nrequest_memory = 900\n", 1)
    reduce, _, add = plan(text).calls
    assert (reduce.needs.walltime_minutes, add.needs.walltime_minutes, add.needs.memory_mb) == (5.0, 0.5, 900)
    assert reduce.environment == {"A_B": "x"}


def test_a_module_that_is_switched_off_makes_no_calls(plan, reduce_text):
    text = reduce_text.replace("wrapperloop = band\n", "noop = True\nwrapperloop = band\n")
    assert {call.module for call in plan(text).calls} == {"reduce"}


def test_a_path_may_not_leave_its_directory(plan):
    with pytest.raises(WclError, match="cannot be a path in an archive"):
        plan(bands="../../g")


def test_more_calls_than_allowed_are_refused(plan):
    with pytest.raises(WclError, match="would become 400 calls, more than 399"):
        plan(bands="(1:20)", ccds="(1:20)", max_calls="399")


def test_values_of_an_object_are_looped_as_numbers_and_then_as_words(plan, reduce_text):
    text = reduce_text.replace("wrapperloop = band\n", "wrapperloop = ccd\n").replace(
        "divide_by = band", "divide_by = ccd"
    )
    text = text.replace("${ccd:2}", "${ccd}").replace("filename = ${band}.", "filename = ${ccd}.")
    text = text.replace("metadata = band", "metadata = ccd").replace("(ccd, True, True)", "ccd")
    found = [call.keys["ccd"] for call in plan(text, bands="g", ccds="b, 10, a, 9").calls if call.module == "add"]
    assert found == ["9", "10", "a", "b"]


@pytest.mark.parametrize(
    ("execname", "first"),
    [
        ("bin/reduce", "/work/bin/reduce"),
        ("./reduce", "/work/reduce"),
        ("/opt/reduce", "/opt/reduce"),
        ("reduce", "reduce"),
    ],
)
def test_a_program_with_a_relative_path_lies_where_the_pipeline_was_submitted(plan, reduce_text, execname, first):
    text = reduce_text.replace("execname = reduce", f"execname = {execname}")
    step = next(plan(text).calls).execs[0]
    assert (step.program, step.argv) == ("reduce", (first, "-out", "red/g_01.fits"))


@pytest.mark.parametrize(
    ("source", "path", "name"),
    [
        ("jobs.csv", "/work/jobs.csv", "source/jobs.csv"),
        ("data/my jobs.csv", "/work/data/my jobs.csv", "source/my_jobs.csv"),
        ("/data/jobs.csv", "/data/jobs.csv", "source/jobs.csv"),
        ("https://x.org/jobs.csv", "https://x.org/jobs.csv", "source/jobs.csv"),
        ("https://x.org/", "https://x.org/", "source/input"),
    ],
)
def test_a_file_that_a_wrapper_reads_lies_outside_and_has_a_place_in_the_job(plan, reduce_text, source, path, name):
    wrapper = f"wrapperloop = band, ccd\nwrappername = scrape\n<wrapper>\nsource = {source}\n</wrapper>"
    [file] = next(plan(reduce_text.replace("wrapperloop = band, ccd", wrapper, 1)).calls).inputs
    assert (file.label, file.external, file.path, file.job_path) == ("wrapper.source", True, path, name)


@pytest.mark.parametrize(
    ("name", "is_allowed"), [("n" * 200, True), ("n" * 201, False), ("ä" * 100, True), ("ä" * 101, False)]
)
def test_a_name_has_200_bytes_at_most(plan, reduce_text, name, is_allowed):
    text = reduce_text.replace("ops_enddir = red", f"ops_enddir = {name}")
    if is_allowed:
        assert next(plan(text).calls).outputs[0].path.endswith(f"/{name}/g_01.fits")
        return
    with pytest.raises(WclError, match="is too long"):
        plan(text)
