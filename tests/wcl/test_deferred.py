"""Deferred calls mean the same to the planner and to the worker, which cannot import the language."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from framework.worker.job import deferred_values
from wcl.deferred import resolve_deferred

PIECES = st.sampled_from(["$", "$$", "$HEAD{", "$head{a.fits, KEY}", "$Secret{db}", "{", "}", ",", "x", "${a}"])


def answer(function: str, inside: str) -> str:
    return f"<{function} of {[argument.strip() for argument in inside.split(',')]}>"


def answer_to_words(function: str, arguments: Sequence[str]) -> str:
    return answer(function, ",".join(arguments))


@given(st.lists(PIECES, max_size=10).map("".join) | st.text())
def test_planner_and_worker_find_the_same_deferred_calls(text: str) -> None:
    by_language = resolve_deferred(text, {name: partial(answer_to_words, name) for name in ("head", "secret")})
    by_worker = deferred_values.CALL.sub(
        lambda call: call[0][1:] if call[1] else answer(call[2].lower(), call[3]), text
    )
    assert by_language == by_worker
