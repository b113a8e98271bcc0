"""Mutation operators: the small faults that a piece of code can have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
#: What a function returns instead, by the type that it promises.
EMPTY = {"str": "''", "int": "0", "float": "0.0", "list": "[]", "dict": "{}", "tuple": "()", "set": "set()"}
#: Parts of a statement that are not for running.
UNJUDGED = {"annotation", "returns", "decorator_list", "bases", "keywords", "type_params"}


@dataclass(frozen=True)
class Mutation:
    """One change of one piece of text: bytes from ``begin`` to ``end`` become ``text``."""

    name: str
    begin: int
    end: int
    text: str
    #: Lines of the statement that is changed, or of the whole module for what is done when it is imported. Tests that
    #: execute one of them may notice.
    lines: range

    def apply(self, source: str) -> str:
        """Return the text with the fault in it."""
        data = source.encode()
        return (data[: self.begin] + self.text.encode() + data[self.end :]).decode()


def mutations(source: str) -> list[Mutation]:
    """Return every mutation of a module, in the order of its text."""
    found = set(_Finder(source).module(ast.parse(source)))
    return sorted(found, key=lambda each: (each.begin, each.end, each.name, each.text))


def says_something_else(mutation: Mutation, source: str) -> bool:
    """Tell whether a mutated module is Python still, and not the same program in other words."""
    changed = mutation.apply(source)
    try:
        compile(changed, "mutant", "exec")
    except SyntaxError:
        return False
    return ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))


class _Finder:
    """Walks through a module and finds what can be changed."""

    def __init__(self, source: str) -> None:
        self.starts = [0]
        for line in source.encode().splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.whole = range(1, len(self.starts))
        self.lines = self.whole

    def module(self, tree: ast.Module) -> Iterator[Mutation]:
        yield from self.statements(tree.body, None)

    def statements(self, body: list[ast.stmt], returns: str | None) -> Iterator[Mutation]:
        """Find changes of statements; ``returns`` is the type that their function returns, None outside of one."""
        for statement in body:
            if isinstance(statement, ast.Import | ast.ImportFrom) or _is_text(statement) or _is_for_types(statement):
                continue
            if _is_logging(statement):
                continue
            self.lines = self.whole if returns is None else _own_lines(statement)
            yield from self.statement(statement, returns or "")
            yield from self.expressions(statement)
            inner = _kind(statement.returns) if isinstance(statement, ast.FunctionDef) else returns
            for body in _bodies(statement):
                yield from self.statements(body, inner)

    def statement(self, statement: ast.stmt, returns: str) -> Iterator[Mutation]:
        """Find changes of a statement as a whole."""
        match statement:
            case ast.Break():
                yield self.change("continue for break", statement, "continue")
            case ast.Continue():
                yield self.change("break for continue", statement, "break")
            case ast.Return(value=ast.expr() as value) if not _is_none(value):
                if returns == "bool":
                    yield self.change("negated return", value, f"not ({ast.unparse(value)})")
                else:
                    yield self.change("empty return", value, EMPTY.get(returns, "None"))
            case ast.If(test=test) | ast.While(test=test):
                yield self.change("negated condition", test, f"not ({ast.unparse(test)})")
                if isinstance(statement, ast.If) and not statement.orelse:
                    yield self.change("removed statement", statement, "pass")
            case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Delete():
                yield self.change("removed statement", statement, "pass")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
                yield self.change("removed statement", statement, "pass")

    def expressions(self, node: ast.AST) -> Iterator[Mutation]:
        """Find changes in the expressions of a statement; those of the statements in it are found by themselves."""
        for name, value in ast.iter_fields(node):
            if (isinstance(node, ast.stmt) and name in UNJUDGED) or name == "format_spec":
                continue
            for child in value if isinstance(value, list) else [value]:
                # What stands in an f-string has no place of its own before Python 3.12.
                if not isinstance(child, ast.AST) or isinstance(
                    child, ast.stmt | ast.ExceptHandler | ast.match_case | ast.JoinedStr
                ):
                    continue
                if isinstance(child, ast.keyword) and child.arg == "strict":
                    continue
                if isinstance(child, ast.expr) and isinstance(getattr(child, "ctx", ast.Load()), ast.Load):
                    yield from self.expression(child)
                if isinstance(child, ast.comprehension):
                    yield from self.filters(child)
                if not (isinstance(child, ast.arg) or (isinstance(node, ast.Subscript) and _is_type(node))):
                    yield from self.expressions(child)

    def expression(self, node: ast.expr) -> Iterator[Mutation]:
        """Find changes of an expression as a whole."""
        match node:
            case ast.Compare(ops=[op], left=left, comparators=[right]) if type(op) in COMPARISONS:
                changed: ast.expr = ast.Compare(left=left, ops=[COMPARISONS[type(op)]()], comparators=[right])
                yield self.change("comparison", node, ast.unparse(changed))
            case ast.BoolOp(op=op, values=values):
                other = ast.Or() if isinstance(op, ast.And) else ast.And()
                yield self.change("and/or", node, f"({ast.unparse(ast.BoolOp(op=other, values=values))})")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self.change("removed not", node, f"({ast.unparse(operand)})")
            case ast.BinOp(op=op, left=left, right=right) if type(op) in ARITHMETIC:
                changed = ast.BinOp(left=left, op=ARITHMETIC[type(op)](), right=right)
                yield self.change("arithmetic", node, f"({ast.unparse(changed)})")
            case ast.IfExp(test=test, body=body, orelse=orelse):
                changed = ast.IfExp(test=test, body=orelse, orelse=body)
                yield self.change("swapped if/else", node, f"({ast.unparse(changed)})")
            case ast.Constant(value=bool() as value):
                yield self.change("constant", node, str(not value))
            case ast.Constant(value=int() as value):
                yield self.change("constant", node, str(value + 1))
            case ast.Call() | ast.List() | ast.Set() | ast.Tuple() | ast.Dict():
                yield from self.parts(node)

    def parts(self, node: ast.expr) -> Iterator[Mutation]:
        """Find what can be left out of a call, a list, a set, a tuple or a dict."""
        changed: ast.expr
        match node:
            case ast.Call(keywords=keywords):
                for index, keyword in enumerate(keywords):
                    # That two things are of one length is a promise of the code to itself.
                    if keyword.arg and keyword.arg != "strict":
                        rest = [*keywords[:index], *keywords[index + 1 :]]
                        changed = ast.Call(func=node.func, args=node.args, keywords=rest)
                        yield self.change(f"removed argument {keyword.arg}", node, ast.unparse(changed))
            case ast.List(elts=elements) | ast.Set(elts=elements) | ast.Tuple(elts=elements) if len(elements) > 1:
                for index in range(len(elements)):
                    changed = type(node)(elts=[*elements[:index], *elements[index + 1 :]])
                    yield self.change("removed element", node, ast.unparse(changed))
            case ast.Dict(keys=keys, values=values):
                for index in range(len(keys)):
                    changed = ast.Dict(
                        keys=[*keys[:index], *keys[index + 1 :]], values=[*values[:index], *values[index + 1 :]]
                    )
                    yield self.change("removed element", node, ast.unparse(changed))

    def filters(self, loop: ast.comprehension) -> Iterator[Mutation]:
        """Find changes of the conditions of a comprehension."""
        for test in loop.ifs:
            yield self.change("negated condition", test, f"(not ({ast.unparse(test)}))")
            yield self.change("removed condition", test, "True")

    def change(self, name: str, node: ast.expr | ast.stmt, text: str) -> Mutation:
        begin = self.starts[node.lineno - 1] + node.col_offset
        end = self.starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        return Mutation(name=name, begin=begin, end=end, text=text, lines=self.lines)


def _bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Return the lists of statements in a statement."""
    inner = [statement, *getattr(statement, "handlers", []), *getattr(statement, "cases", [])]
    yield from (getattr(each, name, []) for each in inner for name in ("body", "orelse", "finalbody"))


def _own_lines(statement: ast.stmt) -> range:
    """Return the lines of a statement, without those of the statements in it."""
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not body:
        return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    first = body[0].body[0] if isinstance(body[0], ast.match_case) else body[0]
    return range(statement.lineno, max(first.lineno, statement.lineno + 1))


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_for_types(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"


def _is_logging(statement: ast.stmt) -> bool:
    """Tell whether a statement is only for the log, whose words no test judges."""
    return isinstance(statement, ast.Expr) and ast.unparse(statement).startswith(("log.", "logging."))


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _is_type(node: ast.Subscript) -> bool:
    """Tell whether this is a type with parameters, such as ``list[int]``."""
    return isinstance(node.value, ast.Name) and (node.value.id in EMPTY or node.value.id[:1].isupper())


def _kind(annotation: ast.expr | None) -> str:
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return annotation.id if isinstance(annotation, ast.Name) else ""
