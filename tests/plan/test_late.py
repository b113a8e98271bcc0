"""Late blocks: what of them is known, and checked, before the blocks before them have ended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from framework.configuration.site_file import DEFAULTS
from framework.model.job import Call, File, Job, Needs
from framework.model.plan import Identity
from framework.pipeline.questions import FoundFile
from framework.plan.build import build_late_block, build_plan
from framework.plan.earlier_blocks import EarlierBlocks
from framework.runs.wrapper_hooks import WrapperHooks, wrapper_files
from wcl import Section, WclError, merge, parse, read, split_list

ROOT = Path(__file__).parents[2]
ORACLE = ROOT / "tests/data/desdm"

LATE = """
pipeline = test
unitname = T1
blocklist = cut, use, sum
<block>
    <cut>
        modulelist = cut
    </cut>
    <use>
        plan = late
        modulelist = use
        divide_jobs_by = piece
    </use>
    <sum>
        plan = late
        modulelist = sum
    </sum>
</block>
<filetype_metadata>
    <piece>
    </piece>
    <used>
    </used>
    <sum>
    </sum>
</filetype_metadata>
<module>
    <cut>
        <exec_1>
            execname = cut
            was_generated_by = file.piece
            <cmdline>
                _1 = ${file.piece.directory}
            </cmdline>
        </exec_1>
        <file>
            <piece>
                filetype = piece
                filename = ${piece}.txt
                wildcards = piece
                ops_enddir = pieces
            </piece>
        </file>
    </cut>
    <use>
        wrapperloop = piece
        loopobj = file.piece
        <exec_1>
            execname = use
            used = file.piece
            was_generated_by = file.used
            ancestry = file.piece:file.used
            <cmdline>
                _1 = ${file.piece.fullname}
                _2 = ${file.used.fullname}
            </cmdline>
        </exec_1>
        <file>
            <piece>
                depends = cut.file.piece
            </piece>
            <used>
                filetype = used
                filename = ${piece}.used
                ops_enddir = used
            </used>
        </file>
    </use>
    <sum>
        <exec_1>
            execname = sum
            used = list.all.used
            was_generated_by = file.sum
            ancestry = list.all.used:file.sum
            <cmdline>
                _1 = ${list.all.fullname}
                _2 = ${file.sum.fullname}
            </cmdline>
        </exec_1>
        <list>
            <all>
                depends = use.file.used
                filename = all.list
                ops_enddir = lists
            </all>
        </list>
        <file>
            <sum>
                filetype = sum
                filename = sum.txt
                ops_enddir = sum
            </sum>
        </file>
    </sum>
</module>
"""


def test_a_late_block_is_known_by_what_it_will_ask(plan):
    planned = plan(LATE)
    assert [block.name for block in planned.blocks] == ["cut"]
    known = [(block.number, block.name, block.after, [part.asks for part in block.modules]) for block in planned.late]
    assert known == [
        (2, "use", "cut", [("file.piece: depends = cut.file.piece",)]),
        (3, "sum", "use", [("list.all: depends = use.file.used",)]),
    ]
    assert planned.programs == {("cut", ""), ("use", ""), ("sum", "")}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "        plan = late\n        modulelist = sum",
            "modulelist = sum",
            "block 'sum' follows the late block 'use'",
        ),
        ("modulelist = cut\n", "modulelist = cut\nplan = late\n", "block 'cut' is the first"),
        ("plan = late", "plan = later", "'plan' cannot be 'later'"),
        ("_2 = ${file.used.fullname}", "_2 = ${file.usde.fullname}", "unknown variable 'file.usde.fullname'"),
        ("depends = cut.file.piece", "depends = cut.file.peice", "no earlier module makes 'cut.file.peice'"),
        ("depends = use.file.used", "depends = sum.file.sum", "no earlier module makes 'sum.file.sum'"),
        ("filename = ${piece}.used", "filename = ${peice}.used", "unknown variable 'peice'"),
        ("loopobj = file.piece", "loopobj = file.pice", "unknown object 'file.pice'"),
        ("divide_jobs_by = piece", "max_wrappers_per_job = many", "'max_wrappers_per_job' must be a whole number"),
        ("depends = cut.file.piece", "query = nosuch", "there is no such query"),
        ("filetype = used\n", "filetype = usde\n", "unknown filetype 'usde'"),
        ("modulelist = cut\n", "modulelist = cut, use\n", "will be known when its module has run"),
    ],
)
def test_what_is_wrong_with_a_late_block_is_said_at_submission(plan, old, new, message):
    assert old in LATE
    with pytest.raises(WclError, match=re.escape(message)):
        plan(LATE.replace(old, new, 1))


def test_everything_wrong_with_all_blocks_is_said_together(plan):
    text = LATE.replace("${file.used.fullname}", "${file.usde.fullname}").replace("use.file.used", "use.file.usd")
    with pytest.raises(WclError) as caught:
        plan(text.replace("wildcards = piece", "wildcards = pice"))
    said = str(caught.value)
    assert all(word in said for word in ("pice", "file.usde.fullname", "use.file.usd"))


def test_a_query_of_a_late_block_is_asked_when_its_time_has_come(plan):
    text = LATE.replace("depends = cut.file.piece", "query_fields = filetype, run\nfiletype = piece")
    assert plan(text).late[0].modules[0].asks == ("file.piece: filetype = piece",)
    assert plan(text).late[0].modules[0].sources == ("archive",)


class World:
    """What the registry would say once the first block has ended."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked: list[object] = []

    def find_in_archive(self, paths):
        return {}

    def absence_reason(self, path):
        return ""

    def read_error(self, location):
        return ""

    def question_error(self, question):
        return ""

    def find_lines(self, question):
        self.asked.append(question)
        return []

    def find_outputs(self, run, calls):
        assert (run, list(calls)) == ("T1_r7p02", [4])
        return {4: [FoundFile(path=f"a/pieces/{name}", metadata={"by": "cut"}) for name in self.names]}


