"""Nodes of a YAML text with their lines, built from PyYAML's events."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Union

from wcl.errors import Problem, SourcePosition, WclError

#: Depth of nested nodes.
DEEPEST = 100
#: Nodes of one file, those of an alias counted each time it is used.
MOST_NODES = 300_000

Node = Union["Scalar", "Items", "Pairs"]


@dataclass(slots=True)
class Scalar:
    """A scalar value."""

    line: int
    text: str
    #: Quote `'` or `"`; `|` for a block of lines; empty for plain text.
    style: str


@dataclass(slots=True)
class Items:
    """A sequence."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Pairs:
    """A mapping, in the order of the text."""

    line: int
    pairs: list[tuple[Node, Node]] = field(default_factory=list)


def compose(text: str, file: str) -> Node | None:
    """Return the one document of a text; None if it is empty."""
    import yaml  # start-up: only files in YAML need it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Composer(yaml.parse(text, Loader=loader), file).compose_document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context or "not YAML"
        raise _not_yaml(text, file, mark.line if mark else 0, mark.column if mark else 0, reason) from error
    except yaml.YAMLError as error:
        position = getattr(error, "position", None) or 0
        raise _not_yaml(text, file, text.count("\n", 0, position), 0, str(error).split("\n")[0]) from error
    except UnicodeEncodeError as error:
        raise _not_yaml(text, file, text.count("\n", 0, error.start), 0, "a character that no text can have") from error


def _not_yaml(text: str, file: str, line: int, column: int, reason: str) -> WclError:
    lines = text.split("\n")
    shown = lines[line] if line < len(lines) else ""
    return WclError(
        Problem(SourcePosition(file, min(line, len(lines) - 1) + 1), f"not YAML: {reason}", shown, column, 1)
    )


class _Composer:
    """A builder of nodes from events; it refuses tags, further documents and deep nesting."""

    def __init__(self, events: Iterator[Any], file: str) -> None:
        self.events = events
        self.file = file
        self.anchors: dict[str, Node] = {}

    def compose_document(self) -> Node | None:
        """Return the root of the one document; None if there is none."""
        root: Node | None = None
        for event in self.events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                if root is not None:
                    raise self.error_at_event(event, "a second document begins")
            elif kind not in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"):
                root = self.compose_node(event, 0)
        return root

    def compose_node(self, event: Any, depth: int) -> Node:
        """Return the node that begins with an event; for an alias, the node of its anchor."""
        kind = type(event).__name__
        if depth > DEEPEST:
            raise self.error_at_event(event, f"more than {DEEPEST} levels")
        if kind == "AliasEvent":
            if event.anchor not in self.anchors:
                raise self.error_at_event(event, f"there is no anchor &{event.anchor} before this alias")
            return self.anchors[event.anchor]
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            raise self.error_at_event(event, f"tags such as {event.tag} are not allowed")
        line = event.start_mark.line
        node: Node
        if kind == "ScalarEvent":
            node = Scalar(line, event.value, {"|": "|", ">": "|"}.get(event.style, event.style or ""))
        elif kind == "SequenceStartEvent":
            node = Items(line, list(self.child_nodes("SequenceEndEvent", depth)))
        else:
            parts = list(self.child_nodes("MappingEndEvent", depth))
            node = Pairs(line, list(zip(parts[::2], parts[1::2], strict=True)))
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def child_nodes(self, end: str, depth: int) -> Iterator[Node]:
        """Iterate over the nodes up to the event that ends their collection."""
        for event in self.events:
            if type(event).__name__ == end:
                return
            yield self.compose_node(event, depth + 1)

    def error_at_event(self, event: Any, message: str) -> WclError:
        """Return an error at the line of an event."""
        return WclError(Problem(SourcePosition(self.file, event.start_mark.line + 1), message))
