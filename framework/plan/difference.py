"""What differs between two plans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from framework.plan.model import Call


def difference(ours: Iterable[Call], theirs: Iterable[Call]) -> Iterator[str]:
    """Calls that only one plan has, and those that both have with other command lines, inputs or outputs.

    ``ours`` is what is planned now. A run's own name, which differs between attempts, is the caller's to even out.
    """
    now = {(call.module, tuple(call.keys.items())): call for call in ours}
    before = {(call.module, tuple(call.keys.items())): call for call in theirs}
    for key, call in now.items():
        if key not in before:
            yield f"+ {_named(call)}"
            continue
        was = _facts(before[key])
        for what, new in _facts(call).items():
            if new != was[what]:
                yield f"~ {_named(call)}: {what}: {_shown(was[what], new)}"
    for key, call in before.items():
        if key not in now:
            yield f"- {_named(call)}"


def _facts(call: Call) -> dict[str, tuple[str, ...]]:
    return {
        "command line": tuple(word for step in call.execs for word in step.argv),
        "reads": tuple(sorted(file.path for file in call.inputs)),
        "makes": tuple(sorted(file.path for file in call.outputs)),
    }


def _shown(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    """What went and what came, a few of each."""
    gone = [word for word in old if word not in new]
    come = [word for word in new if word not in old]
    if not gone and not come:
        return "in another order"
    return f"{' '.join(gone[:3]) or 'nothing'} → {' '.join(come[:3]) or 'nothing'}"


def _named(call: Call) -> str:
    values = " ".join(call.keys.values())
    return f"{call.number} {call.module} {values}".rstrip()
