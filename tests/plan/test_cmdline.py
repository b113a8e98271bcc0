"""Command lines, as the original built them and as they should have been."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from framework.pipeline.definition import ExecDefinition
from framework.plan.call_values import CallValues
from framework.plan.command_line import CommandLine
from wcl import Scope, Section, WclError, parse

CASES = Path(__file__).parents[1] / "data/desdm/cmdline_cases.json"


def built(text: str) -> tuple[str, ...]:
    tree: Section = parse(text)
    step = ExecDefinition(number=1, section=tree.section("exec_1"), used=(), made=(), derived=())
    return CommandLine(step, Scope(root=tree)).fill(CallValues(Scope(root=tree), {}))[0]


def an_exec(lines: str, style: str = "mixed_gnu") -> str:
    return f"<exec_1>\nexecname = prog\ncmd_hyphen = {style}\n<cmdline>\n{lines}\n</cmdline>\n</exec_1>\n"


def test_the_original_answers_are_given_again():
    cases = [case for case in json.loads(CASES.read_text()) if "cmdline" in case and case["name"] != "pos_dup"]
    wrong = [case["name"] for case in cases if list(built(case["input"])) != shlex.split(case["cmdline"])]
    assert cases
    assert wrong == []


def test_positions_count_as_numbers():
    assert built(an_exec("_10 = ten\n_2 = two\n_1 = one")) == ("prog", "one", "two", "ten")


def test_of_two_arguments_with_one_position_the_later_goes_before_the_earlier():
    assert built(an_exec("_01_a = x\n_01_b = y\n_02 = z")) == ("prog", "y", "z", "x")


def test_a_position_beyond_the_end_is_the_last_and_position_zero_is_after_the_program():
    assert built(an_exec("_0 = first\n_9 = last\nx = 1")) == ("prog", "first", "-x", "1", "last")


@pytest.mark.parametrize(
    ("style", "options"),
    [("allsingle", ("-x", "-long")), ("alldouble", ("--x", "--long")), ("Mixed_GNU", ("-x", "--long"))],
)
def test_hyphens_are_those_of_the_style(style, options):
    assert built(an_exec("x = _flag\nlong = _flag", style)) == ("prog", *options)


def test_a_style_of_hyphens_that_nobody_knows_is_refused_with_those_that_there_are():
    with pytest.raises(WclError, match=r"unknown hyphen style 'weird'\s+one of allsingle, alldouble, mixed_gnu"):
        built(an_exec("x = 1", "weird"))


def test_a_quoted_value_is_one_argument():
    assert built(an_exec('name = "a, b # c"')) == ("prog", "--name", "a, b # c")


def test_the_program_may_have_words_of_its_own():
    text = an_exec("_1 = in").replace("execname = prog", "execname = python -m thing")
    assert built(text) == ("python", "-m", "thing", "in")


def test_an_underscore_that_is_no_position_is_refused():
    with pytest.raises(WclError, match="neither an option nor a position"):
        built(an_exec("_x = 1"))


def test_what_only_the_job_knows_is_left_to_it():
    tree = parse("file = a.fits\n" + an_exec("_1 = plain\nx = $HEAD{${file},EXPTIME}\ntoken = $SECRET{token}"))
    step = ExecDefinition(number=1, section=tree.section("exec_1"), used=(), made=(), derived=())
    argv = ("prog", "plain", "-x", "$HEAD{a.fits,EXPTIME}", "--token", "$SECRET{token}")
    assert CommandLine(step, Scope(root=tree)).fill(CallValues(Scope(root=tree), {})) == (argv, (3, 5))


def test_a_quoted_text_that_looks_like_a_function_is_text():
    assert built(an_exec('x = "$SECRET{token}"')) == ("prog", "-x", "$SECRET{token}")


def test_a_function_of_lists_means_nothing_on_a_command_line():
    with pytest.raises(WclError, match="means nothing on a command line"):
        built(an_exec("x = $FMT{%s[0], a.fullname}"))
