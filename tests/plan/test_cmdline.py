"""Command lines, as the original built them and as they should have been."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from framework.plan.cmdline import command_line
from framework.plan.definition import ExecDefinition
from wcl import Scope, Section, WclError, parse

CASES = Path(__file__).parents[2] / "../shared/data/desdm/oracle/cmdline_cases.json"


def built(text: str) -> tuple[str, ...]:
    tree: Section = parse(text)
    step = ExecDefinition(number=1, section=tree.section("exec_1"), used=(), made=(), derived=())
    return command_line(step, Scope(root=tree))


def an_exec(lines: str, style: str = "mixed_gnu") -> str:
    return f"<exec_1>\nexecname = prog\ncmd_hyphen = {style}\n<cmdline>\n{lines}\n</cmdline>\n</exec_1>\n"


def test_the_original_answers_are_given_again():
    if not CASES.exists():
        if os.environ.get("FW_NO_SKIP"):
            pytest.fail("the original's answers are not at hand")
        pytest.skip("the original's answers are not at hand")
    cases = [case for case in json.loads(CASES.read_text()) if "cmdline" in case and case["name"] != "pos_dup"]
    wrong = [case["name"] for case in cases if list(built(case["input"])) != shlex.split(case["cmdline"])]
    assert cases
    assert wrong == []


def test_positions_count_as_numbers():
    assert built(an_exec("_10 = ten\n_2 = two\n_1 = one")) == ("prog", "one", "two", "ten")


def test_two_arguments_with_one_position_both_stay():
    assert built(an_exec("_01_a = x\n_01_b = y")) in {("prog", "y", "x"), ("prog", "x", "y")}


def test_a_quoted_value_is_one_argument():
    assert built(an_exec('name = "a, b # c"')) == ("prog", "--name", "a, b # c")


def test_the_program_may_have_words_of_its_own():
    text = an_exec("_1 = in").replace("execname = prog", "execname = python -m thing")
    assert built(text) == ("python", "-m", "thing", "in")


def test_an_underscore_that_is_no_position_is_refused():
    with pytest.raises(WclError, match="neither an option nor a position"):
        built(an_exec("_x = 1"))


@pytest.mark.parametrize("late", ["$HEAD{a,B}", "$SECRET{token}"])
def test_what_cannot_be_resolved_yet_is_refused(late):
    with pytest.raises(WclError, match="cannot be used on a command line yet"):
        built(an_exec(f"x = {late}"))
