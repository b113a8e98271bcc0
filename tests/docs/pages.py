"""Pages of the documentation as scripts: files to write, commands to type, and the answers that are shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"(?P<mark>```+)(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=mark)\s*$", re.M | re.S)
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>[^\n]+) -->\s*\Z")
CAPTION = re.compile(r"\A:caption: (?P<name>\S+)\n(?::\w+:[^\n]*\n)*\n?")


@dataclass(frozen=True)
class Command:
    """A command line, and what is shown of its answer; ``…`` stands for some text, alone for some lines."""

    line: int
    words: str
    shown: tuple[str, ...]

    def differs(self, answer: str) -> str:
        """Return where an answer differs from what is shown; empty where it does not."""
        lines = [line.rstrip() for line in answer.splitlines()]
        pattern = "".join(_pattern(line) for line in self.shown)
        if not self.shown or re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)):
            return ""
        return "shown:\n" + "\n".join(self.shown) + "\nanswered:\n" + "\n".join(lines)


@dataclass(frozen=True)
class File:
    """A file that the page has the reader write."""

    line: int
    name: str
    text: str


@dataclass(frozen=True)
class Page:
    """What a page has its reader do, in order, and the blocks of commands that are not run, with the reasons."""

    steps: list[Command | File] = field(default_factory=list)
    not_run: dict[int, str] = field(default_factory=dict)


def read_page(path: Path) -> Page:
    """Read a page: ``console`` blocks with commands after ``$ ``, and code blocks with a file's name as caption."""
    page, text = Page(), path.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        caption = CAPTION.match(block["body"])
        reason = NOT_RUN.search(text[: block.start()])
        if block["info"].strip() == "console" and reason:
            page.not_run[line] = reason["reason"]
        elif block["info"].strip() == "console":
            page.steps.extend(_commands(block["body"], line + 1))
        elif caption:
            page.steps.append(File(line, caption["name"], block["body"][caption.end() :]))
    return page


def _commands(body: str, first: int) -> list[Command]:
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(body.splitlines(), start=first):
        if line.startswith("$ "):
            found.append((number, line[2:], []))
        elif found and found[-1][1].endswith("\\"):
            found[-1] = (found[-1][0], found[-1][1][:-1] + line.strip(), found[-1][2])
        else:
            found[-1][2].append(line)
    return [Command(number, words, tuple(shown)) for number, words, shown in found]


def _pattern(line: str) -> str:
    if line == "…":
        return "(?:.*\n)*?"
    return r"[^\n]*".join(re.escape(part) for part in line.rstrip().split("…")) + "\n"
