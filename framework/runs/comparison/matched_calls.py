"""Calls of two plans matched with each other by block, module and keys."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from framework.model.job import Call
from framework.runs.comparison.run_names import RunNames
from framework.runs.comparison.side import Side

#: Block, module, keys with values, and which of several calls that have all these alike.
Identity = tuple[str, str, tuple[tuple[str, str], ...], int]


@dataclass(frozen=True)
class MatchedCalls:
    """Calls that both sides have, and calls that one side has."""

    both: tuple[tuple[Call, Call], ...]
    removed: tuple[Call, ...]
    added: tuple[Call, ...]


def match_calls(old: Side, new: Side, renaming: RunNames) -> MatchedCalls:
    """Match the calls of both sides."""
    before, now = _by_identity(old), _by_identity(new)
    both, removed = [], []
    for identity, call in before.items():
        renamed = identity
        if identity not in now:
            block, module, keys, nth = identity
            renamed = block, module, tuple((key, renaming(value)) for key, value in keys), nth
        found = now.get(renamed) if renamed == identity or renamed not in before else None
        if found is None:
            removed.append(call)
        else:
            both.append((call, found))
    known = {found.number for _, found in both}
    return MatchedCalls(tuple(both), tuple(removed), tuple(call for call in now.values() if call.number not in known))


def _by_identity(side: Side) -> dict[Identity, Call]:
    found: dict[Identity, Call] = {}
    alike: Counter[tuple[str, str, tuple[tuple[str, str], ...]]] = Counter()
    for call in side.calls:
        kind = side.block_of(call), call.module, tuple(sorted(call.keys.items()))
        found[(*kind, alike[kind])] = call
        alike[kind] += 1
    return found
