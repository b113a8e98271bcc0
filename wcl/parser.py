"""Parser of WCL text: reads the lines of a file into a tree of sections."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wcl.errors import Problem, Severity, SourcePosition
from wcl.quoting import unquote
from wcl.section import KEEPS_CASE, Section
from wcl.tree import Tree

_QUOTED_PAIR = re.compile(r'(<[^\s#<>/="][^\s#<>="]*>|[^\s#=<][^\s#]*)(?:\s*=\s*|\s+)"((?:[^"\\]|\\.)*+)"\s*(?:#.*)?')
_PAIR = re.compile(r"([^\s=]\S*)\s*=\s*(.+)")
_BLANK_PAIR = re.compile(r"([^\s=]\S*)\s+(?!=$)(.+)")
_OPEN = re.compile(r"<([^\s</>][^\s<>]*)(?:\s+([^\s</>][^\s<>]*))?>")
_CLOSE = re.compile(r"</\s*([^\s<>]+)\s*>")
#: A key that looks like a section's mark with text after it; DESDM files may have it.
_MARKED_PAIR = re.compile(r'(<[^\s<>/="][^\s<>="]*>)(?:\s*=\s*(.+)|\s+(?!=$)(.+))')
_INCLUDE = re.compile(r"<<\s*include\s+(\S+?)\s*>>")
_FUNCTION = re.compile(r"<<\s*inclfunc\s+([^\s(]+)\s*\(([^)]*)\)\s*>>")

#: Depth of sections inside each other; a file with more of them lacks closing marks.
DEEPEST = 100
#: Open sections that a message names.
SHOWN_OPEN = 8
#: Problems reported for one file; a file with more is probably not WCL.
MOST_PROBLEMS = 200


class Opened(NamedTuple):
    """A section that is open: its closing mark has not been read yet."""

    name: str
    section: Section
    #: Section to return to at the closing mark.
    outside: Section
    #: Line that opened it, as a line number of the tree's sources.
    number: int


def add_wcl(tree: Tree, text: str, file: str, lines: Sequence[SourcePosition] | None = None) -> None:
    """Read a WCL text into a tree, and add its problems to the tree's.

    `lines` are the positions of its lines in the templates that wrote them, for a text rendered from templates.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    FileParser(tree, text.split("\n"), file, lines).run()


