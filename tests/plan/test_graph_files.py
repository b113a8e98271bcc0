"""Texts of a graph as a whole, as they are on record in ``golden_graphs/``, and what stands around one call.

After a change on purpose: ``FW_WRITE_GOLDEN=1 pytest tests/plan/test_graph_files.py``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from framework.plan.display.graph import Graph, GraphArrow, GraphBox, call_graph, flow_lines, module_graph
from framework.plan.display.graph_text import dot, mermaid

GOLDEN = Path(__file__).parent / "golden_graphs"
KINDS = ("module", "call", "asked", "late", "calls", "file", "archive", "outside")
GROUPS = {f"g{number}": f"group {number}" for number in range(6)}
#: A box of each kind, in more groups than there are colours, and two that are in none.
GRAPH = Graph(
    GROUPS,
    {
        **{kind: GraphBox(kind, f"a {kind}", ("one", "two"), f"g{n}" if n < 6 else "") for n, kind in enumerate(KINDS)},
        "long": GraphBox("module", "x" * 61, ("y" * 60,), "g0"),
    },
    (
        GraphArrow("module", "call", {"red": 4, "cat": 1}),
        GraphArrow("archive", "call", {"flat": 2}),
        GraphArrow("outside", "asked", {"sky": 1}),
        GraphArrow("call", "late"),
        GraphArrow("call", "asked", waits=True),
    ),
)


@pytest.mark.parametrize(("name", "write"), [("dot", dot), ("mermaid", mermaid)])
def test_the_text_of_a_graph_is_as_it_is_on_record(name, write):
    golden, text = GOLDEN / f"{name}.txt", "\n".join(write(GRAPH)) + "\n"
    if os.environ.get("FW_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("types", "last"), [(1, "1 t0"), (6, "6 t5"), (7, "7 of 1 other type"), (9, "24 of 3 other types")]
)
def test_types_beyond_the_sixth_are_counted(types, last):
    lines = list(flow_lines({f"t{number}": number + 1 for number in range(types)}))
    assert len(lines) == min(types, 7)
    assert lines[-1] == last


CHAIN = """
    <measure>
        wrapperloop = band
        loopobj = file.coadd
        <exec_1>
            execname = measure
            used = file.coadd, file.star
            was_generated_by = file.cat
            <cmdline>
                _1 = ${file.coadd.fullname} ${file.star.fullname}
                o = ${file.cat.fullname}
            </cmdline>
        </exec_1>
        <file>
            <coadd>
                depends = add.file.coadd
            </coadd>
            <star>
                fullname = /stars/${band}.txt
            </star>
            <cat>
                filetype = coadd
                filename = ${band}.cat
                ops_enddir = cat
            </cat>
        </file>
    </measure>
"""


@pytest.fixture
def chain(plan, reduce_text):
    """Plan three modules: reduce, add and measure."""
    text = reduce_text.replace("modulelist = reduce, add", "modulelist = reduce, add, measure")
    return lambda **more: plan(text.replace("</add>\n</module>", f"</add>{CHAIN}</module>"), **more)


def test_a_call_stands_between_its_makers_its_readers_and_its_sources(chain):
    graph = call_graph(chain(), 5)
    assert graph.groups == {"job 1": "job 1 (g)"}
    assert graph.boxes == {
        "call 1": GraphBox("call", "1 reduce", ("band = g", "ccd = 1"), "job 1"),
        "call 2": GraphBox("call", "2 reduce", ("band = g", "ccd = 2"), "job 1"),
        "call 5": GraphBox("asked", "5 add", ("band = g",), "job 1"),
        "call 7": GraphBox("call", "7 measure", ("band = g",), "job 1"),
    }
    assert graph.arrows == (
        GraphArrow("call 2", "call 5", {"red": 1}),
        GraphArrow("call 1", "call 5", {"red": 1}),
        GraphArrow("call 5", "call 7", {"coadd": 1}),
    )


def test_sources_of_the_asked_call_alone_are_shown(chain):
    graph = call_graph(chain(), 7)
    assert graph.boxes["outside of call 7"] == GraphBox("outside", "outside", ("1 files",), "job 1")
    assert graph.arrows == (
        GraphArrow("call 5", "call 7", {"coadd": 1}),
        GraphArrow("outside of call 7", "call 7", {"files": 1}),
    )
    assert "outside of call 7" not in call_graph(chain(), 5).boxes


@pytest.mark.parametrize(("ccds", "kind"), [("1,2,3,4,5,6", "call"), ("1,2,3,4,5,6,7", "calls")])
def test_a_module_of_more_than_six_neighbours_is_one_box(chain, ccds, kind):
    graph = call_graph(chain(ccds=ccds), 2 * len(ccds.split(",")) + 1)
    assert {box.kind for box in graph.boxes.values() if "reduce" in box.title} == {kind}


def test_the_sources_of_modules_stand_beside_them(chain):
    graph = module_graph(chain())
    assert graph.boxes["outside of block 1 measure"] == GraphBox("outside", "outside", ("2 files",), "block 1")
    assert graph.arrows[-1] == GraphArrow("outside of block 1 measure", "block 1 measure", {"files": 2})
