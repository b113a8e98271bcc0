"""From a tree to text that reads back as the same tree."""

from collections.abc import Iterator

from wcl.quoting import written
from wcl.section import Section

INDENT = "    "


def write(section: Section) -> str:
    """The tree as WCL; a value is quoted where it was, or where plain text would read differently."""
    return "".join(f"{line}\n" for line in lines(section))


def lines(section: Section, indent: str = "") -> Iterator[str]:
    for key, value in section.items():
        if isinstance(value, Section):
            yield f"{indent}<{key}>"
            yield from lines(value, indent + INDENT)
            yield f"{indent}</{key}>"
        else:
            yield f"{indent}{key} = {written(value)}"
