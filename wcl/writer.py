"""From a tree to text that reads back as the same tree."""

import re
from collections.abc import Iterator

from wcl.errors import fail
from wcl.parser import add_wcl
from wcl.quoting import Quoted, written
from wcl.section import Section
from wcl.tree import Tree

INDENT = "    "
_PLAIN_NAME = re.compile(r'[^\s<>#"/=][^\s#"<>]*')


def write(section: Section) -> str:
    """The tree as WCL; a value is quoted where it was, or where plain text would read differently."""
    return "".join(f"{line}\n" for line in lines(section))


def lines(section: Section, indent: str = "") -> Iterator[str]:
    for key, value in section.items():
        if not _PLAIN_NAME.fullmatch(key):
            _check_name(section, key)
        if isinstance(value, Section):
            yield f"{indent}<{key}>"
            yield from lines(value, indent + INDENT)
            yield f"{indent}</{key}>"
        else:
            yield f"{indent}{key} = {written(value)}"


def _check_name(section: Section, key: str) -> None:
    """An unusual name must read back as it is."""
    inside = isinstance(section[key], Section)
    tree = Tree()
    add_wcl(tree, f"<{key}>\n</{key}>" if inside else f'<cmdline>\n{key} = x\n{key} = "x"\n</cmdline>', "")
    read = tree.root if inside else tree.root.section("cmdline")
    if tree.problems or read != {key: {} if inside else "x"} or not (inside or isinstance(read[key], Quoted)):
        raise fail(section.place(key), f"'{key}' cannot be written as a {'section' if inside else 'key'}'s name")
