"""Show where a file comes from, or what came from it: files and the calls between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, print_sql, registry_option, sql_option
from framework.output import tables
from framework.output.svg import svg
from framework.output.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from framework.registry.questions.ancestry import Ancestry
    from framework.registry.questions.verifications import LatestVerdict


@click.command(name="lineage", epilog="Example: fw lineage calexp-HSC-I-0-8x6-r11p95.fits --up --depth 2")
@click.argument("file")
@click.option("--up", "way", flag_value="up", default="up", help="What it came from (the default).")
@click.option("--down", "way", flag_value="down", help="What came from it.")
@click.option("--depth", type=click.IntRange(1), help="At most so many steps.")
@click.option("--graph", type=click.Choice(["svg", "mermaid", "dot"]), help="Draw it.")
@sql_option
@registry_option
@json_option("Files and links as JSON.")
def command(
    file: str, way: str, depth: int | None, graph: str | None, as_sql: bool, registry: str | None, as_json: bool
) -> None:
    """Show the lineage of FILE, a path in an archive or a base name that is the only one.

    A file comes from what the execution that made it has read, and from what the pipeline says it is derived from.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.registry.database.statement_log import collect_statements
    from framework.registry.questions.ancestry import ancestors, descendants, find_file
    from framework.registry.questions.verifications import verified_files

    db = open_registry(registry)
    with collect_statements(db) as asked:
        found = find_file(db, file)
        ancestry = (ancestors if way == "up" else descendants)(db, found.id, depth)
    verified = verified_files(db, list(ancestry.files))
    if as_sql:
        print_sql(asked)
    elif as_json:
        click.echo(tables.as_json(as_object(ancestry, verified)))
    elif graph:
        click.echo(draw(ancestry, graph))
    else:
        for line in tree(ancestry, way, verified):
            click.echo(printable(line))


def as_object(ancestry: Ancestry, verified: Mapping[int, LatestVerdict]) -> dict[str, object]:
    """Return files by depth and path, and the links between their paths, as plain data."""
    paths = {id_: file.path for id_, file in ancestry.files.items()}
    files = sorted(ancestry.files.values(), key=lambda file: (ancestry.depth[file.id], file.path))
    links = [
        {
            "child": paths[link.child],
            "parent": paths[link.parent],
            "by": str(maker) if (maker := ancestry.maker(link)) else None,
        }
        for link in ancestry.links
    ]
    return {
        "file": paths[ancestry.first],
        "files": [
            {
                "path": file.path,
                "filetype": file.filetype,
                "run": file.run,
                "depth": ancestry.depth[file.id],
                "verified": vars(verified[file.id]) if file.id in verified else None,
            }
            for file in files
        ],
        "links": sorted(links, key=lambda link: (link["child"] or "", link["parent"] or "", link["by"] or "")),
    }


def tree(ancestry: Ancestry, way: str, verified: Mapping[int, LatestVerdict]) -> Iterator[str]:
    """Yield the files as a tree, each with the call that made it; a repeated file is not expanded again."""
    further = _neighbours(ancestry, way)
    shown: set[int] = set()
    waiting = [(ancestry.first, "", "")]
    while waiting:
        id_, lead, below = waiting.pop()
        file = ancestry.files[id_]
        inside = further.get(id_, [])
        by = f", {maker}" if (maker := ancestry.maker_of(id_)) else ""
        again = f", verified: {verified[id_].verdict}" if id_ in verified else ""
        yield f"{lead}{file.path}  {file.filetype}{by}{again}{'  (see above)' if id_ in shown and inside else ''}"
        if id_ in shown:
            continue
        shown.add(id_)
        for number, other in reversed(list(enumerate(inside, start=1))):
            is_last = number == len(inside)
            waiting.append((other, below + ("└─ " if is_last else "├─ "), below + ("   " if is_last else "│  ")))


def _neighbours(ancestry: Ancestry, way: str) -> dict[int, list[int]]:
    """Return the parents of each file, or its children where the way is down, by path."""
    found: dict[int, set[int]] = {}
    for link in ancestry.links:
        near, far = (link.child, link.parent) if way == "up" else (link.parent, link.child)
        found.setdefault(near, set()).add(far)
    return {id_: sorted(others, key=lambda other: ancestry.files[other].path) for id_, others in found.items()}


def draw(ancestry: Ancestry, form: str) -> str:
    """Return files and calls as a graph, from parents to children."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.plan.display.graph import Graph, GraphArrow, GraphBox
    from framework.plan.display.graph_text import dot, mermaid

    boxes = {
        f"f{id_}": GraphBox("file", file.path.rpartition("/")[2], (file.filetype,))
        for id_, file in ancestry.files.items()
    }
    linked = {link.task for link in ancestry.links}
    boxes |= {
        f"t{id_}": GraphBox("call", maker.module, maker.words)
        for id_, maker in ancestry.makers.items()
        if id_ in linked
    }
    graph = Graph({}, boxes, tuple(GraphArrow(*pair) for pair in _arrow_ends(ancestry)))
    text = "\n".join((mermaid if form == "mermaid" else dot)(graph))
    return svg(text) if form == "svg" else text


def _arrow_ends(ancestry: Ancestry) -> dict[tuple[str, str], None]:
    """Return the boxes that arrows join: file, call, file; or two files whose call is not known."""
    ends: dict[tuple[str, str], None] = {}
    by_call = {(link.child, link.parent) for link in ancestry.links if link.task is not None}
    for link in ancestry.links:
        if link.task in ancestry.makers:
            ends[f"f{link.parent}", f"t{link.task}"] = None
            ends[f"t{link.task}", f"f{link.child}"] = None
        elif (link.child, link.parent) not in by_call:
            ends[f"f{link.parent}", f"f{link.child}"] = None
    return ends
