"""The plan as a graph: modules and what flows between them, or the surroundings of one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from framework.model.plan import Block, Call, File, Job, LateBlock, Plan
from framework.output.text import counted

#: So many calls of a module are boxes of their own around a call; more of them are one box.
MOST_NEIGHBOURS = 6
#: So many types of files are named of what flows; further ones are counted.
MOST_TYPES = 6
#: Boxes that stand for where files come from; they say themselves what flows from them.
SOURCES = ("archive", "outside")


@dataclass(frozen=True)
class GraphBox:
    """Box of a graph, with its text."""

    #: ``module``, ``late`` (a module that is planned later), ``call``, ``asked`` (the call that was asked for) or
    #: ``calls``; or where files come from: ``archive`` or ``outside``; or ``file``.
    kind: str
    title: str
    lines: tuple[str, ...] = ()
    #: The group that it stands in; empty for none.
    group: str = ""


@dataclass(frozen=True)
class GraphArrow:
    """Flow of files from one box to another."""

    source: str
    target: str
    #: How many files of each type, where that is worth telling.
    flows: Mapping[str, int] = field(default_factory=dict)
    #: Nothing flows: the target's group waits for the source's.
    waits: bool = False


@dataclass(frozen=True)
class Graph:
    """Boxes in groups, by keys that say what they are, and arrows between them."""

    groups: Mapping[str, str]
    boxes: Mapping[str, GraphBox]
    arrows: tuple[GraphArrow, ...]


@dataclass(frozen=True)
class LocatedCall:
    """A call with its job and block."""

    call: Call
    job: Job
    block: str


def locate_calls(plan: Plan) -> Iterator[LocatedCall]:
    """Iterate over the calls of a plan with their jobs and blocks."""
    return (
        LocatedCall(call, job, f"block {block.number}")
        for block in plan.blocks
        for job in block.jobs
        for call in job.calls
    )


def find_makers(calls: Iterable[LocatedCall]) -> dict[str, LocatedCall]:
    """Return the call that makes each file, by the file's path."""
    return {file.path: located for located in calls for file in located.call.outputs}


def module_graph(plan: Plan) -> Graph:
    """A box a module in a group a block; and for each module what it takes from archives and from outside."""
    drawing = _Drawing(list(locate_calls(plan)), _module_key)
    for block in plan.blocks:
        key = f"block {block.number}"
        calls = sum(module.calls for module in block.modules)
        drawing.groups[key] = f"{block.name}: {counted(len(block.jobs), 'job')}, {counted(calls, 'call')}"
        for module in block.modules:
            inside = sum(any(call.module == module.name for call in job.calls) for job in block.jobs)
            words = f"{counted(module.calls, 'call')} in {counted(inside, 'job')}"
            drawing.boxes[f"{key} {module.name}"] = GraphBox("module", module.name, (words,), key)
    for located in drawing.calls:
        drawing.add_inputs(located)
    for late in plan.late:
        drawing.add_late(late)
    graph = drawing.graph()
    return Graph(graph.groups, graph.boxes, (*graph.arrows, *_waits(plan, graph))) if plan.barriers else graph


def call_graph(plan: Plan, number: int) -> Graph:
    """One call, what it reads and makes, the calls that made it, and those that read it."""
    calls = list(locate_calls(plan))
    middle = next(located for located in calls if located.call.number == number)
    made = {file.path for file in middle.call.outputs}
    made_by = find_makers(calls)
    before = {made_by[file.path].call.number for file in middle.call.inputs if file.path in made_by}
    after = {located.call.number for located in calls if any(file.path in made for file in located.call.inputs)}
    shown = {number, *before, *after}
    near = [located for located in calls if located.call.number in shown]
    crowds = {key for side in (before, after) for key in _crowds([p for p in near if p.call.number in side])}

    def key_of(located: LocatedCall) -> str:
        key = _module_key(located)
        return key if key in crowds and located is not middle else f"call {located.call.number}"

    drawing = _Drawing(near, key_of)
    for located in near:
        drawing.add_call(located)
    asked = key_of(middle)
    drawing.boxes[asked] = replace(drawing.boxes[asked], kind="asked")
    drawing.add_inputs(middle)
    for located in near:
        if located is not middle:
            drawing.add_inputs(located, only=made)
    return drawing.graph()


def _module_key(located: LocatedCall) -> str:
    return f"{located.block} {located.call.module}"


