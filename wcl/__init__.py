"""The configuration language WCL: read text into sections, and expand the values in them.

This package works without the framework; it knows nothing of jobs or databases.
"""

from wcl.booleans import parse_boolean
from wcl.command_words import split_command
from wcl.deferred import deferred_calls, resolve_deferred
from wcl.errors import Problem, SourcePosition, WclError
from wcl.expansion import ExpandedText, expand, expand_all, expand_with_values
from wcl.format import Format, as_literal, compile_format, is_plain
from wcl.functions import register_function
from wcl.keys.checks import check_keys, check_values
from wcl.keys.declarations import KeyDeclaration, parse_declarations
from wcl.lists import split_list
from wcl.partial import expand_partially
from wcl.quoting import Quoted, quote_if_needed
from wcl.reader import SET_POSITION, parse, read
from wcl.scope import Scope, build_scope
from wcl.section import Section, merge
from wcl.source_lines import source_line
from wcl.spelling import did_you_mean, suggest
from wcl.template import Variable, parse_template, variable_names
from wcl.writer import write

__all__ = [
    "SET_POSITION",
    "ExpandedText",
    "Format",
    "KeyDeclaration",
    "Problem",
    "Quoted",
    "Scope",
    "Section",
    "SourcePosition",
    "Variable",
    "WclError",
    "as_literal",
    "build_scope",
    "check_keys",
    "check_values",
    "compile_format",
    "deferred_calls",
    "did_you_mean",
    "expand",
    "expand_all",
    "expand_partially",
    "expand_with_values",
    "is_plain",
    "merge",
    "parse",
    "parse_boolean",
    "parse_declarations",
    "parse_template",
    "quote_if_needed",
    "read",
    "register_function",
    "resolve_deferred",
    "source_line",
    "split_command",
    "split_list",
    "suggest",
    "variable_names",
    "write",
]
