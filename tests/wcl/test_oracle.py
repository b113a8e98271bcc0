"""The language agrees with DESDM's own reader, except for the bugs of that reader."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wcl
from wcl import WclError

#: Cases in which the original went wrong without a word, or which quoted scalars read anew; each has a test of its own.
BETTER = {"empty_value", "hash_in_value", "quotes", "garbage_line", "less_than_value", "include_space"}
BETTER_SPLIT = {"4:6abc", "12:30:45"}
#: The original counted the first list fastest, and backwards.
BETTER_ORDER = {"two_lists"}


@pytest.fixture
def with_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wcl.functions._registered", {})
    wcl.register_function("tester.add", lambda *numbers: sum(int(number) for number in numbers))
    wcl.register_function("tester.convert", lambda v: {v["start_name"]: int(v["start_val"]) * 2})


@pytest.fixture
def include_folder(a_file: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> str:
    a_file("one.wcl", "inc1 = from_one\n<module>\n<m1>\nx = 1\ny = one\n</m1>\n</module>\n")
    monkeypatch.setenv("INCDIR", str(Path.cwd()))
    return str(Path.cwd())


def answer(function: Callable[..., Any], *arguments: object) -> object:
    try:
        return function(*arguments)
    except WclError:
        return WclError


@pytest.mark.usefixtures("with_functions")
def test_texts_read_as_they_did(oracle: Callable[[str], Any], include_folder: str) -> None:
    cases = [case for case in oracle("read_cases") if case["name"] not in BETTER]

    def text(case: dict[str, Any]) -> str:
        return str(case["input"]).replace("/data/run", include_folder)

    def expected(case: dict[str, Any]) -> object:
        result = case.get("result", WclError)
        return {**result, "d": include_folder} if case["name"] == "include_wclvar" else result

    wrong = [case["name"] for case in cases if answer(wcl.parse, text(case)) != expected(case)]
    assert wrong == []


def test_real_files_read_as_they_did(corpus_trees: dict[str, Any], desdm: Path) -> None:
    wrong = [name for name, tree in corpus_trees.items() if wcl.read(desdm / "wcl_corpus" / name) != tree["result"]]
    assert wrong == []


@pytest.mark.usefixtures("with_functions")
def test_variables_have_the_values_they_had(oracle: Callable[[str], Any]) -> None:
    cases = oracle("var_cases")
    base = wcl.parse(cases["base"])

    def value(case: dict[str, Any]) -> Any:
        options = case["opts"]
        scope = wcl.build_scope(base, options.get("currentvals", {}), options.get("searchobj", {}))
        return answer(wcl.expand_all if options.get("expand") else wcl.expand, case["input"], scope)

    def wanted(case: dict[str, Any]) -> Any:
        return case.get("values", WclError)

    assert [c["name"] for c in cases["cases"] if c["name"] not in BETTER_ORDER and value(c) != wanted(c)] == []
    assert [
        c["name"] for c in cases["cases"] if c["name"] in BETTER_ORDER and sorted(value(c)) != sorted(wanted(c))
    ] == []


@pytest.mark.usefixtures("with_functions")
def test_the_values_that_went_into_a_text_are_returned(oracle: Callable[[str], Any]) -> None:
    cases = oracle("var_cases")
    base = wcl.parse(cases["base"])
    expanded = [c for c in cases["cases"] if c["opts"].get("expand") and c["name"] not in BETTER_ORDER]
    used = {
        c["name"]: [filled.used for filled in wcl.expand_with_values(c["input"], wcl.Scope(root=base))]
        for c in expanded
    }
    assert used == {c["name"]: c["keep"] for c in expanded}


def test_lists_split_as_they_did(oracle: Callable[[str], Any]) -> None:
    cases = [case for case in oracle("misc_cases")["fwsplit"] if case["in"] not in BETTER_SPLIT]
    assert [case for case in cases if wcl.split_list(case["in"], case["delim"]) != case["out"]] == []


@pytest.mark.parametrize("text", sorted(BETTER_SPLIT))
def test_what_only_begins_like_a_range_is_text(text: str) -> None:
    assert wcl.split_list(text) == [text]


def test_booleans_mean_what_they_did_and_anything_else_is_refused(oracle: Callable[[str], Any]) -> None:
    cases = [case for case in oracle("misc_cases")["convertBool"] if case["in"] != "None"]
    got = [answer(wcl.parse_boolean, case["in"].strip("'")) for case in cases]
    assert got == [WclError if case["out"] is None else case["out"] for case in cases]


def test_command_lines_have_the_words_they_had(oracle: Callable[[str], Any]) -> None:
    """Compare all words of a case but its options', since the planner joins them. The original lost one of pos_dup."""
    cases = [case for case in oracle("cmdline_cases") if "cmdline" in case and case["name"] != "pos_dup"]
    assert cases
    for case in cases:
        tree = wcl.parse(case["input"])
        values = [str(value) for value in tree.section("exec_1").section("cmdline").values() if value != "_flag"]
        found = [word for value in values for word in wcl.split_command(value, wcl.Scope(root=tree))]
        _, *words = case["cmdline"].split()
        assert sorted(found) == sorted(word for word in words if not word.startswith("-")), case["name"]
