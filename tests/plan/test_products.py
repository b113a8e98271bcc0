"""Products and what they were made of: the answers that modules get when they depend on each other."""

from __future__ import annotations

from typing import Any

import pytest

from framework.model.job import Call, Exec, File, Job, Needs
from framework.pipeline.questions import FoundFile
from framework.plan.earlier_blocks import EarlierBlocks, collect_products
from framework.plan.in_memory import mark_files_in_memory
from framework.plan.products import FileLine, Products, Sublists
from wcl import Scope, SourcePosition, WclError, expand, parse

PLACE = SourcePosition("pipeline.wcl", 7)


def a_file(label: str, path: str = "", **more: Any) -> File:
    return File(label=label, filetype="x", path=path or label, job_path=path or label, **more)


def a_call(number: int, *outputs: File, module: str = "Make", step: str = "", **more: Any) -> Call:
    given: dict[str, Any] = {"keys": {"n": str(number)}, "inputs": (), "needs": Needs(), **more}
    execs = (Exec(number=1, program="p", argv=("p",), step=step),)
    return Call(
        number=number,
        module=module,
        wrapper="w",
        log=a_file("log", f"{number}.log"),
        outputs=outputs,
        execs=execs,
        **given,
    )


@pytest.fixture
def products() -> Products:
    found = Products()
    found.add([a_call(1, a_file("file.a", "1.a"), a_file("file.b", "1.b")), a_call(2, a_file("file.a", "2.a"))])
    return found


def test_the_files_of_an_object_are_found_with_the_keys_of_their_calls(products):
    lines = products.lines("MAKE.file.a", PLACE)
    assert [(line.nicks, line.first.path, line.keys) for line in lines] == [
        (("a",), "1.a", {"n": "1"}), (("a",), "2.a", {"n": "2"})
    ]  # fmt: skip


def test_a_nickname_of_a_list_gives_its_files_alone(products):
    pair = FileLine(nicks=("one", "two"), files=(a_file("x"), a_file("y")), keys={"k": "v"})
    products.add_lines("Ask", "list.pairs", [pair])
    assert products.lines("ask.list.pairs", PLACE) == [pair]
    assert products.lines("ask.list.pairs.two", PLACE) == [
        FileLine(nicks=("two",), files=(a_file("y"),), keys={"k": "v"})
    ]
    assert products.read_lines("ask.list.pairs") == [pair]
    assert products.read_lines("ask.list.other") == []


def test_what_an_object_holds_is_not_changed_by_a_later_one_of_its_name(products):
    line = FileLine(nicks=("x",), files=(a_file("x"),), keys={})
    products.add_lines("make", "file.a", [line])
    assert len(products.lines("make.file.a", PLACE)) == 2
    products.add_lines("ask", "list.l", [])
    products.add_lines("ask", "list.l", [line])
    assert products.lines("ask.list.l", PLACE) == [line]


def test_a_misspelt_object_is_refused_with_one_that_there_is(products):
    products.add_lines("ask", "list.pairs", [])
    for name, hint in (
        ("make.file.aa", "did you mean 'make.file.a'?"),
        ("ask.list.pair", "did you mean 'ask.list.pairs'?"),
    ):
        with pytest.raises(WclError) as error:
            products.lines(name, PLACE)
        assert [(each.message, each.hint) for each in error.value.problems] == [
            (f"no earlier module makes '{name}'", hint)
        ]


def test_what_depends_on_a_module_that_could_not_be_planned_is_no_further_problem(products):
    products.mark_unplannable("Broken")
    with pytest.raises(WclError) as error:
        products.lines("broken.file.x", PLACE)
    assert list(error.value.problems) == []


@pytest.mark.parametrize("name", ["wild.file.w", "wild.file.w.nick"])
def test_files_with_wildcards_are_known_when_their_module_has_run(products, name):
    products.add([a_call(3, a_file("file.w", "w*", pattern="w.*"), module="wild")])
    with pytest.raises(WclError, match=f"which files '{name}' is will be known") as error:
        products.lines(name, PLACE)
    assert error.value.problems[0].hint == "put the module that reads them into a later block, with plan = late"


def test_files_and_logs_are_found_by_their_path_and_a_second_maker_is_noted(products):
    twice = a_call(3, a_file("file.a", "1.a"))
    products.add([twice])
    assert products.duplicates == [(twice, twice.outputs[0])]
    call, file = products.find_file("1.a") or (None, None)
    assert (call and call.number, file and file.label) == (1, "file.a")
    assert [products.maker(path) for path in ("2.a", "2.log", "3.log", "none")] == [2, 2, 3, None]
    assert products.find_file("none") is None
    assert products.paths() == ["1.a", "1.b", "1.log", "2.a", "2.log", "3.log"]


def test_only_what_is_planned_now_is_checked(products):
    products.mark_all_as_run()
    assert products.paths() == []
    products.add([a_call(3, a_file("file.a", "3.a"))])
    assert products.paths() == ["3.a", "3.log"]
    assert products.wildcards() == []
    products.add([a_call(4, a_file("file.w", "w*", pattern="w.*"))])
    assert [file.path for file in products.wildcards()] == [
        "1.a", "1.b", "1.log", "2.a", "2.log", "3.a", "3.log", "w*", "4.log"
    ]  # fmt: skip
    products.mark_all_as_run()
    assert products.wildcards() == []


