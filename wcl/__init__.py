"""The configuration language WCL: read text into sections, and expand the values in them.

This package works without the framework; it knows nothing of jobs or databases.
"""

from wcl.booleans import boolean
from wcl.command_words import words
from wcl.errors import Problem, SourcePosition, WclError
from wcl.expansion import Filled, expand, expand_all, fill_all
from wcl.functions import register_function
from wcl.lists import split
from wcl.quoting import Quoted
from wcl.reader import parse, read
from wcl.scope import Scope, chain
from wcl.section import Section, merge
from wcl.template import names_in
from wcl.writer import write

__all__ = [
    "Filled",
    "Problem",
    "Quoted",
    "Scope",
    "Section",
    "SourcePosition",
    "WclError",
    "boolean",
    "chain",
    "expand",
    "expand_all",
    "fill_all",
    "merge",
    "names_in",
    "parse",
    "read",
    "register_function",
    "split",
    "words",
    "write",
]
