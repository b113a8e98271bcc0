"""A graph as text that other programs draw: mermaid for pages and tickets, dot for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from framework.output.text import printable
from framework.plan.graph import SOURCES, Graph, GraphArrow, GraphBox, flow_lines

#: A longer text is cut in a drawing.
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
    """For pages and tickets that draw it."""
    names = {key: f"n{number}" for number, key in enumerate(graph.boxes)}
    yield "flowchart TD"
    for number, words, boxes in _in_groups(graph):
        if number:
            yield f'    subgraph g{number}["{_mermaid_text(words)}"]'
        for key, box in boxes:
            left, right = ('[("', '")]') if box.kind == "archive" else ('["', '"]')
            text = "<br/>".join(map(_mermaid_text, (box.title, *box.lines)))
            yield f"    {'    ' if number else ''}{names[key]}{left}{text}{right}"
        if number:
            yield "    end"
    for arrow in graph.arrows:
        words = "<br/>".join(map(_mermaid_text, flow_lines(arrow.flows)))
        is_bare = not words or graph.boxes[arrow.source].kind in SOURCES
        mark = "-.->" if arrow.waits else "-->" if is_bare else f'-->|"{words}"|'
        yield f"    {names[arrow.source]} {mark} {names[arrow.target]}"


def dot(graph: Graph) -> Iterator[str]:
    """For Graphviz: ``fw plan --graph dot FILE | dot -Tpdf -o plan.pdf``."""
    beside = {arrow.source: arrow.target for arrow in graph.arrows if graph.boxes[arrow.source].kind in SOURCES}
    yield "digraph plan {"
    yield _DOT_STYLE
    for number, words, boxes in _in_groups(graph):
        if number:
            frame, ground = _GROUPS[(number - 1) % len(_GROUPS)]
            yield f"    subgraph cluster_{number} {{"
            yield f'        graph [style="rounded,filled", color="{frame}", fillcolor="{ground}", margin=14,'
            yield f'            labeljust=l, fontcolor="{_INK}", label=<{_xml(words)}>];'
        for key, box in boxes:
            yield f"        {_quoted(key)} [{_DOT_BOXES[box.kind]}, label={_dot_label(box)}];"
            if key in beside:
                yield f"        {{ rank=same; {_quoted(key)}; {_quoted(beside[key])} }}"
        if number:
            yield "    }"
    for arrow in graph.arrows:
        yield f"    {_dot_arrow(graph, arrow)};"
    yield "}"


def _in_groups(graph: Graph) -> Iterator[tuple[int, str, list[tuple[str, GraphBox]]]]:
    """The boxes of each group, with the group's number and words; number 0 is those of none."""
    for number, (group, words) in enumerate([("", ""), *graph.groups.items()]):
        yield number, words, [(key, box) for key, box in graph.boxes.items() if box.group == group]


def _dot_label(box: GraphBox) -> str:
    """The title, and the lines below it in small."""
    title = _xml(box.title) if box.kind in SOURCES else f"<b>{_xml(box.title)}</b>"
    small = (f'<font point-size="10" color="{_GREY}">{_xml(line)}</font>' for line in box.lines)
    rows = "".join(f"<tr><td>{words}</td></tr>" for words in (title, *small))
    return f'<<table border="0" cellspacing="0" cellpadding="1">{rows}</table>>'


def _dot_arrow(graph: Graph, arrow: GraphArrow) -> str:
    ends = _quoted(arrow.source), _quoted(arrow.target)
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


def _shown(text: str) -> str:
    """One line of letters that can be seen, and not too long."""
    visible = printable(text)
    return visible if len(visible) <= LONGEST else f"{visible[: LONGEST - 1]}…"


def _xml(text: str) -> str:
    """As it stands in a label; dot puts names for some letters after a backslash, there too."""
    return escape(_shown(text)).replace("\\", "\\\\")


def _quoted(text: str) -> str:
    """A name as dot writes it; a backslash would begin an escape of dot's own."""
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mermaid_text(text: str) -> str:
    """Whatever could mean something to mermaid or to the page around it, by its number."""
    return "".join(c if c.isalnum() or c in " _-.,:=/+()…" else f"#{ord(c)};" for c in _shown(text))