class FileParser:
    """A reader of the lines of one file, which must close the sections that it opens.

    A `number` is a line number of the tree's sources.
    """

    def __init__(self, tree: Tree, lines: list[str], file: str, positions: Sequence[SourcePosition] | None) -> None:
        self.tree = tree
        self.lines = lines
        self.start = tree.add_file(file, len(lines), positions)
        self.section = tree.root
        self.open: list[Opened] = []
        self.stopped = False
        self.problems = 0

    def run(self) -> None:
        """Read all lines: plain pairs here, which is what makes parsing quick, and others in `read_line`."""
        section = self.section
        values, positions, is_folded = section.values_, section.positions, True
        numbered = enumerate(self.lines, self.start)
        for number, line in numbered:
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
                    line = self.join_continued(line, number, numbered)
                self.read_line(line, number)
                if self.stopped:
                    return
                section = self.section
                values, positions, is_folded = section.values_, section.positions, section.name not in KEEPS_CASE
                continue
            if is_folded:
                key = key.lower()
            if key in values:
                section.put(key, value, number)
            else:
                values[key] = value
                positions[key] = number
        for opened in self.open:
            self.report_unclosed(opened)

    def join_continued(self, line: str, number: int, numbered: Iterator[tuple[int, str]]) -> str:
        """Join a line that ends in a backslash with the lines that continue it, with one blank between them."""
        if line[0] == "#":
            hint = "the next line is part of this comment; remove the backslash if this is not intended"
            self.add_problem(number, "this comment continues on the next line", line, len(line) - 1, 1, hint, "warning")
        pieces = [line[:-1].rstrip()]
        for _, following in numbered:
            piece = following.strip()
            if not piece.endswith("\\"):
                pieces.append(piece)
                break
            pieces.append(piece[:-1].rstrip())
        return " ".join(pieces).strip()

    def read_line(self, line: str, number: int) -> None:
        """Read a line of any kind, already joined with those that continue it."""
        quoted = _QUOTED_PAIR.fullmatch(line) if '"' in line else None
        if quoted:
            self.put_quoted(quoted[1], quoted[2], number, line)
            return
        line = line.partition("#")[0].rstrip()
        if not line:
            return
        if line[0] == "<":
            self.read_mark(line, number)
            return
        pair = _PAIR.fullmatch(line) or _BLANK_PAIR.fullmatch(line)
        if pair is None:
            self.report_unreadable(line, number)
        elif pair[2][0] == '"' and pair[2].count('"') == 1:
            column = line.index('"')
            self.add_problem(number, "this quote is not closed", line, column, len(line) - column, 'add the closing "')
        else:
            self.section.put(self.section.fold_key(pair[1]), pair[2], number)

    def put_quoted(self, key: str, inside: str, number: int, line: str) -> None:
        """Set a key to a quoted value, given as the text between the quotes."""
        try:
            self.section.put(self.section.fold_key(key), unquote(inside), number)
        except ValueError as error:
            escape = str(error)
            hint = r"known are \\ \" \n \r \t \uXXXX; write a backslash as \\"
            self.add_problem(number, f"unknown escape {escape}", line, line.index(escape), len(escape), hint)

    def read_mark(self, line: str, number: int) -> None:
        """Read a line that begins with `<`: a section's mark, an include, a function, or else a pair."""
        close, opening = _CLOSE.fullmatch(line), _OPEN.fullmatch(line)
        include, function = _INCLUDE.match(line), _FUNCTION.match(line)
        position = self.tree.sources.position(number)
        if include:
            self.tree.include(include[1], position)
        elif function:
            self.tree.call(function[1], [name.strip() for name in function[2].split(",")], position)
        elif close:
            self.close(close[1].lower(), number, line)
        elif opening and line[1] != "<":
            self.open_section(opening[1].lower(), (opening[2] or "").lower(), number, line)
        elif marked := _MARKED_PAIR.fullmatch(line):
            self.section.put(self.section.fold_key(marked[1]), marked[2] or marked[3], number)
        else:
            hint = "sections are <name>, <name label> and </name>; files come in with <<include FILE>>"
            self.add_problem(number, "this line is neither a section nor an include", line, 0, len(line), hint)

    def open_section(self, name: str, label: str, number: int, line: str) -> None:
        """Read an opening mark; with a label, open the section of that name inside the first."""
        outside = self.section
        if len(self.open) >= DEEPEST:
            self.add_problem(
                number, f"more than {DEEPEST} sections inside each other", line, 0, len(line), self.describe_open()
            )
            self.stopped = True
            return
        for part in (name, label) if label else (name,):
            if isinstance(self.section.get(part), str):
                first = self.section.position(part)
                hint = f"'{part}' is a plain value since {first}; rename one of the two"
                self.add_problem(number, f"'{part}' is a section here and a key before", line, 1, len(line) - 2, hint)
            self.section = self.tree.open_section(self.section, part, number)
        self.open.append(Opened(name, self.section, outside, number))

    def close(self, name: str, number: int, line: str) -> None:
        """Read a closing mark; one that is out of order is a problem, and closes the sections in between too."""
        if self.open and self.open[-1].name == name:
            self.section = self.open.pop().outside
            return
        column = line.lower().find(name, 2)
        if not any(opened.name == name for opened in self.open):
            message = f"</{name}> closes a section that is not open"
            self.add_problem(number, message, line, column, len(name), self.describe_open())
            return
        message = f"</{name}> stands where </{self.open[-1].name}> is expected"
        self.add_problem(number, message, line, column, len(name), self.describe_open())
        while self.open[-1].name != name:
            self.open.pop()
        self.section = self.open.pop().outside

    def describe_open(self) -> str:
        """Return the open sections with their lines, for a message."""
        marks = [f"<{o.name}> (line {self.tree.sources.position(o.number).line})" for o in self.open[-SHOWN_OPEN:]]
        return f"open here: {', '.join(marks)}" if marks else "no section is open here"

    def report_unclosed(self, opened: Opened) -> None:
        """Add the problem that a section is still open at the end of the file."""
        line = self.lines[opened.number - self.start].strip()
        message = f"section <{opened.name}> is never closed"
        hint = f"add </{opened.name}>"
        again = next((o for o in self.open if o.outside is opened.section and o.name == opened.name), None)
        if again:
            position = self.tree.sources.position(again.number)
            hint = f"<{again.name}> on line {position.line} opens it again inside itself: is </{again.name}> meant?"
        self.add_problem(opened.number, message, line, 0, len(line), hint)

    def report_unreadable(self, line: str, number: int) -> None:
        """Add the problem that a line cannot be read; DESDM's reader printed a warning and passed over it."""
        word = line.rstrip("= \t")
        hint = 'write "key = value"'
        if line.endswith("=") and word:
            hint = f'a value is missing; write {word} = "" for an empty one'
        self.add_problem(number, "this line cannot be read", line, 0, len(line), hint)

    def add_problem(
        self,
        number: int,
        message: str,
        line: str,
        column: int,
        width: int,
        hint: str = "",
        severity: Severity = "error",
    ) -> None:
        """Add a problem, with its caret in the line as it stands in the file; `column` counts in `line`."""
        self.problems += 1
        if self.problems > MOST_PROBLEMS:
            return
        if self.problems == MOST_PROBLEMS:
            message, hint = f"{MOST_PROBLEMS} problems are enough; the rest is left out", ""
        raw = self.lines[number - self.start]
        offset = raw.find(line)
        text = raw if offset >= 0 else line
        position = self.tree.sources.position(number)
        self.tree.problems.append(Problem(position, message, text, column + max(offset, 0), width, hint, severity))
