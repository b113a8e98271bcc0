"""General expansion of a text with variables: one pass over the text and over the values that it leads to."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from wcl.errors import Problem, SourcePosition, WclError
from wcl.functions import registered_functions
from wcl.lists import is_list, list_values
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.source_lines import source_line
from wcl.spelling import did_you_mean
from wcl.template import DEFERRED_FUNCTIONS, FunctionCall, Template, Variable, parse_template

#: Depth of variables in the values of variables.
DEEPEST = 100
#: Values that one text may lead to; variables that double each other would never end.
MOST_FILLED = 100_000
_MARKER = re.compile("\x00([0-9]+)\x00")
NOWHERE = SourcePosition("<text>", 0)


class ListFound(Exception):  # noqa: N818 - not an error, but a request to fill once for each value
    """A variable has a list, and no value of the list has been chosen yet."""

    def __init__(self, name: str, values: list[str]) -> None:
        self.name = name
        self.values = values


class Fault(NamedTuple):
    """A fault of a text, found while it is filled; `start` and `end` are those of the variable in the text."""

    start: int
    end: int
    message: str
    hint: str


@dataclass(slots=True)
class Filling:
    """One pass over a template and over the values that it leads to."""

    scope: Scope
    #: Value chosen for each list variable; None to put lists in as they are.
    bound: dict[str, str] | None = None
    #: Names of the variables being filled, outermost first.
    trail: list[str] = field(default_factory=list)
    #: True once a quoted value went in.
    quoted: bool = False
    faults: list[Fault] = field(default_factory=list)
    #: Values that went in, by the variables as they were written.
    used: dict[str, str] = field(default_factory=dict)
    #: Number of values that went in, long ones counted more than once; see `MOST_FILLED`.
    filled: int = 0
    #: Quoted values in the order of the markers that stand for them; None to put the values in themselves.
    quoted_values: list[str] | None = None
    #: Variable of the text itself that is being filled; faults are shown there.
    current: Variable | FunctionCall | None = None

    def fill(self, template: Template) -> str:
        """Return the template's text with its variables filled in; faults are added to `faults`."""
        return "".join([part if isinstance(part, str) else self.fill_part(part) for part in template.parts])

    def fill_part(self, part: Variable | FunctionCall) -> str:
        """Return the text that a variable or a call stands for."""
        if not self.trail:
            self.current = part
        if isinstance(part, FunctionCall):
            return self.fill_call(part)
        name = part.name if isinstance(part.name, str) else self.restore(self.fill(part.name)).lower()
        if part.fault:
            return self.add_fault(f"bad width in ${{{part.written}:...}}", part.fault)
        value = self.scope.look_up(name)
        if value is None:
            return "" if part.optional else self.report_unknown(name)
        if is_list(value):
            value = self.choose_value(name, value)
        if self.bound is None or not is_list(value):
            self.used[part.written] = value
        value = self.fill_value(name, value)
        return value if part.width is None else self.pad_value(value, part)

    def choose_value(self, name: str, value: str) -> str:
        """Return the value chosen for a list variable in this pass; raise ListFound if there is none yet."""
        if self.bound is None:
            return value
        if name not in self.bound:
            try:
                values = list_values(value)
            except WclError as error:
                return self.add_fault(error.problems[0].message)
            if len(values) == 1 and values[0] == value:
                return value
            if not values:
                return self.add_fault(f"'{name}' has no values: {value}", "a range counts up, from the smaller number")
            raise ListFound(name, values)
        return self.bound[name]

    def fill_value(self, name: str, value: str) -> str:
        """Return the value of a variable with the variables in it filled in."""
        self.filled += 1 + len(value) // 1000
        if self.filled > MOST_FILLED or len(self.trail) > DEEPEST:
            return self.report_endless()
        if isinstance(value, Quoted):
            self.quoted = True
            return self.mark_quoted(value)
        if "$" not in value:
            return value
        if name in self.trail:
            circle = " -> ".join([*self.trail, name])
            return self.add_fault(f"variable '{name}' needs itself", circle)
        self.trail.append(name)
        filled = self.fill(parse_template(value))
        self.trail.pop()
        return filled

    def report_endless(self) -> str:
        """Report once that there are too many values; all further variables are left empty, so that the pass ends."""
        if self.faults:
            return ""
        return self.add_fault("this text leads to too many values", "do variables double each other?")

    def mark_quoted(self, value: Quoted) -> str:
        """Return the marker that stands for a quoted value, or the value if no markers are used."""
        if self.quoted_values is None:
            return value
        self.quoted_values.append(value)
        return f"\x00{len(self.quoted_values) - 1}\x00"

    def restore(self, text: str) -> str:
        """Return the text with quoted values instead of their markers."""
        quoted_values = self.quoted_values
        return _MARKER.sub(lambda mark: quoted_values[int(mark[1])], text) if quoted_values else text

    def pad_value(self, value: str, part: Variable) -> str:
        """Return an integer with zeros in front up to the variable's width."""
        try:
            return f"{int(self.restore(value)):0{part.width}}"
        except ValueError:
            return self.add_fault(f"'{value}' is not an integer: it cannot be written with {part.width} digits")

    def fill_call(self, part: FunctionCall) -> str:
        """Return the result of a registered function; a deferred call stays, with its arguments filled in."""
        inside = self.fill(part.inside)
        if part.kind in DEFERRED_FUNCTIONS or any(isinstance(p, FunctionCall) for p in part.inside.parts):
            return f"{part.opening}{inside}}}"
        name, *arguments = [self.restore(argument.strip()) for argument in inside.split(",")]
        function = registered_functions().get(name.lower())
        if function is None:
            known = registered_functions()
            hint = did_you_mean(name, known) or "a site registers its functions; none is imported by name"
            return self.add_fault(f"unknown function '{name}'", hint)
        try:
            result = str(function(*arguments))
        except (TypeError, ValueError, LookupError, ArithmeticError) as error:
            return self.add_fault(f"function '{name}' failed: {error}")
        self.used[inside] = result
        return result

    def report_unknown(self, name: str) -> str:
        """Add the fault that a variable has no value."""
        names = self.scope.names_near(name)
        hint = did_you_mean(name, names)
        if name != name.strip():
            hint = "a name has no blanks around it"
        elif not hint:
            listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            hint = f"known here: {listed}" if listed else "nothing is known here"
        return self.add_fault(f"unknown variable '{name}'", hint)

    def add_fault(self, message: str, hint: str = "") -> str:
        """Add a fault at the current variable of the text itself; the pass goes on, so that all faults are found."""
        if self.trail:
            message += f", needed by {' -> '.join(f'${{{name}}}' for name in self.trail)}"
        start, end = (self.current.start, self.current.end) if self.current else (0, 0)
        self.faults.append(Fault(start, end, message, hint))
        return ""

    def error(self, text: str, position: SourcePosition | None) -> WclError:
        """Return an error with all faults, each shown on the source line of the text."""
        line, offset = source_line(position, text)
        return WclError(
            *(
                Problem(position or NOWHERE, message, line, start + offset, end - start, hint)
                for start, end, message, hint in self.faults
            )
        )
