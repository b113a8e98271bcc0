"""Conditions on files in the manner of SQL: ``visit between 1 and 9 and not filter = 'HSC-R'``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from framework.errors import FrameworkError
from framework.registry.questions.selection import (
    And,
    Condition,
    FieldComparison,
    Literal,
    LiteralKind,
    Not,
    Operator,
    Or,
)

if TYPE_CHECKING:
    from lark import Lark, Token, Tree, UnexpectedToken

#: The language. Keywords are written in any case; a key is not one of them.
GRAMMAR = r"""
    ?condition:   alternative | alternative (OR alternative)+ -> any_of
    ?alternative: factor | factor (AND factor)+               -> all_of
    ?factor:      comparison
                | NOT factor                                  -> negation
                | LPAR condition RPAR                         -> group

    comparison:   KEY SIGN value
                | KEY [NOT] BETWEEN value AND value
                | KEY [NOT] IN LPAR value ("," value)* RPAR
                | KEY [NOT] LIKE TEXT
                | KEY IS [NOT] NULL
    ?value:       NUMBER | TEXT | TRUE | FALSE

    SIGN:    "<=" | ">=" | "<>" | "!=" | "=" | "<" | ">"
    LPAR:    "("
    RPAR:    ")"
    TEXT:    /'([^']|'')*'/
    NUMBER:  /[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?(?![\w.])/
    KEY:     /[A-Za-z_][\w.-]*/
    OR.1:      /or(?![\w.-])/i
    AND.1:     /and(?![\w.-])/i
    NOT.1:     /not(?![\w.-])/i
    BETWEEN.1: /between(?![\w.-])/i
    IN.1:      /in(?![\w.-])/i
    LIKE.1:    /like(?![\w.-])/i
    IS.1:      /is(?![\w.-])/i
    NULL.1:    /null(?![\w.-])/i
    TRUE.1:    /true(?![\w.-])/i
    FALSE.1:   /false(?![\w.-])/i

    %ignore /\s+/
"""
#: Parentheses and ``not`` within each other; nobody writes more.
DEEPEST = 50
_OPERATORS = {
    "=": Operator.EQUAL, "!=": Operator.NOT_EQUAL, "<>": Operator.NOT_EQUAL,
    "<": Operator.LESS, "<=": Operator.LESS_OR_EQUAL, ">": Operator.GREATER, ">=": Operator.GREATER_OR_EQUAL,
    "between": Operator.BETWEEN, "in": Operator.IN, "like": Operator.LIKE, "is": Operator.IS_NULL,
}  # fmt: skip
#: Kinds of values by their terminals.
_KINDS = {
    "NUMBER": LiteralKind.NUMBER, "TEXT": LiteralKind.QUOTED,
    "TRUE": LiteralKind.BOOLEAN, "FALSE": LiteralKind.BOOLEAN,
}  # fmt: skip
#: What follows, by a terminal that the grammar allows at the place of an error; the first that is allowed counts.
_EXPECTED = {
    "KEY": "a key should follow",
    "NUMBER": "a number or a text in 'quotes' should follow",
    "LIKE": "=, <, between, in, like or is should follow",
    "TEXT": "a text in 'quotes' should follow",
    "RPAR": "')' should follow",
    "NULL": "'null' should follow",
    "LPAR": "'(' should follow",
    "$END": "the condition should end here",
    "AND": "'and' should follow",
}


class WhereClauseError(FrameworkError):
    """A condition that cannot be understood; the message shows the place."""

    def __init__(self, text: str, position: int, reason: str) -> None:
        super().__init__(f"{text}\n{' ' * position}^ {reason}")


def parse_where_clause(text: str) -> Condition:
    """Return the condition that a text stands for; WhereClauseError where it is none."""
    from lark import UnexpectedCharacters, UnexpectedToken  # only this option needs it, and it takes 30 ms

    try:
        tree = _parser().parse(text)
    except UnexpectedCharacters as error:
        position = error.pos_in_stream or 0
        reason = "a text stands in 'quotes'" if text[position] in "'\"" else "this cannot be understood"
        raise WhereClauseError(text, position, reason) from None
    except UnexpectedToken as error:
        raise WhereClauseError(text, _position(error, text), _expectation(error.accepts or ())) from None
    return _Reader(text).condition(tree, 0)


@cache
def _parser() -> Lark:
    from lark import Lark  # only this option needs it, and it takes 30 ms

    return Lark(GRAMMAR, start="condition", parser="lalr", lexer="basic", maybe_placeholders=False)


def _position(error: UnexpectedToken, text: str) -> int:
    return len(text) if error.token.type == "$END" else int(error.token.start_pos or 0)


def _expectation(allowed: Collection[str]) -> str:
    return next((reason for terminal, reason in _EXPECTED.items() if terminal in allowed), _EXPECTED["$END"])


class _Reader:
    """The parse tree of one text, read as a condition."""

    def __init__(self, text: str) -> None:
        self._text = text

    def condition(self, tree: Tree[Token], depth: int) -> Condition:
        """Return the condition of a part of the tree, ``depth`` parentheses and negations deep."""
        parts: list[Any] = tree.children
        if tree.data == "any_of":
            return Or(tuple(self.condition(part, depth) for part in parts[::2]))
        if tree.data == "all_of":
            return And(tuple(self.condition(part, depth) for part in parts[::2]))
        if tree.data == "comparison":
            return self._comparison(parts)
        if depth >= DEEPEST:
            raise WhereClauseError(self._text, parts[0].start_pos, "too many parentheses within each other")
        inner = self.condition(parts[1], depth + 1)
        return Not(inner) if tree.data == "negation" else inner

    def _comparison(self, tokens: Sequence[Token]) -> Condition:
        key, *rest = tokens
        names = [token.lower() for token in rest]
        found = FieldComparison(
            field=str(key),
            operator=next(_OPERATORS[name] for name in names if name in _OPERATORS),
            values=tuple(self._literal(token) for token in rest if token.type in _KINDS),
            source=self._text,
            position=key.start_pos or 0,
        )
        return Not(found) if any(token.type == "NOT" for token in rest) else found

    def _literal(self, token: Token) -> Literal:
        position = token.start_pos or 0
        if token.type != "TEXT":
            return Literal(_KINDS[token.type], str(token), position)
        if "\0" in token:
            raise WhereClauseError(self._text, position, "no text on record has such a character")
        return Literal(LiteralKind.QUOTED, token[1:-1].replace("''", "'"), position)
