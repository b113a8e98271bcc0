"""From files to a tree: includes, functions, templates and overrides."""

import os
from collections.abc import Mapping
from pathlib import Path

from wcl.errors import Place, Problem, WclError, fail, raise_errors
from wcl.expansion import expand
from wcl.functions import registered_functions
from wcl.parser import add_wcl
from wcl.quoting import QUOTED, unquote
from wcl.rendering import has_marks, render
from wcl.scope import Scope
from wcl.section import Section
from wcl.source_lines import source_line
from wcl.spelling import did_you_mean
from wcl.tree import Tree
from wcl.yaml_reader import add_yaml

#: Where the values of `--set` say they come from.
SET = Place("--set", 0)
#: Files that include files.
DEEPEST = 50
YAML_SUFFIXES = frozenset({".yaml", ".yml"})
_NONE: Mapping[str, str] = {}


def parse(text: str, name: str = "<text>") -> Section:
    """A text's tree; includes are looked for from the current directory."""
    tree = Reading({}, {}).tree
    add_wcl(tree, text, name)
    raise_errors(tree.problems)
    return tree.root


def read(path: str | Path, *, overrides: Mapping[str, str] = _NONE, variables: Mapping[str, object] = _NONE) -> Section:
    """A file's tree, with all that it includes; every problem of every file is in the one error."""
    section, problems = read_with_problems(path, overrides=overrides, variables=variables)
    raise_errors(problems)
    return section


def read_with_problems(
    path: str | Path, *, overrides: Mapping[str, str] = _NONE, variables: Mapping[str, object] = _NONE
) -> tuple[Section, list[Problem]]:
    """What could be read of a file, beside what is wrong with it."""
    reading = Reading(overrides, variables)
    reading.file(Path(path))
    section = reading.tree.root
    for key, value in overrides.items():
        try:
            section = set_over(section, key, value)
        except WclError as error:
            reading.tree.problems += error.problems
    return section, reading.tree.problems


def set_over(section: Section, key: str, value: str) -> Section:
    """The tree with the value of one `--set key=value`; a section cannot be thrown away so."""
    if not all(part and part.split() == [part] for part in key.split(".")):
        raise fail(SET, f"'{key}' is no key", "write section.section.key=value")
    outer, _, name = key.rpartition(".")
    holder = section
    for part in outer.split(".") if outer else ():
        holder = holder.section(part.lower())
    if isinstance(holder.get(name.lower()), Section):
        raise fail(SET, f"'{key}' is a section, and a plain value cannot take its place")
    return section.with_path(key, set_value(value), SET)


def set_value(text: str) -> str:
    """A value as it is typed after `--set key=`: text in double quotes is one value."""
    match = QUOTED.fullmatch(text.strip())
    try:
        return unquote(match[1]) if match else text
    except ValueError:
        return text


class Reading:
    """One reading of a file and its includes into a tree."""

    def __init__(self, overrides: Mapping[str, str], variables: Mapping[str, object]) -> None:
        self.overrides = {key.lower(): value for key, value in overrides.items()}
        self.variables = variables
        self.tree = Tree()
        self.tree.include = self.include
        self.tree.call = self.call
        #: Files being read, outermost first.
        self.inside: list[Path] = []

    def file(self, path: Path, asked: Place | None = None) -> None:
        """Read a file into the tree; `asked` is the line that includes it."""
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            self.problem(asked or Place(str(path), 0), f"cannot read {path}: {error.strerror}")
            return
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self.problem(Place(str(path), line), f"byte {error.object[error.start]:#04x} is not UTF-8")
            return
        self.inside.append(path)
        try:
            self.text(text, path)
        except WclError as error:
            self.tree.problems += error.problems
        self.inside.pop()

    def text(self, text: str, path: Path) -> None:
        lines = None
        if has_marks(text):
            rendered = render(path, self.variables)
            text, lines = rendered.text, rendered.lines
        if path.suffix in YAML_SUFFIXES:
            add_yaml(self.tree, text, str(path), lines)
        else:
            add_wcl(self.tree, text, str(path), lines)

    def include(self, target: str, place: Place) -> None:
        try:
            name = os.path.expandvars(os.path.expanduser(expand(target, self.scope(), place)))
        except WclError as error:
            self.tree.problems += error.problems
            return
        path = self.found(name)
        circle = [file.resolve() for file in self.inside]
        if path is None:
            hint = f"looked in {self.folder().resolve()} and {Path.cwd()}"
            if "$" in name:
                hint = "a variable of the environment in it is not set"
            self.problem(place, f"there is no file {name} to include", target, hint)
        elif path.resolve() in circle:
            steps = [*circle[circle.index(path.resolve()) :], path.resolve()]
            self.problem(place, f"{name} includes itself", target, " -> ".join(step.name for step in steps))
        elif len(circle) >= DEEPEST:
            self.problem(place, f"more than {DEEPEST} files include each other", target)
        else:
            self.file(path, place)

    def folder(self) -> Path:
        return self.inside[-1].parent if self.inside else Path()

    def found(self, name: str) -> Path | None:
        """Relative to the including file, or else to the current directory."""
        return next((path for path in (self.folder() / name, Path(name)) if os.path.isfile(path)), None)

    def call(self, name: str, arguments: list[str], place: Place) -> None:
        """`<<inclfunc name(key, ...)>>`: the mapping that the function gives is merged at the top."""
        function = registered_functions().get(name.lower())
        if function is None:
            hint = did_you_mean(name, registered_functions()) or "a site registers its functions; none is imported"
            self.problem(place, f"unknown function '{name}'", name, hint)
            return
        try:
            values = {key: expand(f"${{{key}}}", self.scope(), place) for key in arguments}
            made = Section.of(function(values), place)
        except WclError as error:
            self.tree.problems += error.problems
        except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
            self.problem(place, f"function '{name}' failed: {error}", name)
        else:
            self.tree.absorb(made)

    def scope(self) -> Scope:
        return Scope(self.overrides, root=self.tree.root)

    def problem(self, place: Place, message: str, text: str = "", hint: str = "") -> None:
        line, offset = source_line(place, text)
        self.tree.problems.append(Problem(place, message, line, offset, len(text), hint))
