"""A scope finds the values of variables in its layers."""

import pytest

from wcl import Scope, build_scope, expand_all, parse

TREE = parse(
    "curr = top\nonly_top = t\n<file>\n<raw>\nfullname = raw/a.fits\n</raw>\n</file>\n"
    "<block>\n<b1>\ncurr = block\nonly_block = b\n</b1>\n</block>\n<module>\n<m1>\ncurr = module\n</m1>\n</module>\n"
    "<site>\n<s1.x>\nroot = /r\n</s1.x>\n</site>\n"
)


def test_the_first_layer_that_has_a_name_wins() -> None:
    scope = Scope({"a": "1"}, {"a": "2", "b": 3}).child({"B": "4"})
    assert [scope.find("a"), scope.find("b")] == ["1", "4"]


def test_names_are_found_without_regard_to_case() -> None:
    assert [Scope({"CcdNum": 7}).find("ccdnum"), Scope(root=TREE).find("ONLY_TOP")] == ["7", "t"]


def test_a_name_with_dots_is_a_path_from_the_top() -> None:
    scope = Scope(root=TREE)
    assert [scope.find("file.raw.fullname"), scope.find("site.s1.x.root")] == ["raw/a.fits", "/r"]


def test_sections_are_not_values() -> None:
    for name in ("file", "file.raw", "nosuch", "file.raw.nope"):
        with pytest.raises(KeyError):
            Scope(TREE.section("file"), root=TREE).find(name)


def test_a_layer_in_front_hides_a_path() -> None:
    assert Scope({"file.raw.fullname": "b"}, root=TREE).find("file.raw.fullname") == "b"


def test_a_module_is_asked_before_its_block_and_the_block_before_the_top() -> None:
    current = {"curr_block": "b1", "curr_module": "m1"}
    scope = build_scope(TREE, current)
    found = [scope.find(name) for name in ("curr", "only_block", "only_top", "modulename")]
    assert found == ["module", "b", "t", "m1"]
    assert build_scope(TREE, current, {"curr": "object"}).find("curr") == "object"
    assert build_scope(TREE, {**current, "curr": "given"}, {"curr": "object"}).find("curr") == "given"


def test_a_sequence_in_a_layer_is_a_list() -> None:
    assert expand_all("${x}", Scope({"x": ["8,7", 3]})) == ["8,7", "3"]


def test_the_position_of_a_value_is_known_where_a_section_has_it() -> None:
    tree = parse("a = 1\n<cmdline>\nOUT = x\n</cmdline>\n", "f")
    scope = Scope({"x": 1}, tree.section("cmdline"), root=tree)
    assert [str(scope.position(name)) for name in ("x", "out", "a", "cmdline.OUT", "none")] == [
        "None",
        "f:3",
        "f:1",
        "f:3",
        "None",
    ]
