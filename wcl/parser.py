"""From text to a tree, line by line."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wcl.errors import Place, Problem, Severity
from wcl.quoting import unquote
from wcl.section import KEEPS_CASE, Section
from wcl.tree import Tree

_QUOTED_PAIR = re.compile(r'(<[^\s#<>/="][^\s#<>="]*>|[^\s#=<][^\s#]*)(?:\s*=\s*|\s+)"((?:[^"\\]|\\.)*+)"\s*(?:#.*)?')
_PAIR = re.compile(r"([^\s=]\S*)\s*=\s*(.+)")
_BLANK_PAIR = re.compile(r"([^\s=]\S*)\s+(?!=$)(.+)")
_OPEN = re.compile(r"<([^\s</>][^\s<>]*)(?:\s+([^\s</>][^\s<>]*))?>")
_CLOSE = re.compile(r"</\s*([^\s<>]+)\s*>")
#: A key that looks like a section with text after it; old files may have it.
_MARKED_PAIR = re.compile(r'(<[^\s<>/="][^\s<>="]*>)(?:\s*=\s*(.+)|\s+(?!=$)(.+))')
_INCLUDE = re.compile(r"<<\s*include\s+(\S+?)\s*>>")
_FUNCTION = re.compile(r"<<\s*inclfunc\s+([^\s(]+)\s*\(([^)]*)\)\s*>>")

#: Sections inside each other; a file with more has lost its closings.
DEEPEST = 100
#: How many open sections a message names.
SHOWN_OPEN = 8
#: A file with more problems is not the kind of file that was meant.
MOST_PROBLEMS = 200


class Opened(NamedTuple):
    """A section that waits for its closing."""

    name: str
    section: Section
    #: The section to go back to.
    outside: Section
    position: int


def add_wcl(tree: Tree, text: str, file: str, lines: Sequence[Place] | None = None) -> None:
    """Read a text into a tree, its problems too; `lines` are the places of its lines where a template wrote it."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    FileParser(tree, text.split("\n"), file, lines).run()


