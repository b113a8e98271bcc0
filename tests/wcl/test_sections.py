"""Sections are merged, changed and moved as copies."""

from wcl import SourcePosition, merge, parse

POSITION = SourcePosition("--set", 0)


def test_merging_keeps_positions_and_remembers_what_was_replaced() -> None:
    base = parse("a = 1\n<s>\nx = 1\ny = 2\n</s>\n", "base")
    both = merge(base, parse("a = 3\n<s>\nx = 4\n</s>\nn = 5\n", "over"))
    assert both == {"a": "3", "s": {"x": "4", "y": "2"}, "n": "5"}
    assert [str(both.position("a")), str(both.section("s").position("x")), str(both.section("s").position("y"))] == [
        "over:1",
        "over:3",
        "base:4",
    ]
    assert both.replaced_values("a") == [(SourcePosition("base", 1), "1")]


def test_merging_leaves_its_parts_as_they_are() -> None:
    base, over = parse("<s>\nx = 1\n</s>\n"), parse("<s>\nx = 2\n</s>\n")
    merge(base, over)
    assert (base, over) == ({"s": {"x": "1"}}, {"s": {"x": "2"}})


def test_a_value_is_set_in_a_copy() -> None:
    tree = parse("a = 1\n")
    assert tree.with_value("B", "2", POSITION) == {"a": "1", "b": "2"}
    assert tree == {"a": "1"}


def test_a_path_makes_the_sections_on_its_way() -> None:
    tree = parse("<module>\n<m>\nx = 1\n</m>\n</module>\n").with_path("module.m.cmdline.OUT", "y", POSITION)
    assert tree == {"module": {"m": {"x": "1", "cmdline": {"OUT": "y"}}}}
    assert str(tree.section("module").section("m").section("cmdline").position("OUT")) == "--set"


def test_a_section_put_elsewhere_keeps_its_positions_and_gets_its_path() -> None:
    part = parse("<m>\n<exec_1>\nexecname = p\n</exec_1>\n</m>\n", "f").section("m")
    moved = parse("").with_path("module.step", part, POSITION).section("module").section("step")
    assert (moved, moved.section("exec_1").path) == (part, "module.step.exec_1")
    assert str(moved.section("exec_1").position("execname")) == "f:3"
