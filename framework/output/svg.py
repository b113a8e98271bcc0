"""Pictures: SVG from a graph in the dot language, laid out by Graphviz."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys

from framework.errors import FrameworkError

#: Longer than any plan that somebody could look at takes.
SECONDS = 300
#: The wheels of pygraphviz bring Graphviz along. It runs in a process of its own: it is a library in C, which says
#: things about fonts on standard error, and whose death must not be ours.
_BROUGHT_ALONG = (
    "import sys, pygraphviz; graph = pygraphviz.AGraph(string=sys.stdin.read()); "
    "sys.stdout.buffer.write(graph.draw(format='svg', prog='dot'))"
)


class PictureError(FrameworkError):
    """A picture that cannot be drawn here."""


def svg(dot: str) -> str:
    """Return a graph in the dot language as an SVG picture."""
    try:
        done = subprocess.run(_program(), input=dot, capture_output=True, encoding="utf-8", timeout=SECONDS, check=True)
    except subprocess.TimeoutExpired as error:
        raise PictureError(f"the graph is too large to draw in {SECONDS} seconds: draw it --around a call") from error
    except subprocess.CalledProcessError as error:
        raise PictureError(f"Graphviz could not draw the graph: {error.stderr.strip() or error}") from error
    return done.stdout


def _program() -> list[str]:
    """Return the command of the machine's own Graphviz, or of the one in the package pygraphviz."""
    if found := shutil.which("dot"):
        return [found, "-Tsvg"]
    if importlib.util.find_spec("pygraphviz"):
        return [sys.executable, "-c", _BROUGHT_ALONG]
    raise PictureError(
        "an SVG is drawn by Graphviz, which is not here: pip install 'skyfw[graph]', or install the package graphviz; "
        "--graph mermaid needs nothing"
    )
