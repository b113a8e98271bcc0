"""Graph of a plan: its modules and the files that flow between them, or one call with its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from framework.model.job import Call, File, Job
from framework.model.plan import Block, LateBlock, Plan
from framework.output.text import counted

#: Most calls of a module that are boxes of their own beside a call; more of them are one box.
MOST_NEIGHBOURS = 6
#: Most types of files that are named on an arrow; further ones are counted.
MOST_TYPES = 6
#: Kinds of boxes for files from archives and from outside; their texts name the files.
SOURCES = ("archive", "outside")


@dataclass(frozen=True)
class GraphBox:
    """Box of a graph, with its text."""

    #: ``module``, ``late`` (a module that is planned later), ``call``, ``asked`` (the call of the question), ``calls``,
    #: ``archive`` or ``outside`` (sources of files), or ``file``.
    kind: str
    title: str
    lines: tuple[str, ...] = ()
    #: Key of its group; empty for none.
    group: str = ""


@dataclass(frozen=True)
class GraphArrow:
    """Flow of files from one box to another."""

    source: str
    target: str
    #: Number of files of each type; empty if it is not shown.
    flows: Mapping[str, int] = field(default_factory=dict)
    #: True if no file flows, and the target's group waits for the source's.
    waits: bool = False


@dataclass(frozen=True)
class Graph:
    """Boxes in groups, and arrows between them; groups and boxes by key."""

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
    """Return a graph with a box for each module, a group for each block, and the sources of each module."""
    builder = _GraphBuilder(list(locate_calls(plan)), _module_key)
    for block in plan.blocks:
        key = f"block {block.number}"
        calls = sum(module.calls for module in block.modules)
        builder.groups[key] = f"{block.name}: {counted(len(block.jobs), 'job')}, {counted(calls, 'call')}"
        for module in block.modules:
            inside = sum(any(call.module == module.name for call in job.calls) for job in block.jobs)
            words = f"{counted(module.calls, 'call')} in {counted(inside, 'job')}"
            builder.boxes[f"{key} {module.name}"] = GraphBox("module", module.name, (words,), key)
    for located in builder.calls:
        builder.add_inputs(located)
    for late in plan.late:
        builder.add_late(late)
    graph = builder.graph()
    return Graph(graph.groups, graph.boxes, (*graph.arrows, *_wait_arrows(plan, graph))) if plan.barriers else graph


def call_graph(plan: Plan, number: int) -> Graph:
    """Return a graph of one call with the calls that make its inputs and those that read its outputs."""
    calls = list(locate_calls(plan))
    center = next(located for located in calls if located.call.number == number)
    made = {file.path for file in center.call.outputs}
    before, after = _find_neighbours(center, calls)
    crowded = {*_crowded_modules(before), *_crowded_modules(after)}
    shown = {number, *(located.call.number for located in (*before, *after))}
    neighbours = [located for located in calls if located.call.number in shown]

    def key_of(located: LocatedCall) -> str:
        key = _module_key(located)
        return key if key in crowded and located is not center else f"call {located.call.number}"

    builder = _GraphBuilder(neighbours, key_of)
    for located in neighbours:
        builder.add_call(located)
    asked = key_of(center)
    builder.boxes[asked] = replace(builder.boxes[asked], kind="asked")
    builder.add_inputs(center)
    for located in neighbours:
        if located is not center:
            builder.add_inputs(located, only=made)
    return builder.graph()


def _find_neighbours(center: LocatedCall, calls: list[LocatedCall]) -> tuple[list[LocatedCall], list[LocatedCall]]:
    """Return the calls that make the inputs of a call, and those that read its outputs."""
    made_by = find_makers(calls)
    makers = {made_by[file.path].call.number for file in center.call.inputs if file.path in made_by}
    made = {file.path for file in center.call.outputs}
    return (
        [located for located in calls if located.call.number in makers],
        [located for located in calls if not made.isdisjoint(file.path for file in located.call.inputs)],
    )


def _module_key(located: LocatedCall) -> str:
    return f"{located.block} {located.call.module}"


def _crowded_modules(calls: Iterable[LocatedCall]) -> Iterator[str]:
    """Return the keys of modules with too many calls to be boxes of their own."""
    keys = [_module_key(located) for located in calls]
    return (key for key in set(keys) if keys.count(key) > MOST_NEIGHBOURS)


def _wait_arrows(plan: Plan, graph: Graph) -> Iterator[GraphArrow]:
    """Yield arrows between blocks that follow each other without a file between them."""
    group_of = {key: box.group for key, box in graph.boxes.items()}
    joined = {(group_of[arrow.source], group_of[arrow.target]) for arrow in graph.arrows}
    blocks: list[Block | LateBlock] = [*plan.blocks, *plan.late]
    for before, after in pairwise(blocks):
        ends = (f"block {before.number}", f"block {after.number}")
        if ends not in joined and before.modules and after.modules:
            yield GraphArrow(f"{ends[0]} {before.modules[-1].name}", f"{ends[1]} {after.modules[0].name}", waits=True)


class _GraphBuilder:
    """Builds a graph from calls and late blocks."""

    def __init__(self, calls: list[LocatedCall], key_of: Callable[[LocatedCall], str]) -> None:
        self.calls = calls
        self.groups: dict[str, str] = {}
        self.boxes: dict[str, GraphBox] = {}
        self._key_of = key_of
        self._made_by = find_makers(calls)
        #: Paths of the files of each type that flow from box to box; a file counts once for all its readers.
        self._files: dict[tuple[str, str], dict[str, set[str]]] = {}

    def add_call(self, located: LocatedCall) -> None:
        """Add a box for a call in its job, or one box for all calls with its key."""
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
        """Add a group for a late block, with arrows from its sources; the number of files is still unknown."""
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
        """Add arrows for the inputs of a call; for some paths only, if they are given."""
        target = self._key_of(located)
        for file in located.call.inputs:
            if only is None or file.path in only:
                source = self._source(file, target)
                types = self._files.setdefault((source, target), {})
                types.setdefault(file.filetype or "files", set()).add(file.path)

    def _source(self, file: File, target: str) -> str:
        """Return the key of the box that a file comes from: of its maker, or of the archives or the outside."""
        if maker := self._made_by.get(file.path):
            return self._key_of(maker)
        source = "outside" if file.external else "archive"
        key = f"{source} of {target}"
        self.boxes.setdefault(key, GraphBox(source, source, group=self.boxes[target].group))
        return key

    def graph(self) -> Graph:
        """Return the graph."""
        arrows = tuple(
            GraphArrow(*ends, {name: len(paths) for name, paths in types.items()})
            for ends, types in self._files.items()
        )
        lines = {arrow.source: tuple(flow_lines(arrow.flows)) for arrow in arrows}
        boxes = {key: replace(box, lines=lines[key]) if box.kind in SOURCES else box for key, box in self.boxes.items()}
        return Graph(self.groups, boxes, arrows)


def flow_lines(flows: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each type of files, such as ``12 calexp``."""
    kinds = list(flows.items())
    yield from (f"{count} {name}" for name, count in kinds[:MOST_TYPES])
    if others := kinds[MOST_TYPES:]:
        yield f"{sum(count for _, count in others)} of {counted(len(others), 'other type')}"
