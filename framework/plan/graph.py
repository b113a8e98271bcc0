"""The plan as a graph: modules and what flows between them, or the surroundings of one call; as mermaid or dot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from framework.plan.model import Call, Plan


@dataclass(frozen=True)
class Graph:
    """Boxes with their words, and arrows between them with how many files they stand for."""

    boxes: dict[str, str]
    arrows: dict[tuple[str, str], int]


def makers(plan: Plan) -> dict[str, Call]:
    """The call that makes each file of the plan."""
    return {file.path: call for call in plan.calls for file in call.outputs}


def by_module(plan: Plan) -> Graph:
    """A box a module; archives and the outside are one box each."""
    made_by = makers(plan)
    counts = Counter(call.module for call in plan.calls)
    boxes = {module: f"{module} ({count})" for module, count in counts.items()}
    arrows: Counter[tuple[str, str]] = Counter()
    for call in plan.calls:
        for file in call.inputs:
            maker = made_by.get(file.path)
            source = maker.module if maker else "outside" if file.outside else "archive"
            boxes.setdefault(source, source)
            arrows[source, call.module] += 1
    return Graph(boxes, dict(arrows))


def around(plan: Plan, number: int) -> Graph:
    """One call, the calls whose files it reads, and those that read its own."""
    calls = {call.number: call for call in plan.calls}
    made_by = makers(plan)
    made = {file.path for file in calls[number].outputs}
    arrows: Counter[tuple[str, str]] = Counter()
    for call in calls.values():
        for file in call.inputs:
            if file.path in made or (call.number == number and file.path in made_by):
                arrows[str(made_by[file.path].number), str(call.number)] += 1
    shown = {number, *(int(end) for arrow in arrows for end in arrow)}
    return Graph({str(each): _named(calls[each]) for each in sorted(shown)}, dict(arrows))


def mermaid(graph: Graph) -> Iterator[str]:
    """For pages and tickets that draw it."""
    names = _names(graph)
    yield "flowchart TD"
    for key, words in graph.boxes.items():
        yield f'    {names[key]}["{_escaped(words)}"]'
    for (source, target), count in graph.arrows.items():
        yield f"    {names[source]} -->|{count}| {names[target]}"


def dot(graph: Graph) -> Iterator[str]:
    """For graphviz: ``fw plan --graph dot FILE | dot -Tsvg``."""
    names = _names(graph)
    yield "digraph plan {"
    yield "    node [shape=box];"
    for key, words in graph.boxes.items():
        yield f'    {names[key]} [label="{_escaped(words)}"];'
    for (source, target), count in graph.arrows.items():
        yield f'    {names[source]} -> {names[target]} [label="{count}"];'
    yield "}"


def _names(graph: Graph) -> dict[str, str]:
    return {key: f"n{number}" for number, key in enumerate(graph.boxes)}


def _escaped(words: str) -> str:
    return words.replace("\\", "/").replace('"', "'")


def _named(call: Call) -> str:
    values = " ".join(call.keys.values())
    return f"{call.number} {call.module} {values}".rstrip()


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
