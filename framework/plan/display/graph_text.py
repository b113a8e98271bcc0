"""Text of a graph for programs that draw it: mermaid for pages and tickets, dot for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from framework.output.text import printable
from framework.plan.display.graph import SOURCES, Graph, GraphArrow, GraphBox, flow_lines

#: Longest text of a line; longer ones are cut.
LONGEST = 60
_INK, _GREY = "#1f2937", "#6b7280"
#: Frame and ground of the groups, in turn.
_GROUPS = (("#93b4d8", "#eef4fb"), ("#9cc5a1", "#eff8f0"), ("#d8b98a", "#fcf6ec"), ("#bba6d6", "#f5f1fb"))
_FONT = "Helvetica,Arial,sans-serif"
_DOT_STYLE = f"""\
    graph [rankdir=TB, compound=true, nodesep=0.35, ranksep=0.45, pad=0.2, fontname="{_FONT}", fontsize=12];
    node [fontname="{_FONT}", fontsize=12, fontcolor="{_INK}", color="#64748b", margin="0.12,0.04"];
    edge [fontname="{_FONT}", fontsize=9.5, fontcolor="{_GREY}", color="#94a3b8", arrowsize=0.7, penwidth=1.2];"""
_DOT_BOXES = {
    "module": 'shape=box, style="rounded,filled", fillcolor=white',
    "call": 'shape=box, style="rounded,filled", fillcolor=white',
    "asked": 'shape=box, style="rounded,filled", fillcolor=white, color="#0f766e", penwidth=2.2',
    "late": 'shape=box, style="rounded,filled,dashed", fillcolor=white',
    "calls": 'shape=box, style="rounded,filled,dashed", fillcolor=white',
    "file": 'shape=note, style=filled, fillcolor="#f8fafc"',
    "archive": 'shape=cylinder, style=filled, fillcolor="#e5e7eb", color="#9ca3af"',
    "outside": 'shape=note, style=filled, fillcolor="#fef9c3", color="#ca8a04"',
}


def mermaid(graph: Graph) -> Iterator[str]:
    """Yield the lines of a graph for mermaid, which pages and tickets draw."""
    names = {key: f"n{number}" for number, key in enumerate(graph.boxes)}
    yield "flowchart TD"
    for number, title, boxes in _in_groups(graph):
        if number:
            yield f'    subgraph g{number}["{_mermaid_text(title)}"]'
        for key, box in boxes:
            left, right = ('[("', '")]') if box.kind == "archive" else ('["', '"]')
            text = "<br/>".join(map(_mermaid_text, (box.title, *box.lines)))
            yield f"    {'    ' if number else ''}{names[key]}{left}{text}{right}"
        if number:
            yield "    end"
    for arrow in graph.arrows:
        yield f"    {names[arrow.source]} {_mermaid_mark(graph, arrow)} {names[arrow.target]}"


def _mermaid_mark(graph: Graph, arrow: GraphArrow) -> str:
    words = "<br/>".join(map(_mermaid_text, flow_lines(arrow.flows)))
    if arrow.waits:
        return "-.->"
    return "-->" if not words or graph.boxes[arrow.source].kind in SOURCES else f'-->|"{words}"|'


def dot(graph: Graph) -> Iterator[str]:
    """Yield the lines of a graph for Graphviz: ``fw plan --graph dot FILE | dot -Tpdf -o plan.pdf``."""
    source_targets = {arrow.source: arrow.target for arrow in graph.arrows if graph.boxes[arrow.source].kind in SOURCES}
    yield "digraph plan {"
    yield _DOT_STYLE
    for number, title, boxes in _in_groups(graph):
        if number:
            frame, ground = _GROUPS[(number - 1) % len(_GROUPS)]
            yield f"    subgraph cluster_{number} {{"
            yield f'        graph [style="rounded,filled", color="{frame}", fillcolor="{ground}", margin=14,'
            yield f'            labeljust=l, fontcolor="{_INK}", label=<{_xml(title)}>];'
        for key, box in boxes:
            yield f"        {_quote(key)} [{_DOT_BOXES[box.kind]}, label={_dot_label(box)}];"
            if key in source_targets:
                yield f"        {{ rank=same; {_quote(key)}; {_quote(source_targets[key])} }}"
        if number:
            yield "    }"
    for arrow in graph.arrows:
        yield f"    {_dot_arrow(graph, arrow)};"
    yield "}"


def _in_groups(graph: Graph) -> Iterator[tuple[int, str, list[tuple[str, GraphBox]]]]:
    """Yield the number, the title and the boxes of each group; number 0 has the boxes without a group."""
    for number, (group, title) in enumerate([("", ""), *graph.groups.items()]):
        yield number, title, [(key, box) for key, box in graph.boxes.items() if box.group == group]


def _dot_label(box: GraphBox) -> str:
    """Return the label of a box: its title, and its lines below it in small letters."""
    title = _xml(box.title) if box.kind in SOURCES else f"<b>{_xml(box.title)}</b>"
    small = (f'<font point-size="10" color="{_GREY}">{_xml(line)}</font>' for line in box.lines)
    rows = "".join(f"<tr><td>{text}</td></tr>" for text in (title, *small))
    return f'<<table border="0" cellspacing="0" cellpadding="1">{rows}</table>>'


def _dot_arrow(graph: Graph, arrow: GraphArrow) -> str:
    ends = _quote(arrow.source), _quote(arrow.target)
    boxes = graph.boxes[arrow.source], graph.boxes[arrow.target]
    if boxes[0].kind in SOURCES:
        # Backwards, so that all sources stand on the right of what takes from them.
        return f"{ends[1]} -> {ends[0]} [dir=back, arrowsize=0.5]"
    if arrow.flows:
        words = "<br/>".join(f"  {_xml(line)}  " for line in flow_lines(arrow.flows))
        return f"{ends[0]} -> {ends[1]} [label=<{words}>]"
    if not arrow.waits:
        return f"{ends[0]} -> {ends[1]}"
    # It waits for the whole group, so the arrow begins and ends at the groups' frames.
    groups = list(graph.groups)
    frames = [groups.index(box.group) + 1 for box in boxes]
    return f"{ends[0]} -> {ends[1]} [style=dashed, minlen=2, ltail=cluster_{frames[0]}, lhead=cluster_{frames[1]}]"


def _one_line(text: str) -> str:
    """Return a text as one line of printable letters, cut if it is too long."""
    visible = printable(text)
    return visible if len(visible) <= LONGEST else f"{visible[: LONGEST - 1]}…"


def _xml(text: str) -> str:
    """Return a text for a label; a backslash would begin an escape of dot's own."""
    return escape(_one_line(text)).replace("\\", "\\\\")


def _quote(text: str) -> str:
    """Return a name in quotes for dot; a backslash would begin an escape of dot's own."""
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mermaid_text(text: str) -> str:
    """Return a text with the letters as numbers that mermaid or the page around it might interpret."""
    return "".join(c if c.isalnum() or c in " _-.,:=/+()…" else f"#{ord(c)};" for c in _one_line(text))
