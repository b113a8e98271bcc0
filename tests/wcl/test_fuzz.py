"""Broken files give a tree, or an error with a position. WCL_FUZZ_SECONDS is the time of this test."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wcl.conftest import read_yaml
from wcl import Scope, Section, WclError, expand, expand_all, parse, split_command, split_list, write
from wcl.rendering import is_template
from wcl.yaml.writer import write_yaml

SECONDS = float(os.environ.get("WCL_FUZZ_SECONDS", "4"))
PIECES = [
    *"<>=#\\\"'${}(),:/ \t\n\r\x00\x85\u2028é&*-?[]|",
    *("<<include x>>", "</", "<a>\n", "</a>\n", "<module x>\n", "cmdline", "\\\n"),
    *("${", "$opt{", "$HEAD{", "$$", "1:9"),
]


def mutate(text: str, chance: random.Random) -> str:
    """Return a part of a text with a few pieces removed, doubled, inserted or reversed."""
    start = chance.randrange(len(text) + 1)
    text = text[start : start + chance.randrange(1, 3000)]
    for _ in range(chance.randrange(1, 8)):
        a, b = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        b = min(b, a + chance.randrange(1, 80))
        text = chance.choice(
            [
                lambda t, a, b: t[:a] + t[b:],
                lambda t, a, b: t[:b] + t[a:b] + t[b:],
                lambda t, a, b: t[:a] + chance.choice(PIECES) + t[a:],
                lambda t, a, b: t[:a] + chance.choice(PIECES) * chance.randrange(1, 60) + t[b:],
                lambda t, a, b: t[:a] + t[a:b][::-1] + t[b:],
            ]
        )(text, a, b)
    return text


def try_action(action: Callable[..., object], *arguments: object) -> object:
    """Return the result of an action, or None after a WclError; the error must hold its positions."""
    try:
        return action(*arguments)
    except WclError as error:
        problems, report = error.problems, str(error)
    assert problems
    assert all(str(problem.position) in report for problem in problems)
    return None


def exercise(tree: Section) -> None:
    """Write, convert and expand a tree; only a WclError may come of it."""
    assert parse(write(tree)) == tree
    assert read_yaml(write_yaml(tree)) == tree
    scope = Scope(root=tree)
    for value in list(tree.values())[:20]:
        if isinstance(value, str):
            try_action(expand, value, scope)
            try_action(split_command, value, scope)
            try_action(lambda text: expand_all(text, scope, most=1000), value)
            try_action(split_list, value)


def test_broken_files_give_a_tree_or_an_error_with_a_position(
    corpus: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    seed = int(os.environ.get("WCL_FUZZ_SEED", "1"))
    texts = list(corpus.values())
    yaml = [write_yaml(parse(text)) for text in texts if len(text) < 20_000]
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        seed += 1
        chance = random.Random(seed)
        began = time.monotonic()
        text = mutate(chance.choice(texts), chance)
        tree = None if is_template(text) else try_action(parse, text, "fuzz")
        if isinstance(tree, Section):
            exercise(tree)
        other = mutate(chance.choice(yaml), chance)
        try_action(read_yaml, other, "fuzz.yaml")
        assert time.monotonic() - began < 2, f"seed {seed} hangs"
