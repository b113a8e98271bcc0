"""The same tree from YAML: plain text is as in WCL, quoted text is quoted, a sequence is a list."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from wcl.errors import Place, Problem, WclError, raise_errors
from wcl.quoting import Quoted
from wcl.section import Section, text_of
from wcl.tree import Tree
from wcl.yaml_events import MOST_NODES, Items, Node, Pairs, Scalar, compose

#: What ends a line for YAML.
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
#: `<<include: file` or a sequence of files.
INCLUDE = "<<include"


def add_yaml(tree: Tree, text: str, file: str, lines: Sequence[Place] | None = None) -> None:
    """Read a YAML text into a tree, its problems too; `lines` are the places of its lines where a template wrote it."""
    shown = _LINE_END.split(text)
    start = tree.begin(file, len(shown), lines)
    try:
        node = compose(text, file)
    except WclError as error:
        for problem in error.problems:
            tree.problems.append(replace(problem, place=tree.sources.place(start + problem.place.line - 1)))
        return
    filler = _Filler(tree, shown, start)
    if isinstance(node, Pairs):
        filler.fill(tree.root, node)
    elif node is not None and not (isinstance(node, Scalar) and not node.text):
        filler.problem(node, "keys with values are wanted here", "key: value")


def read_yaml(text: str, name: str = "<text>") -> Section:
    """The tree of a YAML text."""
    tree = Tree()
    add_yaml(tree, text, name)
    raise_errors(tree.problems)
    return tree.root


class _Filler:
    """Puts nodes into sections."""

    def __init__(self, tree: Tree, lines: list[str], start: int) -> None:
        self.tree = tree
        self.lines = lines
        self.start = start
        self.count = 0
        self.full = False

    def fill(self, section: Section, node: Pairs) -> None:
        for key, value in self.pairs(node):
            self.count += 1
            if self.count > MOST_NODES:
                self.too_many(node)
                return
            if not isinstance(key, Scalar) or not key.text or key.text.split() != [key.text]:
                self.problem(key, "a key is one word")
            elif key.text == INCLUDE:
                self.include(value)
            elif isinstance(value, Pairs):
                self.fill_inside(section, key, value)
            else:
                self.put(section, key, value)

    def too_many(self, node: Node) -> None:
        """Said once; what comes after is left out."""
        if not self.full:
            self.problem(node, f"more than {MOST_NODES:,} values; are there aliases inside aliases?")
        self.full = True

    def pairs(self, node: Pairs) -> Iterator[tuple[Node, Node]]:
        """The pairs, with those that `<<: *other` brings in first, so that own ones win."""
        self.count += 1
        for other in (item for key, value in node.pairs if _is_merge(key) for item in _items(value)):
            if isinstance(other, Pairs) and self.count <= MOST_NODES:
                yield from self.pairs(other)
            elif not isinstance(other, Pairs):
                self.problem(other, "<< wants a mapping")
        yield from (pair for pair in node.pairs if not _is_merge(pair[0]))

    def fill_inside(self, section: Section, key: Scalar, value: Pairs) -> None:
        name = key.text.lower()
        if isinstance(section.get(name), str):
            self.problem(key, f"'{name}' is a section here and a key before")
        self.fill(self.tree.inside(section, name, self.start + key.line), value)

    def put(self, section: Section, key: Scalar, node: Node) -> None:
        name = section.fold(key.text)
        if isinstance(node, Scalar):
            if not node.text and not node.style:
                self.problem(key, f"'{name}' has no value", 'write "" for an empty one')
                return
            section.put(name, scalar(node), self.start + node.line)
        elif isinstance(node, Items):
            texts = [scalar(item) for item in node.items if isinstance(item, Scalar)]
            if len(texts) < len(node.items):
                self.problem(node, f"a list holds plain values only, and '{name}' holds more")
                return
            self.count += len(texts)
            section.put(name, listed(texts), self.start + node.line)

    def include(self, value: Node) -> None:
        for item in _items(value):
            if isinstance(item, Scalar):
                self.tree.include(item.text, self.place(item))
            else:
                self.problem(item, "an include names a file")

    def place(self, node: Node) -> Place:
        return self.tree.sources.place(self.start + node.line)

    def problem(self, node: Node, message: str, hint: str = "") -> None:
        line = self.lines[node.line] if node.line < len(self.lines) else ""
        column = len(line) - len(line.lstrip())
        self.tree.problems.append(Problem(self.place(node), message, line, column, len(line.strip()), hint))


def _items(node: Node) -> list[Node]:
    return node.items if isinstance(node, Items) else [node]


def _is_merge(key: Node) -> bool:
    return isinstance(key, Scalar) and key.text == "<<" and not key.style


def scalar(node: Scalar) -> str:
    """The value that a scalar stands for; a block of lines is one unquoted text."""
    if node.style in ("'", '"'):
        return Quoted(node.text)
    if node.style == "|":
        return " ".join(line.strip() for line in node.text.strip().split("\n"))
    return node.text.strip()


def listed(texts: list[str]) -> str:
    """A sequence as the text of a list; the comma at the end of a single one says that it is a list."""
    return text_of(texts) + ("," if len(texts) == 1 else "")
