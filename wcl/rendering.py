"""Rendering of jinja2 templates, in a sandbox; each line of the result keeps its position in a template."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from wcl.errors import Problem, SourcePosition, WclError
from wcl.source_lines import line_at

if TYPE_CHECKING:
    from jinja2.lexer import Token, TokenStream
    from jinja2.sandbox import SandboxedEnvironment

#: Exceptions that a template's own expressions may raise.
_EXPRESSION_ERRORS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
#: A format such as `$FMT{%02d,ccd}`, which looks like a mark of jinja2.
_FORMAT = re.compile(r"(\$\w+)\{%")
#: Marker of a line's origin: the index of a template and a line number in it.
_ORIGIN = re.compile("\x00([0-9]+):([0-9]+)\x00")


@dataclass(frozen=True)
class Rendered:
    """A rendered template."""

    text: str
    #: Position of each line in the template that wrote it.
    lines: tuple[SourcePosition, ...]


def is_template(text: str) -> bool:
    """Return whether a text is a jinja2 template."""
    return "{{" in text or ("{%" in text and "{%" in _FORMAT.sub("", text))


def render(path: Path, variables: Mapping[str, object]) -> Rendered:
    """Render a template; `args` holds all variables too, unless there is a variable of that name."""
    values = {"args": dict(variables), **variables}
    text = _render(path, values, None)
    files: list[str] = []
    marked = _render(path, values, files)
    if _ORIGIN.sub("", marked) != text:
        # The template computes with its own text, and the markers in it changed the result.
        return Rendered(text, tuple(SourcePosition(str(path), number) for number, _ in enumerate(text.split("\n"), 1)))
    return Rendered(text, tuple(_line_origins(marked, files, str(path))))


def _line_origins(marked: str, files: list[str], path: str) -> Iterator[SourcePosition]:
    """Find the position of each line of a text with markers; a line without one has that of the line before."""
    position = SourcePosition(path, 1)
    for line in marked.split("\n"):
        origin = _ORIGIN.search(line)
        if origin:
            position = SourcePosition(files[int(origin[1])], int(origin[2]))
        yield position


def _render(path: Path, values: Mapping[str, object], files: list[str] | None) -> str:
    """Render a template; with `files`, put markers into the text and add the files' names to this list."""
    import jinja2  # start-up: only templates need it

    environment = _environment(path, files)
    try:
        return environment.get_template(str(path)).render(values)
    except jinja2.TemplateSyntaxError as error:
        raise _template_error(
            SourcePosition(error.filename or str(path), error.lineno), error.message or "not a template"
        ) from error
    except jinja2.TemplateNotFound as error:
        position = _find_template_line(error.__traceback__, path)
        hint = "looked in the template's directory and in those above"
        raise _template_error(position, f"there is no template {error.name}", hint) from error
    except (jinja2.TemplateError, *_EXPRESSION_ERRORS) as error:
        position = _find_template_line(error.__traceback__, path)
        raise _template_error(position, f"the template cannot be rendered: {error}") from error


def _template_error(position: SourcePosition, message: str, hint: str = "") -> WclError:
    text = line_at(position)
    return WclError(Problem(position, message, text, len(text) - len(text.lstrip()), len(text.strip()), hint))


def _find_template_line(trace: TracebackType | None, path: Path) -> SourcePosition:
    """Return the position of the innermost line of a template in a traceback."""
    position = SourcePosition(str(path), 0)
    while trace:
        frame = trace.tb_frame
        # jinja2 rewrites tracebacks so that they show the templates' own lines.
        if "__jinja_exception__" in frame.f_globals:
            position = SourcePosition(frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    return position


def _environment(path: Path, files: list[str] | None) -> "SandboxedEnvironment":
    """Return a sandbox that finds templates in this one's directory and in those above, with markers for `files`."""
    import jinja2  # start-up: only templates need it
    from jinja2.sandbox import SandboxedEnvironment  # start-up: only templates need it

    environment = SandboxedEnvironment(
        loader=jinja2.FunctionLoader(_template_loader(path)),
        undefined=_undefined_class(),
        keep_trailing_newline=True,
        autoescape=False,
    )
    if files is not None:
        environment.add_extension(_marking_extension())
        environment.extend(marked_files=files)
    return environment


def _template_loader(path: Path) -> Callable[[str], tuple[str, str, None] | None]:
    """Return a function that loads a template by its name: text, file name and no check for changes."""
    directories = path.resolve().parents

    def load(name: str) -> tuple[str, str, None] | None:
        for directory in directories:
            file = directory / name
            if file.is_file():
                shown_name = str(file) if path.is_absolute() else os.path.relpath(file)
                text = _FORMAT.sub(r"\1{{ '{%' }}", file.read_text(encoding="utf-8-sig"))
                return text, shown_name, None
        return None

    return load


@lru_cache(maxsize=1)
def _undefined_class() -> Any:
    import jinja2  # start-up: only templates need it

    class Unset(jinja2.Undefined):
        """A variable without a value: false in a test, an error if its text is used."""

        __slots__ = ()
        __str__ = __iter__ = __len__ = jinja2.Undefined._fail_with_undefined_error

    return Unset


@lru_cache(maxsize=1)
def _marking_extension() -> Any:
    from jinja2.ext import Extension  # start-up: only templates need it
    from jinja2.lexer import Token  # start-up: only templates need it

    class OriginMarkers(Extension):
        """Puts a marker of its origin before each line of a template's own text."""

        def filter_stream(self, stream: "TokenStream") -> "Iterator[Token]":
            files: list[str] = self.environment.marked_files  # type: ignore[attr-defined]
            files.append(stream.filename or "")
            number = len(files) - 1
            for token in stream:
                if token.type == "data":
                    lines = token.value.split("\n")
                    marked = (f"\x00{number}:{token.lineno + n}\x00{line}" for n, line in enumerate(lines))
                    token = Token(token.lineno, token.type, "\n".join(marked))
                yield token

    return OriginMarkers