def _crowds(calls: Iterable[LocatedCall]) -> Iterator[str]:
    """Modules of which too many calls stand on one side to be boxes of their own."""
    keys = [_module_key(located) for located in calls]
    return (key for key in set(keys) if keys.count(key) > MOST_NEIGHBOURS)


def _waits(plan: Plan, graph: Graph) -> Iterator[GraphArrow]:
    """Blocks that follow each other though no file says so."""
    group_of = {key: box.group for key, box in graph.boxes.items()}
    joined = {(group_of[arrow.source], group_of[arrow.target]) for arrow in graph.arrows}
    blocks: list[Block | LateBlock] = [*plan.blocks, *plan.late]
    for before, after in pairwise(blocks):
        ends = (f"block {before.number}", f"block {after.number}")
        if ends not in joined and before.modules and after.modules:
            yield GraphArrow(f"{ends[0]} {before.modules[-1].name}", f"{ends[1]} {after.modules[0].name}", waits=True)


class _Drawing:
    """A graph while it is being made."""

    def __init__(self, calls: list[LocatedCall], key_of: Callable[[LocatedCall], str]) -> None:
        self.calls = calls
        self.groups: dict[str, str] = {}
        self.boxes: dict[str, GraphBox] = {}
        self._key_of = key_of
        self._made_by = find_makers(calls)
        #: The files of each type that flow from box to box; a file counts once, however many calls read it.
        self._files: dict[tuple[str, str], dict[str, set[str]]] = {}

    def add_call(self, located: LocatedCall) -> None:
        """A box for a call in its job; one box for the calls that share a key."""
        key, call = self._key_of(located), located.call
        if key in self.boxes:
            return
        if not key.startswith("call "):
            count = sum(self._key_of(other) == key for other in self.calls)
            self.boxes[key] = GraphBox("calls", call.module, (counted(count, "call"),))
            return
        group = f"job {located.job.number}"
        self.groups[group] = f"{group} ({located.job.keys})" if located.job.keys else group
        keys = tuple(f"{name} = {value}" for name, value in call.keys.items())
        self.boxes[key] = GraphBox("call", f"{call.number} {call.module}", keys, group)

    def add_late(self, block: LateBlock) -> None:
        """A group for a block that is planned later, with arrows from what it will ask; nobody knows how much flows."""
        group = f"block {block.number}"
        self.groups[group] = f"{block.name}: planned when {block.after} has ended"
        for module in block.modules:
            key = f"{group} {module.name}"
            self.boxes[key] = GraphBox("late", module.name, ("as many calls as its inputs ask for",), group)
            for source in module.sources:
                makers = [other for other, box in self.boxes.items() if box.title.lower() == source.lower()]
                source_key = makers[-1] if makers and source not in SOURCES else f"{source} of {key}"
                self.boxes.setdefault(source_key, GraphBox(source, source, group=group))
                self._files.setdefault((source_key, key), {})

    def add_inputs(self, located: LocatedCall, only: set[str] | None = None) -> None:
        """Arrows for what a call reads; for some files only, if asked for."""
        target = self._key_of(located)
        for file in located.call.inputs:
            if only is None or file.path in only:
                source = self._source(file, target)
                types = self._files.setdefault((source, target), {})
                types.setdefault(file.filetype or "files", set()).add(file.path)

    def _source(self, file: File, target: str) -> str:
        """The box that a file comes from: of the call that makes it, or one for what the target takes from a place."""
        if maker := self._made_by.get(file.path):
            return self._key_of(maker)
        place = "outside" if file.external else "archive"
        key = f"{place} of {target}"
        self.boxes.setdefault(key, GraphBox(place, place, group=self.boxes[target].group))
        return key

    def graph(self) -> Graph:
        arrows = tuple(
            GraphArrow(*ends, {name: len(paths) for name, paths in types.items()})
            for ends, types in self._files.items()
        )
        said = {arrow.source: tuple(flow_lines(arrow.flows)) for arrow in arrows}
        boxes = {key: replace(box, lines=said[key]) if box.kind in SOURCES else box for key, box in self.boxes.items()}
        return Graph(self.groups, boxes, arrows)


def flow_lines(flows: Mapping[str, int]) -> Iterator[str]:
    """``12 calexp``, a line a type."""
    kinds = list(flows.items())
    yield from (f"{count} {name}" for name, count in kinds[:MOST_TYPES])
    if others := kinds[MOST_TYPES:]:
        yield f"{sum(count for _, count in others)} of {counted(len(others), 'other type')}"
