"""A plan as a graph: what its boxes and arrows say, and what names do to the text that draws it."""

from __future__ import annotations

import pytest

from framework.output.svg import PictureError, svg
from framework.plan.display.graph import Graph, GraphArrow, GraphBox, call_graph, module_graph
from framework.plan.display.graph_text import dot, mermaid

#: Each would end a label, begin a tag, or be a word of the language that it stands in.
NASTY = ['a"b', "<b>", "a & b", "x\\N", "]--> end", "#quot;", "`x`", "a\nb", "\x1b[1m", "\udcff", "}", "subgraph"]


def test_arrows_say_how_many_files_of_which_type_flow(plan):
    graph = module_graph(plan())
    assert graph.groups == {"block 1": "one: 2 jobs, 6 calls"}
    assert graph.boxes == {
        "block 1 reduce": GraphBox("module", "reduce", ("4 calls in 2 jobs",), "block 1"),
        "block 1 add": GraphBox("module", "add", ("2 calls in 2 jobs",), "block 1"),
    }
    assert graph.arrows == (GraphArrow("block 1 reduce", "block 1 add", {"red": 4}),)


def test_a_module_has_a_box_in_each_of_its_blocks(plan, reduce_text):
    text = reduce_text.replace("blocklist = one", "blocklist = one, two").replace(
        "</block>", "<two>\nmodulelist = reduce\n</two>\n</block>"
    )
    text = text.replace("filename = ${band}_${ccd:2}.fits", "filename = ${blockname}_${band}_${ccd:2}.fits")
    graph = module_graph(plan(text))
    assert [key for key in graph.boxes if "reduce" in key] == ["block 1 reduce", "block 2 reduce"]
    assert graph.arrows[-1] == GraphArrow("block 1 add", "block 2 reduce", waits=True)


def test_around_a_call_stand_its_makers_and_readers(plan):
    graph = call_graph(plan(), 5)
    assert graph.boxes["call 5"].kind == "asked"
    assert {(arrow.source, arrow.target) for arrow in graph.arrows} == {("call 1", "call 5"), ("call 2", "call 5")}


def test_many_neighbours_of_a_module_are_one_box(plan):
    graph = call_graph(plan(ccds="1,2,3,4,5,6,7"), 15)
    assert graph.boxes["block 1 reduce"] == GraphBox("calls", "reduce", ("7 calls",))
    assert graph.arrows == (GraphArrow("block 1 reduce", "call 15", {"red": 7}),)


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_text_in_a_picture(name, words_of):
    boxes = {name: GraphBox("module", name, (name,), name), "x": GraphBox("archive", name)}
    picture = svg("\n".join(dot(Graph({name: name}, boxes, (GraphArrow(name, "x", {name: 1}),)))))
    seen = name if name.isprintable() else name.encode("unicode_escape", "backslashreplace").decode()
    assert sorted(words_of(picture)) == sorted([seen, seen, seen, seen, f"1 {seen}"])


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_text_in_mermaid(name):
    lines = list(
        mermaid(Graph({"g": name}, {name: GraphBox("module", name, (), "g")}, (GraphArrow(name, name, {name: 1}),)))
    )
    quoted = [line.split('"')[1] for line in lines if '"' in line]
    assert [line.count('"') for line in lines] == [0, 2, 2, 0, 2]
    assert not any(set(text) & set('<>&[]{}|`\\\n"') for text in quoted)


def test_without_graphviz_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PictureError, match=r"pip install 'skyfw\[graph\]'"):
        svg("digraph x {}")


def test_what_graphviz_says_of_a_bad_graph_is_told():
    with pytest.raises(PictureError, match="could not draw"):
        svg("digraph {")
