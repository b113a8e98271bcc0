"""Real pipelines of the original framework plan to what the original made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from framework.configuration.site_file import DEFAULTS
from framework.model.job import ArchivedFile
from framework.model.plan import Identity, Plan
from framework.pipeline.questions import FoundFile, FoundLine, ProgramQuestion, Question
from framework.plan.build import build_plan
from framework.runs.planner_answers import read_answer
from framework.runs.wrapper_hooks import WrapperHooks
from tests.fixtures.answers import Answers
from wcl import merge, read

ANSWERS = Path(__file__).parents[1] / "data/desdm"
TWO_MODULE = ANSWERS / "two_module"
COADD = ANSWERS / "make_coadd_temp_exp"


class Recorded(Answers):
    """Answers every question with a recorded answer of the original's query program."""

    def __init__(self, answer: Path, replaced: tuple[str, str] = ("", "")) -> None:
        super().__init__()
        self._answer = answer
        self._replaced = replaced

    def find_in_archive(self, paths: Sequence[str]) -> Mapping[str, ArchivedFile]:
        known = ("butler", "skyMap", "registry")
        return {path: ArchivedFile(1, "0") for path in paths
                if "/p03/" not in path or any(word in path for word in known)}  # fmt: skip

    def find_lines(self, question: Question) -> Iterable[FoundLine]:
        self.asked.append(question)
        before, after = self._replaced
        return [
            {
                nick: FoundFile(
                    path=f"RAW/x/{file['filename']}",
                    metadata={
                        key: after if before and value == before else value
                        for key, value in file.items() if key not in ("filename", "compression")
                    },
                )
                for nick, file in line.items()
            }
            for line in read_answer(self._answer, "wcl")
        ]  # fmt: skip


def planned(submit: Path, unit: str, recorded: Recorded, **overrides: str) -> Plan:
    pipeline = merge(read(DEFAULTS), read(submit, overrides=overrides)).with_value("fw_home", "/fw")
    identity = Identity(
        reqnum=15, unitname=unit, attnum=3, run=f"{unit}_r15p03", project="TST", campaign="C1", pipeline="coaddtest",
        operator="tester", jira_id="TEST-15",
    )  # fmt: skip
    wrappers = {"generic": None, "lsst": None}
    return build_plan(pipeline, identity, recorded, submit_directory="/work", wrappers=wrappers, hooks=WrapperHooks())


@pytest.fixture
def two_module() -> Plan:
    return planned(TWO_MODULE / "submit.wcl", "T0042", Recorded(TWO_MODULE / "raw.wcl"))


@pytest.fixture
def note_submission(shared_data: Callable[[str], Path]) -> Path:
    """A submission of the module that the HSC note prints."""
    return shared_data("desdm/oracle/golden/seed_hsc/submit.wcl")


def original_calls(folder: Path) -> dict[str, tuple[dict[str, str], str]]:
    """Module and keys of each call of the original, with its output files' paths and its log."""
    calls = json.loads((folder / "answers.json").read_text())["calls"]
    return {name: (call["outputs"], call["log"]) for name, call in calls.items()}


def original_lists(folder: Path) -> dict[str, tuple[str, ...]]:
    """Lines of each list that the original wrote, by its path in the job."""
    lists = json.loads((folder / "answers.json").read_text())["lists"]
    return {path: tuple(lines) for path, lines in lists.items()}


def test_two_modules_plan_to_the_same_calls_files_and_logs(two_module):
    originals = original_calls(TWO_MODULE)
    ours = {
        "_".join([call.module, *call.keys.values()]): (
            {file.path: file.job_path for file in call.outputs}, call.log.job_path
        )
        for call in two_module.calls
        if call.module != "merge"
    }  # fmt: skip
    assert ours == originals


def test_two_modules_plan_to_the_same_lists(two_module):
    ours = {made.job_path: made.lines for call in two_module.calls for made in call.lists}
    assert ours == original_lists(TWO_MODULE)


def test_two_modules_plan_to_the_same_jobs_and_command_lines(two_module):
    jobs = [(job.block, job.keys, len(job.calls)) for job in two_module.jobs]
    assert jobs == [(1, "g", 5), (1, "r", 5), (2, "", 1)]
    argv = {call.module: call.execs[0].argv for call in two_module.calls}
    assert argv["detrend"] == ("cp", "raw/raw_r_102_c02.fits", "red/v1021/r_v00001021_c02_r15p03_red.fits", "-p")
    assert argv["coadd"] == (
        "mkcoadd.sh", "@list/coadd/T00042_r_r15p03_reds.list", "--out", "coadd/T00042_r_r15p03_coadd.fits",
        "--filter", "r",
    )  # fmt: skip
    assert argv["merge"][1] == "coadd/T00042_g_r15p03_coadd.fits,coadd/T00042_r_r15p03_coadd.fits"


def test_the_query_program_is_called_as_it_was(two_module):
    recorded = Recorded(TWO_MODULE / "raw.wcl")
    planned(TWO_MODULE / "submit.wcl", "T0042", recorded)
    (question,) = recorded.asked
    assert isinstance(question, ProgramQuestion)
    assert question.argv == (
        "fakequery.py", "--qoutfile", "@answer@", "--visits", "101,102", "--ccds", "1,2", "--filters", "g,r"
    )  # fmt: skip


def test_the_module_of_the_note_plans_to_the_originals_calls(note_submission):
    plan = planned(note_submission, "tract0", Recorded(COADD / "corr.wcl"))
    originals = original_calls(COADD)
    ours = {
        "_".join([call.module, *call.keys.values()]): (
            {file.path: file.job_path for file in call.outputs}, call.log.job_path
        )
        for call in plan.calls
    }  # fmt: skip
    assert ours == originals
    lists = {made.job_path: sorted(made.lines) for call in plan.calls for made in call.lists}
    assert lists == {path: sorted(lines) for path, lines in original_lists(COADD).items()}


def test_the_module_of_the_note_gives_the_command_line_of_its_own_comment(note_submission, shared_data):
    plan = planned(note_submission, "tract0", Recorded(COADD / "corr.wcl"))
    call = next(call for call in plan.calls if call.keys["patch"] == "8x7" and call.keys["visit"] == "903344")
    comment = (
        shared_data("desdm/wcl_corpus/seed/make_coadd_temp_exp.wcl").read_text().split("# example command line:")[1]
    )
    wanted = " ".join(re.findall(r"#\s+(.*)", comment)[:2]).split()
    # The note's own example is of another visit, with other ccds.
    at = wanted.index("--selectId")
    assert list(call.execs[0].argv[:at]) == wanted[:at]
    assert call.execs[0].argv[at:] == (
        "--selectId", "visit=903344", "ccd=11", "--selectId", "visit=903344", "ccd=5"
    )  # fmt: skip


def test_patches_named_with_a_comma_break_nothing(note_submission):
    plan = planned(note_submission, "tract0", Recorded(COADD / "corr.wcl", ("8x7", "8,7")))
    with_comma = [call for call in plan.calls if call.keys["patch"] == "8,7"]
    assert len(with_comma) == 3
    for call in with_comma:
        assert "patch=8,7" in call.execs[0].argv
        assert "_P8,7_" in call.outputs[0].name
        assert call.outputs[0].metadata["patch"] == "8,7"