def late_block(world: World, number: int = 2, text: str = LATE):
    identity = Identity(
        reqnum=7, unitname="T1", attnum=2, run="T1_r7p02", project="TST", campaign="none", pipeline="test",
        operator="me", jira_id="none",
    )  # fmt: skip
    piece = File(
        label="file.piece", filetype="piece", path="a/pieces/*.txt", job_path="pieces/*.txt",
        pattern=r"(?P<piece>.+?)\.txt",
    )  # fmt: skip
    log = File(label="log", filetype="log", path="a/log/cut.log", job_path="log/cut.log")
    cut = Call(
        number=4, module="cut", wrapper="generic", keys={}, log=log, inputs=(), outputs=(piece,), execs=(),
        needs=Needs(),
    )  # fmt: skip
    job = Job(number=3, block=1, keys="", calls=(cut,))
    return build_late_block(
        merge(read(DEFAULTS), parse(text, "late.wcl")).with_value("fw_home", "/fw"), identity, world, number=number,
        earlier=EarlierBlocks(jobs=(job,), carried={}), submit_directory="/work",
        wrappers=wrapper_files(), hooks=WrapperHooks(),
    )  # fmt: skip


def test_a_late_block_goes_on_with_the_numbers_of_the_run():
    (block,) = late_block(World("2.txt", "1.txt")).blocks
    jobs = [(job.number, job.parents, [(call.number, call.keys) for call in job.calls]) for job in block.jobs]
    assert jobs == [(4, (3,), [(5, {"piece": "1"})]), (5, (3,), [(6, {"piece": "2"})])]
    assert block.number == 2


def test_files_that_fit_no_wildcard_or_lie_elsewhere_are_none_of_them():
    (block,) = late_block(World("1.txt", "2.log", "below/3.txt")).blocks
    assert [file.path for job in block.jobs for call in job.calls for file in call.inputs] == ["a/pieces/1.txt"]


def test_nothing_to_scatter_over_is_an_error_that_names_the_way_out():
    with pytest.raises(WclError, match="nothing was made of that") as caught:
        late_block(World())
    assert "allow_empty = True" in str(caught.value)


def test_nothing_to_scatter_over_makes_no_call_where_that_may_be():
    text = LATE.replace("depends = cut.file.piece", "depends = cut.file.piece\nallow_empty = True")
    (block,) = late_block(World(), text=text).blocks
    assert block.jobs == ()
    assert [(module.name, module.calls) for module in block.modules] == [("use", 0)]


def test_a_list_of_nothing_is_an_empty_list_where_that_may_be():
    text = LATE.replace("depends = use.file.used", "depends = use.file.used\nallow_empty = True")
    (block,) = late_block(World(), number=3, text=text).blocks
    (call,) = (call for job in block.jobs for call in job.calls)
    assert (call.inputs, call.lists[0].lines) == ((), ())


FIRST = parse(
    """
<block>
<first>
modulelist = first
</first>
</block>
<filetype_metadata>
<first>
</first>
</filetype_metadata>
<module>
<first>
<exec_1>
execname = true
was_generated_by = file.first
<cmdline>
_1 = ${file.first.fullname}
</cmdline>
</exec_1>
<file>
<first>
filetype = first
filename = first.txt
ops_enddir = first
</first>
</file>
</first>
</module>
""",
    "first.wcl",
)


def all_late(pipeline: Section) -> Section:
    """The same pipeline with every block late, behind a block that has nothing to do with it."""
    names = [name for name in split_list(pipeline.text("blocklist")) if name]
    late = merge(pipeline, FIRST).with_value("blocklist", ", ".join(["first", *names]))
    for name in names:
        late = late.with_path(f"block.{name}.plan", "late")
    return late


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / "pipelines").glob("*.wcl")), *sorted(ORACLE.glob("*/submit.wcl"))], ids=str
)
def test_real_pipelines_give_no_false_alarm_when_they_are_late(path):
    wanted = {"of": "Ht0_r11p01"} if "${of}" in path.read_text() else {}
    given = {"unitname": "Ht0", "reqnum": "11", **wanted}
    pipeline = all_late(merge(read(DEFAULTS), read(path, overrides=given)).with_value("fw_home", "/fw"))
    identity = Identity(
        reqnum=11, unitname="Ht0", attnum=1, run="Ht0_r11p01", project="T", campaign="c", pipeline="p", operator="me",
        jira_id="x",
    )  # fmt: skip
    world = World()
    planned = build_plan(
        pipeline, identity, world, submit_directory="/work", wrappers=wrapper_files(), hooks=WrapperHooks()
    )
    assert [block.name for block in planned.late] == [name for name in split_list(pipeline.text("blocklist")) if name][
        1:
    ]
    assert world.asked == []
