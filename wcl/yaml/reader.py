"""Reader of YAML text into a tree: plain text is as in WCL, quoted text is quoted, a sequence is a list."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from wcl.errors import Problem, SourcePosition, WclError
from wcl.quoting import Quoted
from wcl.section import Section, to_text
from wcl.tree import Tree
from wcl.yaml.events import MOST_NODES, Items, Node, Pairs, Scalar, compose

#: End of a line in YAML.
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
#: Key of an include, whose value is a file or a sequence of files.
INCLUDE = "<<include"


def add_yaml(tree: Tree, text: str, file: str, lines: Sequence[SourcePosition] | None = None) -> None:
    """Read a YAML text into a tree, and add its problems to the tree's.

    `lines` are the positions of its lines in the templates that wrote them, for a text rendered from templates.
    """
    source = _LINE_END.split(text)
    start = tree.add_file(file, len(source), lines)
    try:
        node = compose(text, file)
    except WclError as error:
        for problem in error.problems:
            tree.problems.append(replace(problem, position=tree.sources.position(start + problem.position.line - 1)))
        return
    filler = _Filler(tree, source, start)
    if isinstance(node, Pairs):
        filler.fill(tree.root, node)
    elif node is not None and not (isinstance(node, Scalar) and not node.text):
        filler.add_problem(node, "there must be keys with values here", "key: value")


class _Filler:
    """A reader of nodes into the sections of a tree."""

    def __init__(self, tree: Tree, lines: list[str], start: int) -> None:
        self.tree = tree
        self.lines = lines
        self.start = start
        self.count = 0
        self.full = False

    def fill(self, section: Section, node: Pairs) -> None:
        """Put the pairs of a mapping into a section."""
        for key, value in self.pairs(node):
            self.count += 1
            if self.count > MOST_NODES:
                self.report_too_many(node)
                return
            if not isinstance(key, Scalar) or not key.text or key.text.split() != [key.text]:
                self.add_problem(key, "a key must be one word")
            elif key.text == INCLUDE:
                self.include(value)
            elif isinstance(value, Pairs):
                self.fill_section(section, key, value)
            else:
                self.put_value(section, key, value)

    def report_too_many(self, node: Node) -> None:
        """Add the problem of too many values, once; the rest is left out."""
        if not self.full:
            self.add_problem(node, f"more than {MOST_NODES:,} values; are there aliases inside aliases?")
        self.full = True

    def pairs(self, node: Pairs) -> Iterator[tuple[Node, Node]]:
        """Iterate over the pairs of a mapping, after those that `<<: *other` merges in, so that its own win."""
        self.count += 1
        for other in (item for key, value in node.pairs if _is_merge(key) for item in _items(value)):
            if isinstance(other, Pairs) and self.count <= MOST_NODES:
                yield from self.pairs(other)
            elif not isinstance(other, Pairs):
                self.add_problem(other, "the value of << must be a mapping")
        yield from (pair for pair in node.pairs if not _is_merge(pair[0]))

    def fill_section(self, section: Section, key: Scalar, value: Pairs) -> None:
        """Put a mapping into the section of its key."""
        name = key.text.lower()
        if isinstance(section.get(name), str):
            self.add_problem(key, f"'{name}' is a section here and a key before")
        self.fill(self.tree.open_section(section, name, self.start + key.line), value)

    def put_value(self, section: Section, key: Scalar, node: Node) -> None:
        """Put a scalar or a sequence into a section."""
        name = section.fold_key(key.text)
        if isinstance(node, Scalar):
            if not node.text and not node.style:
                self.add_problem(key, f"'{name}' has no value", 'write "" for an empty one')
                return
            section.put(name, scalar_value(node), self.start + node.line)
        elif isinstance(node, Items):
            texts = [scalar_value(item) for item in node.items if isinstance(item, Scalar)]
            if len(texts) < len(node.items):
                self.add_problem(node, f"the list '{name}' may hold plain values only")
                return
            self.count += len(texts)
            section.put(name, list_text(texts), self.start + node.line)

    def include(self, value: Node) -> None:
        """Read the files that an include names into the tree."""
        for item in _items(value):
            if isinstance(item, Scalar):
                self.tree.include(item.text, self.position(item))
            else:
                self.add_problem(item, "an include must name a file")

    def position(self, node: Node) -> SourcePosition:
        """Return the position of a node."""
        return self.tree.sources.position(self.start + node.line)

    def add_problem(self, node: Node, message: str, hint: str = "") -> None:
        """Add a problem, with carets under the node's line."""
        line = self.lines[node.line] if node.line < len(self.lines) else ""
        column = len(line) - len(line.lstrip())
        self.tree.problems.append(Problem(self.position(node), message, line, column, len(line.strip()), hint))


def _items(node: Node) -> list[Node]:
    return node.items if isinstance(node, Items) else [node]


def _is_merge(key: Node) -> bool:
    return isinstance(key, Scalar) and key.text == "<<" and not key.style


def scalar_value(node: Scalar) -> str:
    """Return the value of a scalar; a block of lines is one unquoted text."""
    if node.style in ("'", '"'):
        return Quoted(node.text)
    if node.style == "|":
        return " ".join(line.strip() for line in node.text.strip().split("\n"))
    return node.text.strip()


def list_text(texts: list[str]) -> str:
    """Return a sequence as the text of a list; a single element has a comma behind it, which makes it a list."""
    return to_text(texts) + ("," if len(texts) == 1 else "")
