"""What is wrong with a pipeline is said with its remedy, whole."""

from __future__ import annotations

import pytest

from framework.model.job import ArchivedFile
from wcl import WclError

RED = "filename = ${band}_${ccd:2}.fits"
USED = ("was_generated_by = file.red\n", "was_generated_by = file.red\nused = file.flat\n")

#: A pattern of directories that differ in the archive, and are one in the job.
SPLIT = (
    "<filetype_metadata>",
    "<directory_pattern>\n<split>\nops = ${ops_run_dir}/red/${ccd}\nruntime = red\n</split>\n</directory_pattern>\n"
    "<filetype_metadata>",
)


def with_flat(lines: str) -> tuple[tuple[str, str], ...]:
    """Return the changes by which the first module reads one more file."""
    return (USED, ("<file>\n            <red>", f"<file>\n<flat>\nfiletype = red\n{lines}\n</flat>\n<red>"))


#: Changes of the pipeline, the problem, and what to do about it.
PROBLEMS = {
    "a file nobody uses": (
        (("<file>\n            <red>", "<file>\n<x>\nfiletype = red\nfilename = x\n</x>\n<red>"),),
        "file.x of module 'reduce' is neither used nor generated",
        "name it in used or was_generated_by of an exec section",
    ),
    "an unknown wrapper": (
        (("wrapperloop = band, ccd", "wrapperloop = band, ccd\nwrappername = genric"),),
        "unknown wrapper 'genric'",
        "did you mean 'generic'?",
    ),
    "two outputs with one name": (
        ((RED, "filename = ${band}.fits"),),
        "reduce (band=g, ccd=2) and reduce (band=g, ccd=1) would both make TST/test/none/r7/T1/p02/red/g.fits",
        "put a loop key into the file's name or directory",
    ),
    "two files at one place of a job": (
        (("ops_enddir = red", "dirpat = split"), (RED, "filename = ${band}.fits"), SPLIT),
        "TST/test/none/r7/T1/p02/red/2/g.fits and TST/test/none/r7/T1/p02/red/1/g.fits would both lie at red/g.fits "
        "in job 1",
        "give one of them another directory in the job (rundir, or dirpat)",
    ),
    "a file that is gone with its job": (
        (
            ("divide_jobs_by = band", "divide_jobs_by = band, ccd"),
            ("ops_enddir = red", "ops_enddir = red\nsavefiles = no"),
        ),
        "TST/test/none/r7/T1/p02/red/g_02.fits is not kept (savefiles), and add (band=g) needs it in another job",
        "keep it, or let divide_jobs_by put both into one job",
    ),
    "a loop key without values": (
        (("ccd = ${ccds}\n", ""),),
        "the loop key 'ccd' has no value",
        "set it, or name the object to loop over with loopobj",
    ),
    "an empty loop": (
        (("ccds = 1, 2", "ccds = ,"),),
        "the loop of module 'reduce' is empty",
        "give its keys some values",
    ),
    "more calls than are allowed": (
        (("ccds = 1, 2", "ccds = 1, 2\nmax_calls = 3"),),
        "module 'reduce' would become 4 calls, more than 3",
        "set max_calls if that is meant",
    ),
    "an unknown loop object": (
        (("loopobj = list.reds", "loopobj = list.red"),),
        "unknown object 'list.red'",
        "did you mean 'list.reds'?",
    ),
    "a list format": (
        (("sortkey =", "format = wlc\nsortkey ="),),
        "unknown list format 'wlc'",
        "did you mean 'wcl'?",
    ),
    "a column that only the call has": (
        (("columns = red.fullname, ccd", "columns = red.fullname, bandd"),),
        "g_02.fits has no 'bandd'",
        "did you mean 'band'?",
    ),
    "no metadata": (
        (("metadata = band", "metadata = band, seeing"),),
        "no value for the metadata key 'seeing' of file.coadd",
        "set it in the file's section, or take it out of filetype_metadata",
    ),
    "no filetype": (
        (("filetype = coadd\n", ""),),
        "file.coadd is made, and has no filetype",
        "give it filetype = one of filetype_metadata",
    ),
    "a list of nothing": (
        (("depends = reduce.file.red\n", ""),),
        "nothing says which files reds holds",
        "give it depends, or a query",
    ),
    "an unknown source": (
        (("depends = reduce.file.red", "depends = reduce.file.rde"),),
        "no earlier module makes 'reduce.file.rde'",
        "did you mean 'reduce.file.red'?",
    ),
    "a key that the files have not": (
        (("divide_by = band", "divide_by = bandd"),),
        "the files of list.reds have no key 'bandd'",
        "did you mean 'band'?",
    ),
    "several files for one": (
        (
            ("used = list.reds.red", "used = list.reds.red, file.one"),
            ("<file>\n            <coadd>", "<file>\n<one>\ndepends = reduce.file.red\n</one>\n<coadd>"),
        ),
        "2 files to choose from for file.one, such as TST/test/none/r7/T1/p02/red/g_01.fits",
        "give it match = keys, or make it a list",
    ),
    "an input that nobody has": (
        with_flat("filename = flat.fits\nops_enddir = cal"),
        "no call makes TST/test/none/r7/T1/p02/cal/flat.fits, and the archive does not have it",
        "reduce (band=g, ccd=1) needs it as file.flat",
    ),
    "a path that leaves the archive": (
        (("ops_enddir = red", "ops_enddir = ../red"),),
        None,
        "names between single slashes, no '..', no leading slash and no NUL",
    ),
    "a name that is too long": (
        ((RED, f"filename = {'x' * 196}_${{ccd}}.fits"),),
        None,
        "at most 200 bytes",
    ),
    "a position that is none": (
        (("_1 = @${list.reds.fullname}", "_a = @${list.reds.fullname}"),),
        "'_a' is neither an option nor a position",
        "positions are _1, _02 or _03_name",
    ),
    "a late block at the beginning": (
        (("modulelist = reduce, add", "modulelist = reduce, add\nplan = late"),),
        "block 'one' is the first: there is nothing that it could wait for",
        "take plan = late out of it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PROBLEMS)
def test_a_problem_is_told_with_its_remedy(plan, reduce_text, what):
    changes, message, hint = PROBLEMS[what]
    text = reduce_text
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    with pytest.raises(WclError) as error:
        plan(text)
    found = [(problem.message, problem.hint) for problem in error.value.problems]
    assert (message, hint) in found or (message is None and hint in [hint for _, hint in found]), found


def test_a_name_that_the_archive_has_is_told_with_its_remedy(plan):
    path = "TST/test/none/r7/T1/p02/coadd/g.fits"
    with pytest.raises(WclError) as error:
        plan(in_archive={path: ArchivedFile(1, "0")})
    (problem,) = error.value.problems
    assert problem.message == f"{path} is in the archive already"
    assert problem.hint == "put ${attnum} or ${run} into the file's name or directory"
