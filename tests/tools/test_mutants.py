"""Mutants are drawn again by their seed, judged in a copy, and reported where no test notices them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.mutants.__main__ import draw, main
from tools.mutants.line_map import LineMap, earlier_lines
from tools.mutants.operators import mutations, says_something_else


def mutated(source: str) -> set[str]:
    return {each.apply(source) for each in mutations(source) if says_something_else(each, source)}


@pytest.mark.parametrize(
    ("expression", "mutants"),
    [
        ("a < b", {"a <= b"}),
        ("a is b", {"a is not b"}),
        ("a and b", {"(a or b)"}),
        ("not a", {"(a)"}),
        ("a + b", {"(a - b)"}),
        ("a if b else c", {"(c if b else a)"}),
        ("7", {"8"}),
        ("True", {"False"}),
        ("'text'", set()),
        ("call(1, key=a)", {"call(1)", "call(2, key=a)"}),
        ("call(**more)", set()),
        ("[a, b]", {"[a]", "[b]"}),
        ("{a: b}", {"{}"}),
        ("[a for a in b if c]", {"[a for a in b if (not (c))]", "[a for a in b if True]"}),
    ],
)
def test_an_expression_has_these_mutants(expression, mutants):
    assert mutated(f"x = {expression}\n") == {f"x = {each}\n" for each in mutants}


@pytest.mark.parametrize(
    ("statement", "mutants"),
    [
        ("if a: b = c", {"if not (a): b = c", "pass"}),
        ("if a:\n        b = c\n    else:\n        b = d", {"if not (a):\n        b = c\n    else:\n        b = d"}),
        ("for a in b: break", {"for a in b: continue"}),
        ("for a in b: continue", {"for a in b: break"}),
        ("call()", {"pass"}),
        ("a.b = c", {"pass"}),
        ("a = b", set()),
        ("raise a", {"pass"}),
        ("return a", {"return ''"}),
        ("return ''", set()),
        ("log.info(7)", set()),
        ("'words'", set()),
        ("a: list[7] = b", set()),
    ],
)
def test_a_statement_has_these_mutants(statement, mutants):
    source = f"def f() -> str:\n    {statement}\n"
    assert mutated(source) == {source.replace(statement, each) for each in mutants}


@pytest.mark.parametrize(("kind", "empty"), [("list[int]", "[]"), ("bool", "not (a)"), ("None", "None"), ("X", "None")])
def test_what_is_returned_instead_is_of_the_promised_type(kind, empty):
    assert mutated(f"def f(a) -> {kind}:\n    return a\n") == {f"def f(a) -> {kind}:\n    return {empty}\n"}


def test_what_a_module_does_when_it_is_imported_belongs_to_all_its_lines():
    at_import, in_call = mutations("LIMIT = 7\n\ndef f():\n    g()\n")
    assert (at_import.lines, in_call.lines) == (range(1, 5), range(4, 5))


def test_lines_are_found_again_after_a_change_above_them():
    assert earlier_lines("a\nb\nc\n", "new\na\nnew\nc\n") == {0: 1, 1: 1, 2: 1, 3: 1, 4: 3}


def test_the_quickest_tests_of_the_own_folder_come_first():
    slow, quick, other = "tests/plan/test_a.py::slow", "tests/plan/test_a.py::quick", "tests/runs/test_b.py::quick"
    module, text = "framework/plan/a.py", "x\ny\n"
    seconds = {slow: 9.0, quick: 0.5, other: 0.1}
    lines = LineMap(seconds=seconds, texts={module: text}, tests={module: {2: [slow, quick, other]}})
    assert lines.tests_of(module, text, range(2, 3)) == [quick, other, slow]
    assert lines.tests_of(module, text, range(1, 2)) == []


CODE = """
def bigger(a: int, b: int) -> bool:
    return a > b

def unknown(a: list) -> list:
    a.sort()
    return a
"""
TEST = """
from framework.plan.small import bigger

def test_it():
    assert bigger(3, 1)
    assert not bigger(1, 3)
"""


@pytest.fixture
def a_repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for name, text in {
        "framework/__init__.py": "",
        "framework/plan/__init__.py": "",
        "framework/plan/small.py": CODE,
        "tests/plan/test_small.py": TEST,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


def test_a_seed_draws_the_same_mutants_again(a_repository):
    assert draw(a_repository, 3, 5) == draw(a_repository, 3, 5)
    assert len(draw(a_repository, 3, 5)) == 3


def test_survivors_are_reported_and_those_that_a_test_notices_are_not(
    a_repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(a_repository, ["--seed", "1", "--workers", "1"]) == 1
    said = capsys.readouterr().out
    report = [line for line in said.splitlines() if line.startswith("framework/")]
    assert sorted(report) == [
        "framework/plan/small.py:3: comparison: survived",
        "framework/plan/small.py:6: removed statement: survived: no test executes it",
        "framework/plan/small.py:7: empty return: survived: no test executes it",
    ]
    assert "seed 1\n" in said
    assert "-    return a > b\n+    return a >= b\n" in said
    assert "1 of 1 tests that execute it ran: tests/plan/test_small.py\n" in said
    assert said.endswith("4 mutants, 0 killed by their time, 3 survived: 75.0%\n")
    assert (a_repository / "framework/plan/small.py").read_text() == CODE
