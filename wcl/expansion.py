"""Filling a template in a scope."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice, product
from math import prod

from wcl.errors import Place, Problem, WclError
from wcl.functions import registered_functions
from wcl.lists import is_list, split
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.showing import source_line
from wcl.spelling import did_you_mean
from wcl.template import LATE, Call, Part, Template, Variable, parse_template

#: Variables that stand in the values of variables; deeper is a circle nobody wrote.
DEEPEST = 100
#: The largest product of lists that `expand_all` makes unless told otherwise.
MOST_VALUES = 1_000_000
NOWHERE = Place("<text>", 0)


def expand(text: str, scope: Scope, place: Place | None = None) -> str:
    """The text with its variables filled in; late functions stay. Quoted where it is, or a quoted value went in."""
    if "$" not in text or isinstance(text, Quoted):
        return text
    template = parse_template(text)
    quick = _plain_text(template, scope)
    if quick is not None:
        return quick
    filling = Filling(scope)
    filled = filling.fill(template)
    if filling.faults:
        raise filling.error(text, place)
    return Quoted(filled) if filling.quoted else filled


def _plain_text(template: Template, scope: Scope) -> str | None:
    """The quick way where every variable has a plain value with nothing more to fill; None where it is not so."""
    pieces = []
    for part in template.parts:
        if part.__class__ is str:
            pieces.append(part)
            continue
        if part.__class__ is not Variable or part.fault or part.name.__class__ is not str:
            return None
        value = scope.look_up(part.name)
        if value.__class__ is not str or "$" in value:
            return None
        if part.width is not None:
            if not value.isdecimal():
                return None
            value = value.zfill(part.width) if value[0] != "0" else f"{int(value):0{part.width}}"
        pieces.append(value)
    return "".join(pieces)


def expand_all(text: str, scope: Scope, place: Place | None = None, *, most: int = MOST_VALUES) -> list[str]:
    """One text for each combination of the values of list variables, the last variable counting fastest."""
    if "$" not in text or isinstance(text, Quoted):
        return [text]
    quick = _plain_product(parse_template(text), scope, most)
    if quick is not None:
        return quick
    return [filled.text for filled in fill_all(text, scope, place, most=most)]


@dataclass(frozen=True)
class Filled:
    """One result of a text with list variables."""

    text: str
    #: The values that went in, as they were found and without padding.
    used: dict[str, str]


def fill_all(text: str, scope: Scope, place: Place | None = None, *, most: int = MOST_VALUES) -> list[Filled]:
    """As `expand_all`, with the values that each result was made from."""
    if isinstance(text, Quoted):
        return [Filled(text, {})]
    template = parse_template(text)
    results = list(islice(_branches(template, scope, {}, place), most + 1))
    if len(results) > most:
        raise _too_many(text, place, most)
    return results


def _branches(template: Template, scope: Scope, bound: dict[str, str], place: Place | None) -> Iterator[Filled]:
    """Fill with one value of each list; when another list turns up, once for each of its values."""
    filling = Filling(scope, bound)
    try:
        text = filling.fill(template)
    except _Several as several:
        for value in several.values:
            yield from _branches(template, scope, {**bound, several.name: value}, place)
        return
    if filling.faults:
        raise filling.error(template.text, place)
    yield Filled(Quoted(text) if filling.quoted else text, filling.used)


def _plain_product(template: Template, scope: Scope, most: int) -> list[str] | None:
    """The quick way where every value is plain text and no list stands twice; None where it is not so."""
    axes: list[list[str]] = []
    seen: set[str] = set()
    for part in template.parts:
        if isinstance(part, str):
            axes.append([part])
            continue
        if not isinstance(part, Variable) or isinstance(part.name, Template) or part.fault:
            return None
        value = scope.look_up(part.name)
        if value is None or "$" in value or '"' in value or isinstance(value, Quoted) or part.name in seen:
            return None
        seen.add(part.name)
        values = list_values(value) if is_list(value) else [value]
        if part.width is not None:
            if not all(v.isdecimal() and v.isascii() for v in values):
                return None
            values = [f"{int(v):0{part.width}}" for v in values]
        axes.append(values)
    if not 0 < prod(map(len, axes)) <= most:
        return None
    return list(map("".join, product(*axes)))


def list_values(value: str) -> list[str]:
    """The elements of a list value; a comma at the end only says that it is a list."""
    elements = _outside_braces(value) if "{" in value else split(value)
    return elements[:-1] if len(elements) > 1 and elements[-1] == "" else elements


def _outside_braces(value: str) -> list[str]:
    """Elements of a list with variables or functions in it; commas inside their braces do not divide."""
    pieces: dict[str, str] = {}
    text = "".join(_hidden(part, value, pieces) for part in parse_template(value).parts)
    elements = split(text)
    for mark, piece in pieces.items():
        elements = [element.replace(mark, piece) for element in elements]
    return elements


def _hidden(part: Part, value: str, pieces: dict[str, str]) -> str:
    if isinstance(part, str):
        return part.replace("$", "$$")
    mark = f"\x00{len(pieces)}\x00"
    pieces[mark] = value[part.start : part.end]
    return mark


class _Several(Exception):  # noqa: N818 - not an error: it asks to be filled once for each value
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
    #: What is done with the text of each value before it is put in.
    guard: Callable[[str], str] | None = None
    #: The variable of the text itself that is being filled: faults are shown there.
    outer: Variable | Call | None = None

    def fill(self, template: Template) -> str:
        return "".join([part if isinstance(part, str) else self.fill_part(part) for part in template.parts])

    def fill_part(self, part: Variable | Call) -> str:
        if not self.trail:
            self.outer = part
        if isinstance(part, Call):
            return self.call(part)
        name = part.name if isinstance(part.name, str) else self.fill(part.name).lower()
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
            values = list_values(value)
            if len(values) == 1 and values[0] == value:
                return value
            if not values:
                return self.fault(f"'{name}' has no values: {value}", "a range counts up, from the smaller number")
            raise _Several(name, values)
        return self.bound[name]

    def fill_value(self, name: str, value: str) -> str:
        if isinstance(value, Quoted):
            self.quoted = True
            return self.guard(value) if self.guard else value
        if "$" not in value:
            return value
        if name in self.trail or len(self.trail) > DEEPEST:
            circle = " -> ".join([*self.trail, name])
            return self.fault(f"variable '{name}' needs itself", circle)
        self.trail.append(name)
        filled = self.fill(parse_template(value))
        self.trail.pop()
        return filled

    def pad(self, value: str, part: Variable) -> str:
        try:
            return f"{int(value):0{part.width}}"
        except ValueError:
            return self.fault(f"'{value}' is not an integer, and {part.width} digits are wanted")

    def call(self, part: Call) -> str:
        inside = self.fill(part.inside)
        late = part.kind in LATE or any(isinstance(p, Call) for p in part.inside.parts)
        if late:
            return f"{part.opening}{inside}}}"
        name, *arguments = [argument.strip() for argument in inside.split(",")]
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
        names = list(self.scope.names())
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


def _too_many(text: str, place: Place | None, most: int) -> WclError:
    line, offset = source_line(place, text)
    message = f"the lists in this text have more than {most:,} combinations"
    return WclError(
        Problem(place or NOWHERE, message, line, offset, len(text), "make the lists shorter, or the bound larger")
    )