def test_nothing_has_run_where_there_are_no_calls():
    empty = Products()
    empty.mark_all_as_run()
    empty.add([a_call(1, a_file("file.a"))])
    assert empty.paths() == ["file.a", "1.log"]


LINE = FileLine(
    nicks=("one", "two"),
    files=(a_file("x", metadata={"a": "1"}), a_file("y", metadata={"a": "2", "b": "3"})),
    keys={"k": "v"},
)


def test_a_line_has_its_own_keys_and_those_of_the_first_file_that_has_them():
    assert [LINE.value(key) for key in ("k", "a", "b", "c")] == ["v", "1", "3", None]
    assert LINE.known_keys() == {"k", "a", "b"}
    assert [LINE.file(nick).label for nick in ("one", "two", "other")] == ["x", "y", "x"]


def test_sublists_are_found_by_the_values_of_a_call():
    lists = Sublists([LINE], ("k", "b"), PLACE, "list.l")
    assert list(lists.combinations()) == [("v", "3")]
    assert lists.matching({"k": "v", "b": "3", "more": "x"}) == [LINE]
    with pytest.raises(WclError, match=r"no file of list.l for k=w, b=3"):
        lists.matching({"k": "w", "b": "3"})
    with pytest.raises(WclError, match=r"list.l is divided by 'b', which the call has no value of"):
        lists.matching({"k": "v"})
    with pytest.raises(WclError, match=r"no file of list.l for this call"):
        Sublists([], (), PLACE, "list.l").matching({})
    with pytest.raises(WclError, match=r"the files of list.l have no key 'kk'\s+there is: a, b, k"):
        Sublists([LINE], ("kk",), PLACE, "list.l")


# ---- earlier blocks


class MadeFiles:
    """Tells which files call 2 made in the place of its wildcards."""

    def find_outputs(self, run: str, calls: list[int]) -> dict[int, list[FoundFile]]:
        assert (run, calls) == ("r", [2])
        names = ("d/w2", "d/w1", "d/other", "elsewhere/w3")
        return {2: [FoundFile(path=name, metadata={"seen": "yes"}) for name in names]}


def collected(*calls: Call, carried: Any = None) -> Products:
    job = Job(number=1, block=1, keys="", calls=calls)
    return collect_products(EarlierBlocks(jobs=(job,), carried=carried or {}), [], "r", MadeFiles())  # type: ignore[arg-type]


def test_wildcards_of_earlier_blocks_have_become_files():
    wild = a_file("file.w", "d/w*", pattern=r"w(?P<n>\d)", metadata={"band": "g"})
    found = collected(a_call(1, a_file("file.a")), a_call(2, wild, a_file("file.b"))).lines("make.file.w", PLACE)
    assert [(line.first.path, line.first.job_path, line.first.pattern) for line in found] == [
        ("d/w1", "d/w1", ""), ("d/w2", "d/w2", "")
    ]  # fmt: skip
    assert found[0].first.metadata == {"band": "g", "seen": "yes", "n": "1"}


def test_values_of_earlier_blocks_are_text_and_nothing_to_fill_in():
    line = FileLine(nicks=("x",), files=(a_file("x", metadata={"m": "${c}"}),), keys={"k": "${d}"})
    products = collected(
        a_call(1, a_file("file.a", metadata={"m": "${a}"}), keys={"n": "${b}"}), carried={"ask.list.l": [line]}
    )
    (made,), (carried,) = products.lines("make.file.a", PLACE), products.lines("ask.list.l", PLACE)
    texts = [made.first.metadata["m"], made.keys["n"], carried.first.metadata["m"], carried.keys["k"]]
    assert [expand(text, Scope(root=parse(""))) for text in texts] == ["${a}", "${b}", "${c}", "${d}"]
    assert products.paths() == []


def test_earlier_calls_are_counted_over_all_jobs():
    jobs = (
        Job(number=1, block=1, keys="", calls=(a_call(3), a_call(1))),
        Job(number=2, block=1, keys="", calls=(a_call(2),)),
    )
    earlier = EarlierBlocks(jobs=jobs, carried={})
    assert ([call.number for call in earlier.calls], earlier.last_call) == ([1, 2, 3], 3)
    assert EarlierBlocks(jobs=(), carried={}).last_call == 0


# ---- files in memory


@pytest.mark.parametrize(
    ("reader_step", "saved", "in_memory"), [("m:f", False, True), ("m:f", True, False), ("", False, False)]
)
def test_only_what_is_made_and_read_in_the_process_and_not_kept_stays_in_memory(reader_step, saved, in_memory):
    made = a_file("file.a", "a", saved=saved)
    calls = (
        a_call(1, made, step="m:f"),
        a_call(2, step=reader_step, inputs=(a_file("file.r", "a"), a_file("file.s", "s"))),
    )
    job = mark_files_in_memory(Job(number=1, block=1, keys="", calls=calls))
    assert job.calls[0].outputs[0].in_memory is in_memory
    assert [file.in_memory for file in job.calls[1].inputs] == [in_memory, False]