class FileParser:
    """Reads the lines of one file; each file closes what it opens."""

    def __init__(self, tree: Tree, lines: list[str], file: str, places: Sequence[Place] | None) -> None:
        self.tree = tree
        self.lines = lines
        self.start = tree.begin(file, len(lines), places)
        self.section = tree.root
        self.open: list[Opened] = []
        self.stopped = False
        self.problems = 0

    def run(self) -> None:
        """Go through the lines: the plain pairs here, all else in `read_line`."""
        section = self.section
        values, positions, fold = section.values_, section.positions, True
        numbered = enumerate(self.lines, self.start)
        for position, line in numbered:
            line = line.strip()
            key, found, value = line.partition(" = ")
            if (
                not found
                or value[0] in ' \t"'
                or "#" in line
                or line[-1] == "\\"
                or key[0] in "<="
                or " " in key
                or not key.isprintable()  # other blanks are not printable
            ):
                if not line:
                    continue
                if line[-1] == "\\":
                    line = self.joined(line, position, numbered)
                self.read_line(line, position)
                if self.stopped:
                    return
                section = self.section
                values, positions, fold = section.values_, section.positions, section.name not in KEEPS_CASE
                continue
            if fold:
                key = key.lower()
            if key in values:
                section.put(key, value, position)
            else:
                values[key] = value
                positions[key] = position
        for opened in self.open:
            self.left_open(opened)

    def joined(self, line: str, position: int, numbered: Iterator[tuple[int, str]]) -> str:
        """A line that ends in a backslash together with those that continue it, one blank between them."""
        if line[0] == "#":
            hint = "the next line is part of this comment; take the backslash away if it is not meant"
            self.problem(position, "a comment goes on", line, len(line) - 1, 1, hint, "warning")
        pieces = [line[:-1].rstrip()]
        for _, following in numbered:
            piece = following.strip()
            if not piece.endswith("\\"):
                pieces.append(piece)
                break
            pieces.append(piece[:-1].rstrip())
        return " ".join(pieces).strip()

    def read_line(self, line: str, position: int) -> None:
        """Any line, already joined with those that continue it."""
        quoted = _QUOTED_PAIR.fullmatch(line) if '"' in line else None
        if quoted:
            self.set_quoted(quoted[1], quoted[2], position, line)
            return
        line = line.partition("#")[0].rstrip()
        if not line:
            return
        if line[0] == "<":
            self.read_mark(line, position)
            return
        pair = _PAIR.fullmatch(line) or _BLANK_PAIR.fullmatch(line)
        if pair is None:
            self.unread(line, position)
        elif pair[2][0] == '"' and pair[2].count('"') == 1:
            column = line.index('"')
            self.problem(position, "this quote is not closed", line, column, len(line) - column, 'add the closing "')
        else:
            self.section.put(self.section.fold(pair[1]), pair[2], position)

    def set_quoted(self, key: str, inside: str, position: int, line: str) -> None:
        try:
            self.section.put(self.section.fold(key), unquote(inside), position)
        except ValueError as error:
            escape = str(error)
            hint = r"known are \\ \" \n \r \t \uXXXX; a backslash itself is \\"
            self.problem(position, f"unknown escape {escape}", line, line.index(escape), len(escape), hint)

    def read_mark(self, line: str, position: int) -> None:
        """A line that begins with `<`: a section, an include, a function, or a pair after all."""
        close, opening = _CLOSE.fullmatch(line), _OPEN.fullmatch(line)
        include, function = _INCLUDE.match(line), _FUNCTION.match(line)
        place = self.tree.sources.place(position)
        if include:
            self.tree.include(include[1], place)
        elif function:
            self.tree.call(function[1], [name.strip() for name in function[2].split(",")], place)
        elif close:
            self.close(close[1].lower(), position, line)
        elif opening and line[1] != "<":
            self.open_section(opening[1].lower(), (opening[2] or "").lower(), position, line)
        elif marked := _MARKED_PAIR.fullmatch(line):
            self.section.put(self.section.fold(marked[1]), marked[2] or marked[3], position)
        else:
            hint = "sections are <name>, <name label> and </name>; files come in with <<include FILE>>"
            self.problem(position, "this line is neither a section nor an include", line, 0, len(line), hint)

    def open_section(self, name: str, label: str, position: int, line: str) -> None:
        outside = self.section
        if len(self.open) >= DEEPEST:
            self.problem(position, f"more than {DEEPEST} sections inside each other", line, 0, len(line), self.state())
            self.stopped = True
            return
        for part in (name, label) if label else (name,):
            if isinstance(self.section.get(part), str):
                first = self.section.place(part)
                hint = f"'{part}' is a plain value since {first}; one of the two wants another name"
                self.problem(position, f"'{part}' is a section here and a key before", line, 1, len(line) - 2, hint)
            self.section = self.tree.inside(self.section, part, position)
        self.open.append(Opened(name, self.section, outside, position))

    def close(self, name: str, position: int, line: str) -> None:
        if self.open and self.open[-1].name == name:
            self.section = self.open.pop().outside
            return
        column = line.lower().find(name, 2)
        if not any(opened.name == name for opened in self.open):
            message = f"</{name}> closes a section that is not open"
            self.problem(position, message, line, column, len(name), self.state())
            return
        message = f"</{name}> stands where </{self.open[-1].name}> is expected"
        self.problem(position, message, line, column, len(name), self.state())
        while self.open[-1].name != name:
            self.open.pop()
        self.section = self.open.pop().outside

    def state(self) -> str:
        """The open sections with their lines, for a message."""
        marks = [f"<{o.name}> (line {self.tree.sources.place(o.position).line})" for o in self.open[-SHOWN_OPEN:]]
        return f"open here: {', '.join(marks)}" if marks else "no section is open here"

    def left_open(self, opened: Opened) -> None:
        line = self.lines[opened.position - self.start].strip()
        message = f"section <{opened.name}> is never closed"
        hint = f"add </{opened.name}>"
        twin = next((o for o in self.open if o.outside is opened.section and o.name == opened.name), None)
        if twin:
            at = self.tree.sources.place(twin.position)
            hint = f"<{twin.name}> on line {at.line} opens it again inside itself: is </{twin.name}> meant?"
        self.problem(opened.position, message, line, 0, len(line), hint)

    def unread(self, line: str, position: int) -> None:
        """A line that the old reader passed over with a printed warning."""
        word = line.rstrip("= \t")
        hint = 'write "key = value"'
        if line.endswith("=") and word:
            hint = f'a value is missing; write {word} = "" for an empty one'
        self.problem(position, "this line cannot be read", line, 0, len(line), hint)

    def problem(
        self,
        position: int,
        message: str,
        line: str,
        column: int,
        width: int,
        hint: str = "",
        severity: Severity = "error",
    ) -> None:
        """Note what is wrong; the caret is moved to where the text stands in the file's own line."""
        self.problems += 1
        if self.problems > MOST_PROBLEMS:
            return
        if self.problems == MOST_PROBLEMS:
            message, hint = f"{MOST_PROBLEMS} problems are enough; the rest is left out", ""
        raw = self.lines[position - self.start]
        offset = raw.find(line)
        text = raw if offset >= 0 else line
        place = self.tree.sources.place(position)
        self.tree.problems.append(Problem(place, message, text, column + max(offset, 0), width, hint, severity))
