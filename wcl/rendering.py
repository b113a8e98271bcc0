"""Files with jinja2 marks: rendered in a sandbox, each line traced back to the template that wrote it."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from wcl.errors import Place, Problem, WclError
from wcl.source_lines import line_at

if TYPE_CHECKING:
    from jinja2.lexer import Token, TokenStream
    from jinja2.sandbox import SandboxedEnvironment

#: What a template's own expressions may raise.
_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
#: `$FMT{%02d,ccd}` is no mark of jinja2, though it looks like one.
_FORMAT = re.compile(r"(\$\w+)\{%")
_ORIGIN = re.compile("\x00([0-9]+):([0-9]+)\x00")


@dataclass(frozen=True)
class Rendered:
    """A template's result."""

    text: str
    #: For each line, the template and the line in it that wrote it.
    lines: tuple[Place, ...]


def has_marks(text: str) -> bool:
    """Whether a file is a jinja2 template."""
    return "{{" in text or ("{%" in text and "{%" in _FORMAT.sub("", text))


def render(path: Path, variables: Mapping[str, object]) -> Rendered:
    """Fill a template; `args` holds all variables too, unless there is one of that name."""
    given = {"args": dict(variables), **variables}
    text = _filled(path, given, None)
    files: list[str] = []
    marked = _filled(path, given, files)
    if _ORIGIN.sub("", marked) != text:
        # The template computes with its own text, and the marks came between.
        return Rendered(text, tuple(Place(str(path), number) for number, _ in enumerate(text.split("\n"), 1)))
    return Rendered(text, tuple(_origins(marked, files, str(path))))


def _origins(marked: str, files: list[str], path: str) -> Iterator[Place]:
    place = Place(path, 1)
    for line in marked.split("\n"):
        origin = _ORIGIN.search(line)
        if origin:
            place = Place(files[int(origin[1])], int(origin[2]))
        yield place


def _filled(path: Path, given: Mapping[str, object], files: list[str] | None) -> str:
    import jinja2  # only files with marks pay for it

    environment = _environment(path, files)
    try:
        return environment.get_template(str(path)).render(given)
    except jinja2.TemplateSyntaxError as error:
        raise _fault(Place(error.filename or str(path), error.lineno), error.message or "not a template") from error
    except jinja2.TemplateNotFound as error:
        place = _place_in_template(error.__traceback__, path)
        hint = "looked in the template's folder and in those above"
        raise _fault(place, f"there is no template {error.name}", hint) from error
    except (jinja2.TemplateError, *_FAULTS) as error:
        place = _place_in_template(error.__traceback__, path)
        raise _fault(place, f"the template cannot be filled: {error}") from error


def _fault(place: Place, message: str, hint: str = "") -> WclError:
    text = line_at(place)
    return WclError(Problem(place, message, text, len(text) - len(text.lstrip()), len(text.strip()), hint))


def _place_in_template(trace: TracebackType | None, path: Path) -> Place:
    """The innermost line of a template in a traceback; jinja2 writes such lines into it."""
    place = Place(str(path), 0)
    while trace:
        frame = trace.tb_frame
        if "__jinja_exception__" in frame.f_globals:
            place = Place(frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    return place


def _environment(path: Path, files: list[str] | None) -> "SandboxedEnvironment":
    """A sandbox that finds templates beside this one and in the folders above; `files` asks for marked lines."""
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        loader=jinja2.FunctionLoader(_finder(path)),
        undefined=_undefined(),
        keep_trailing_newline=True,
        autoescape=False,
    )
    if files is not None:
        environment.add_extension(_marking())
        environment.extend(marked_files=files)
    return environment


def _finder(path: Path) -> Callable[[str], tuple[str, str, None] | None]:
    folders = path.resolve().parents

    def find(name: str) -> tuple[str, str, None] | None:
        for folder in folders:
            file = folder / name
            if file.is_file():
                shown = str(file) if path.is_absolute() else os.path.relpath(file)
                text = _FORMAT.sub(r"\1{{ '{%' }}", file.read_text(encoding="utf-8-sig"))
                return text, shown, None
        return None

    return find


@lru_cache(maxsize=1)
def _undefined() -> Any:
    import jinja2

    class Unset(jinja2.Undefined):
        """A variable that was not given: false in a test, an error where its text is wanted."""

        __slots__ = ()
        __str__ = __iter__ = __len__ = jinja2.Undefined._fail_with_undefined_error

    return Unset


@lru_cache(maxsize=1)
def _marking() -> Any:
    from jinja2.ext import Extension
    from jinja2.lexer import Token

    class Marking(Extension):
        """Puts the origin of each line into the template's own text."""

        def filter_stream(self, stream: "TokenStream") -> "Iterator[Token]":
            files: list[str] = self.environment.marked_files  # type: ignore[attr-defined]
            files.append(stream.filename or "")
            number = len(files) - 1
            for token in stream:
                if token.type == "data":
                    pieces = token.value.split("\n")
                    marked = (f"\x00{number}:{token.lineno + n}\x00{piece}" for n, piece in enumerate(pieces))
                    token = Token(token.lineno, token.type, "\n".join(marked))
                yield token

    return Marking
