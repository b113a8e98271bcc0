"""The configuration language WCL: read text into sections, and expand the values in them.

This package works without the framework; it knows nothing of jobs or databases.
"""

from wcl.booleans import parse_boolean
from wcl.command_words import split_command
from wcl.errors import Problem, SourcePosition, WclError
from wcl.expansion import ExpandedText, expand, expand_all, expand_with_values
from wcl.functions import register_function
from wcl.lists import split_list
from wcl.quoting import Quoted
from wcl.reader import parse, read
from wcl.scope import Scope, build_scope
from wcl.section import Section, merge
from wcl.template import variable_names
from wcl.writer import write

__all__ = [
    "ExpandedText",
    "Problem",
    "Quoted",
    "Scope",
    "Section",
    "SourcePosition",
    "WclError",
    "build_scope",
    "expand",
    "expand_all",
    "expand_with_values",
    "merge",
    "parse",
    "parse_boolean",
    "read",
    "register_function",
    "split_command",
    "split_list",
    "variable_names",
    "write",
]
