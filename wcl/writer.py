"""Writer of WCL text, which reads back as the same tree."""

import re
from collections.abc import Iterator

from wcl.errors import error_at
from wcl.parser import add_wcl
from wcl.quoting import Quoted, quote_if_needed
from wcl.section import Section
from wcl.tree import Tree

INDENT = "    "
_PLAIN_NAME = re.compile(r'[^\s<>#"/=][^\s#"<>]*')


def write(section: Section) -> str:
    """Return a tree as WCL; a value is in quotes if it was, or if it would read differently without."""
    return "".join(f"{line}\n" for line in lines(section))


def lines(section: Section, indent: str = "") -> Iterator[str]:
    """Write the lines of a section and of those inside it."""
    for key, value in section.items():
        if not _PLAIN_NAME.fullmatch(key):
            _check_name(section, key)
        if isinstance(value, Section):
            yield f"{indent}<{key}>"
            yield from lines(value, indent + INDENT)
            yield f"{indent}</{key}>"
        else:
            yield f"{indent}{key} = {quote_if_needed(value)}"


def _check_name(section: Section, key: str) -> None:
    """Raise a WclError unless an unusual name reads back as it is."""
    inside = isinstance(section[key], Section)
    tree = Tree()
    add_wcl(tree, f"<{key}>\n</{key}>" if inside else f'<cmdline>\n{key} = x\n{key} = "x"\n</cmdline>', "")
    read = tree.root if inside else tree.root.section("cmdline")
    if tree.problems or read != {key: {} if inside else "x"} or not (inside or isinstance(read[key], Quoted)):
        raise error_at(section.position(key), f"'{key}' cannot be written as a {'section' if inside else 'key'}'s name")
