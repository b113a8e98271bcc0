"""Command lines are split as a shell would split them."""

import pytest

from wcl import Scope, SourcePosition, WclError, parse, split_command
from wcl.deferred import deferred_calls, resolve_deferred

TREE = parse(
    'tract = 0\npatch = "8,7"\nblank = a b\nquoted = "a b\'c"\nccds = 1,2,3\nnumber = "7"\nrms_7 = 0.5\n'
    "tile = 'x y'\n"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tract=${tract} patch=${patch}", ["tract=0", "patch=8,7"]),
        ("${blank}", ["a", "b"]),
        ("--x ${quoted}/y", ["--x", "a b'c/y"]),
        ("'tile ${tile}' \"${tract} 1\"", ["tile x", "y", "0 1"]),
        ("'PTIF ${blank}'", ["PTIF a b"]),
        ("--ccds ${ccds}  ", ["--ccds", "1,2,3"]),
        ("@${tract} $HEAD{f,K}", ["@0", "$HEAD{f,K}"]),
        (r"a\ b ''", ["a b", ""]),
        ("", []),
        ("${number:3} ${rms_${number}} $HEAD{${quoted},K}", ["007", "0.5", "$HEAD{a b'c,K}"]),
        ("a\u00a0b", ["a\u00a0b"]),
    ],
)
def test_a_command_line_falls_into_words_as_in_a_shell(text: str, found: list[str]) -> None:
    assert split_command(text, Scope(root=TREE)) == found


def test_a_quote_that_is_not_closed_is_an_error() -> None:
    with pytest.raises(WclError, match="p:3: not a command line: a quote is not closed"):
        split_command("--x 'a", Scope(root=TREE), SourcePosition("p", 3))


def test_a_dollar_that_is_text_is_not_taken_for_a_deferred_call() -> None:
    found = split_command("$HEAD{f, K} $$HEAD{f,K}", Scope())
    assert [deferred_calls(word) for word in split_command("x$SECRET{db}", Scope())] == [[("secret", ["db"])]]
    assert resolve_deferred(" ".join(found), {"head": lambda arguments: "+".join(arguments)}) == "f+K $HEAD{f,K}"
