"""One pass over a text with variables, and over the values that it leads to."""

import re
from dataclasses import dataclass, field

from wcl.errors import Place, Problem, WclError
from wcl.functions import registered_functions
from wcl.lists import is_list, list_values
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.source_lines import source_line
from wcl.spelling import did_you_mean
from wcl.template import LATE, Call, Template, Variable, parse_template

#: Variables that stand in the values of variables; deeper is a circle nobody wrote.
DEEPEST = 100
#: One text may lead to no more values than this: variables that double each other would never end.
MOST_FILLED = 100_000
_KEPT = re.compile("\x00([0-9]+)\x00")
NOWHERE = Place("<text>", 0)


class Several(Exception):  # noqa: N818 - not an error: it asks to be filled once for each value
    def __init__(self, name: str, values: list[str]) -> None:
        self.name = name
        self.values = values


@dataclass(slots=True)
class Filling:
    """One pass over a template and over the values that it leads to."""

    scope: Scope
    #: The value chosen for each list variable; None to put lists in as they are.
    bound: dict[str, str] | None = None
    #: Names being filled, outermost first.
    trail: list[str] = field(default_factory=list)
    quoted: bool = False
    faults: list[tuple[int, int, str, str]] = field(default_factory=list)
    used: dict[str, str] = field(default_factory=dict)
    filled: int = 0
    #: Quoted values in the order of their marks, where marks are put in for them; None to put them in as they are.
    kept: list[str] | None = None
    #: The variable of the text itself that is being filled: faults are shown there.
    outer: Variable | Call | None = None

    def fill(self, template: Template) -> str:
        return "".join([part if isinstance(part, str) else self.fill_part(part) for part in template.parts])

    def fill_part(self, part: Variable | Call) -> str:
        if not self.trail:
            self.outer = part
        if isinstance(part, Call):
            return self.call(part)
        name = part.name if isinstance(part.name, str) else self.restored(self.fill(part.name)).lower()
        if part.fault:
            return self.fault(f"bad width in ${{{part.written}:...}}", part.fault)
        value = self.scope.look_up(name)
        if value is None:
            return "" if part.optional else self.unknown(name)
        if is_list(value):
            value = self.one_of(name, value)
        if self.bound is None or not is_list(value):
            self.used[part.written] = value
        value = self.fill_value(name, value)
        return value if part.width is None else self.pad(value, part)

    def one_of(self, name: str, value: str) -> str:
        """The value chosen for a list variable in this pass."""
        if self.bound is None:
            return value
        if name not in self.bound:
            try:
                values = list_values(value)
            except WclError as error:
                return self.fault(error.problems[0].message)
            if len(values) == 1 and values[0] == value:
                return value
            if not values:
                return self.fault(f"'{name}' has no values: {value}", "a range counts up, from the smaller number")
            raise Several(name, values)
        return self.bound[name]

    def fill_value(self, name: str, value: str) -> str:
        self.filled += 1 + len(value) // 1000
        if self.filled > MOST_FILLED or len(self.trail) > DEEPEST:
            return self.endless()
        if isinstance(value, Quoted):
            self.quoted = True
            return self.keep(value)
        if "$" not in value:
            return value
        if name in self.trail:
            circle = " -> ".join([*self.trail, name])
            return self.fault(f"variable '{name}' needs itself", circle)
        self.trail.append(name)
        filled = self.fill(parse_template(value))
        self.trail.pop()
        return filled

    def endless(self) -> str:
        """Said once; whatever is left is filled with nothing, so that it ends."""
        return (
            "" if self.faults else self.fault("this text leads to too many values", "do variables double each other?")
        )

    def keep(self, value: Quoted) -> str:
        if self.kept is None:
            return value
        self.kept.append(value)
        return f"\x00{len(self.kept) - 1}\x00"

    def restored(self, text: str) -> str:
        """The text with kept values in the place of their marks."""
        kept = self.kept
        return _KEPT.sub(lambda mark: kept[int(mark[1])], text) if kept else text

    def pad(self, value: str, part: Variable) -> str:
        try:
            return f"{int(self.restored(value)):0{part.width}}"
        except ValueError:
            return self.fault(f"'{value}' is not an integer, and {part.width} digits are wanted")

    def call(self, part: Call) -> str:
        inside = self.fill(part.inside)
        late = part.kind in LATE or any(isinstance(p, Call) for p in part.inside.parts)
        if late:
            return f"{part.opening}{inside}}}"
        name, *arguments = [self.restored(argument.strip()) for argument in inside.split(",")]
        function = registered_functions().get(name.lower())
        if function is None:
            known = registered_functions()
            hint = did_you_mean(name, known) or "a site registers its functions; none is imported by name"
            return self.fault(f"unknown function '{name}'", hint)
        try:
            result = str(function(*arguments))
        except (TypeError, ValueError, LookupError, ArithmeticError) as error:
            return self.fault(f"function '{name}' failed: {error}")
        self.used[inside] = result
        return result

    def unknown(self, name: str) -> str:
        names = self.scope.beside(name)
        hint = did_you_mean(name, names)
        if name != name.strip():
            hint = "a name has no blanks around it"
        elif not hint:
            near = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            hint = f"known here: {near}" if near else "nothing is known here"
        return self.fault(f"unknown variable '{name}'", hint)

    def fault(self, message: str, hint: str = "") -> str:
        """Note what is wrong at the variable of the text itself; filling goes on, so that all faults are found."""
        if self.trail:
            message += f", needed by {' -> '.join(f'${{{name}}}' for name in self.trail)}"
        start, end = (self.outer.start, self.outer.end) if self.outer else (0, 0)
        self.faults.append((start, end, message, hint))
        return ""

    def error(self, text: str, place: Place | None) -> WclError:
        line, offset = source_line(place, text)
        return WclError(
            *(
                Problem(place or NOWHERE, message, line, start + offset, end - start, hint)
                for start, end, message, hint in self.faults
            )
        )
