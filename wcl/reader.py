"""Reader of configuration files: includes, functions, templates and overrides make one tree."""

import os
from collections.abc import Mapping
from pathlib import Path

from wcl.errors import Problem, SourcePosition, WclError, error_at, raise_errors
from wcl.expansion import expand
from wcl.functions import registered_functions
from wcl.parser import add_wcl
from wcl.quoting import QUOTED, unquote
from wcl.rendering import is_template, render
from wcl.scope import Scope
from wcl.section import Section
from wcl.source_lines import source_line
from wcl.spelling import did_you_mean
from wcl.tree import Tree
from wcl.yaml.reader import add_yaml

#: Position of the values of `--set`.
SET_POSITION = SourcePosition("--set", 0)
#: Depth of files that include files.
DEEPEST = 50
YAML_SUFFIXES = frozenset({".yaml", ".yml"})
_NONE: Mapping[str, str] = {}


def parse(text: str, name: str = "<text>") -> Section:
    """Parse a text; includes are looked for in the current directory."""
    tree = TreeReader({}, {}).tree
    add_wcl(tree, text, name)
    raise_errors(tree.problems)
    return tree.root


def read(path: str | Path, *, overrides: Mapping[str, str] = _NONE, variables: Mapping[str, object] = _NONE) -> Section:
    """Read a file with its includes into one tree; the problems of all files are raised in one WclError."""
    section, problems = read_with_problems(path, overrides=overrides, variables=variables)
    raise_errors(problems)
    return section


def read_with_problems(
    path: str | Path, *, overrides: Mapping[str, str] = _NONE, variables: Mapping[str, object] = _NONE
) -> tuple[Section, list[Problem]]:
    """Read a file with its includes as far as possible, and return the tree with all problems."""
    reader = TreeReader(overrides, variables)
    reader.read_file(Path(path))
    section = reader.tree.root
    for key, value in overrides.items():
        try:
            section = apply_override(section, key, value)
        except WclError as error:
            reader.tree.problems += error.problems
    return section, reader.tree.problems


def apply_override(section: Section, key: str, value: str) -> Section:
    """Return the tree with the value of one `--set key=value`, which cannot replace a section."""
    if not all(part and part.split() == [part] for part in key.split(".")):
        raise error_at(SET_POSITION, f"'{key}' is not a key", "write section.section.key=value")
    outer, _, name = key.rpartition(".")
    holder = section
    for part in outer.split(".") if outer else ():
        holder = holder.section(part.lower())
    if isinstance(holder.get(name.lower()), Section):
        raise error_at(SET_POSITION, f"'{key}' is a section, and a plain value cannot replace it")
    return section.with_path(key, parse_override(value), SET_POSITION)


def parse_override(text: str) -> str:
    """Return the value that is typed after `--set key=`; text in double quotes is a quoted value."""
    match = QUOTED.fullmatch(text.strip())
    try:
        return unquote(match[1]) if match else text
    except ValueError:
        return text


class TreeReader:
    """A reader of a file and its includes into one tree."""

    def __init__(self, overrides: Mapping[str, str], variables: Mapping[str, object]) -> None:
        self.overrides = {key.lower(): value for key, value in overrides.items()}
        self.variables = variables
        self.tree = Tree()
        self.tree.include = self.include
        self.tree.call = self.call
        #: Files being read, outermost first.
        self.open_files: list[Path] = []

    def read_file(self, path: Path, included_at: SourcePosition | None = None) -> None:
        """Read a file into the tree; `included_at` is the line that includes it."""
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            self.add_problem(included_at or SourcePosition(str(path), 0), f"cannot read {path}: {error.strerror}")
            return
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self.add_problem(SourcePosition(str(path), line), f"byte {error.object[error.start]:#04x} is not UTF-8")
            return
        self.open_files.append(path)
        try:
            self.read_text(text, path)
        except WclError as error:
            self.tree.problems += error.problems
        self.open_files.pop()

    def read_text(self, text: str, path: Path) -> None:
        """Read a file's text into the tree, rendered first if it is a template."""
        lines = None
        if is_template(text):
            rendered = render(path, self.variables)
            text, lines = rendered.text, rendered.lines
        if path.suffix in YAML_SUFFIXES:
            add_yaml(self.tree, text, str(path), lines)
        else:
            add_wcl(self.tree, text, str(path), lines)

    def include(self, target: str, position: SourcePosition) -> None:
        """Read the file that an include line names into the tree."""
        try:
            name = os.path.expandvars(os.path.expanduser(expand(target, self.scope(), position)))
        except WclError as error:
            self.tree.problems += error.problems
            return
        path = self.find_file(name)
        open_files = [file.resolve() for file in self.open_files]
        if path is None:
            hint = f"looked in {self.directory().resolve()} and {Path.cwd()}"
            if "$" in name:
                hint = "a variable of the environment in it is not set"
            self.add_problem(position, f"there is no file {name} to include", target, hint)
        elif path.resolve() in open_files:
            steps = [*open_files[open_files.index(path.resolve()) :], path.resolve()]
            self.add_problem(position, f"{name} includes itself", target, " -> ".join(step.name for step in steps))
        elif len(open_files) >= DEEPEST:
            self.add_problem(position, f"more than {DEEPEST} files include each other", target)
        else:
            self.read_file(path, position)

    def directory(self) -> Path:
        """Return the directory of the file being read."""
        return self.open_files[-1].parent if self.open_files else Path()

    def find_file(self, name: str) -> Path | None:
        """Find an included file relative to the including file, or else to the current directory."""
        return next((path for path in (self.directory() / name, Path(name)) if os.path.isfile(path)), None)

    def call(self, name: str, arguments: list[str], position: SourcePosition) -> None:
        """Call the function of a line `<<inclfunc name(key, ...)>>`, and merge its mapping into the top."""
        function = registered_functions().get(name.lower())
        if function is None:
            hint = did_you_mean(name, registered_functions()) or "a site registers its functions; none is imported"
            self.add_problem(position, f"unknown function '{name}'", name, hint)
            return
        try:
            values = {key: expand(f"${{{key}}}", self.scope(), position) for key in arguments}
            section = Section.of(function(values), position)
        except WclError as error:
            self.tree.problems += error.problems
        except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
            self.add_problem(position, f"function '{name}' failed: {error}", name)
        else:
            self.tree.merge_values(section)

    def scope(self) -> Scope:
        """Return the scope of include lines: the overrides and the values read so far."""
        return Scope(self.overrides, root=self.tree.root)

    def add_problem(self, position: SourcePosition, message: str, text: str = "", hint: str = "") -> None:
        """Add a problem with its caret under a text of the source line."""
        line, offset = source_line(position, text)
        self.tree.problems.append(Problem(position, message, line, offset, len(text), hint))
