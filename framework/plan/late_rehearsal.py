"""Rehearsal: one call of each module of a late block, made with stand-ins for what its queries will find.

What is wrong with the block itself is found with the rest of the plan that way, long before its inputs are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from framework.model.plan import File, LateBlock, LateModule
from framework.pipeline.definition import BlockDefinition, ModuleDefinition
from framework.pipeline.problems import PlanProblems, error_at, suggest_name
from framework.pipeline.questions import FoundFile, FoundLine, PlannerQuestions, Question, UnansweredError
from framework.plan.calls import CallMaker, PlanningContext, WrapperHooks
from framework.plan.file_lines import LineSources, depended, flag, is_sourced
from framework.plan.jobs import read_job_division
from framework.plan.products import FileLine, Products
from framework.plan.reasons import source_text
from wcl import Scope, Section, SourcePosition, WclError, expand, split_list, variable_names

WORD = re.compile(r"[a-z_]\w*", re.IGNORECASE)


def rehearse(
    block: BlockDefinition,
    after: str,
    around: PlanningContext,
    questions: PlannerQuestions,
    names: Names,
    problems: PlanProblems,
) -> LateBlock:
    """A late block as far as it is known now; what is wrong with it is added to the problems."""
    with problems.collect():
        read_job_division(block.section, around.scope)
    modules = []
    for number, module in enumerate(block.modules, start=1):
        programs: tuple[tuple[str, str], ...] = ()
        with problems.collect():
            programs = _rehearse(module, block.number, around, questions, names)
        names.add(module, block.number)
        asks, sources = tuple(_asks(module)), tuple(dict.fromkeys(_sources(module)))
        modules.append(LateModule(name=module.name, number=number, asks=asks, sources=sources, programs=programs))
    return LateBlock(number=block.number, name=block.name, after=after, modules=tuple(modules))


class Names:
    """The objects that a late module may depend on, by the blocks that they belong to."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._wild: set[str] = set()

    def add(self, module: ModuleDefinition, block: int) -> None:
        for kind, parts in (("file", module.files), ("list", module.lists)):
            for label, part in parts.items():
                name = f"{module.name}.{kind}.{label}".lower()
                self._known[name] = block
                if "wildcards" in part.section:
                    self._wild.add(name)

    def check(self, name: str, block: int, position: SourcePosition) -> None:
        """Refuse what no module before makes or reads, and what this block itself cannot know yet."""
        whole = name.lower() if name.lower() in self._known else name.lower().rpartition(".")[0]
        if whole not in self._known:
            raise error_at(
                position, f"no earlier module makes '{name.lower()}'", hint=suggest_name(name.lower(), self._known)
            )
        if whole in self._wild and self._known[whole] == block:
            hint = "put the module that wants them into a later block, with plan = late"
            raise error_at(position, f"which files '{name.lower()}' is will be known when its module has run", hint)


class StandInProducts(Products):
    """Whatever is depended on is one file, which knows every key that the module speaks of."""

    def __init__(self, values: Mapping[str, str], names: Names, block: int) -> None:
        super().__init__()
        self._values = values
        self._objects = names
        self._block = block

    def lines(self, name: str, position: SourcePosition) -> list[FileLine]:
        self._objects.check(name, self._block, position)
        nick = name.rpartition(".")[2]
        file = File(label=nick, filetype="", path="standin/standin", job_path=f"{nick}/standin", metadata=self._values)
        return [FileLine(nicks=(nick,), files=(file,), keys=self._values)]


class RehearsalHooks:
    """The hooks of the wrappers, but for words that depend on the files of lists."""

    def __init__(self, hooks: WrapperHooks) -> None:
        self._hooks = hooks

    def takes_inputs(self, name: str) -> bool:
        return self._hooks.takes_inputs(name)

    def adds_arguments(self, name: str) -> bool:
        return False

    def inputs(self, name: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        return self._hooks.inputs(name, settings)

    def shares_process(self, name: str) -> bool:
        return self._hooks.shares_process(name)

    def step(self, argv: Sequence[str], position: SourcePosition) -> str:
        return self._hooks.step(argv, position)

    def arguments(
        self, name: str, settings: Mapping[str, str], members: Mapping[str, list[Mapping[str, str]]]
    ) -> list[str]:
        return []


def _rehearse(
    module: ModuleDefinition, block: int, around: PlanningContext, questions: PlannerQuestions, names: Names
) -> tuple[tuple[str, str], ...]:
    """Make the module's first call; the programs that every call of it runs, with what they run in."""
    values = _stand_in_values(module, around)

    def answer(question: Question) -> Sequence[FoundLine]:
        if trouble := questions.question_error(question):
            raise UnansweredError(trouble)
        return [{"": FoundFile(path="standin/standin", metadata=values)}]

    sources = LineSources(StandInProducts(values, names, block), answer)
    maker = CallMaker(module, replace(around, sources=sources, wrappers=RehearsalHooks(around.wrappers)))
    first = next(iter(maker.combinations()), None)
    if first is None or flag(module.section, "noop"):
        return ()
    call = maker.make(1, first)
    loop = {key.lower() for key in module.loop}
    fixed = {step.number for step in module.execs if loop.isdisjoint(variable_names(step.section.text("execname", "")))}
    return tuple(dict.fromkeys((step.argv[0], call.software) for step in call.execs if step.number in fixed))


def _stand_in_values(module: ModuleDefinition, around: PlanningContext) -> dict[str, str]:
    """Every word that the module or a pattern speaks of, with its first value where it has one."""
    patterns = (around.pipeline.section("directory_pattern"), around.pipeline.section("filename_pattern"))
    texts = [text for section in (module.section, *patterns) for text in _texts(section)]
    scope = around.scope.child(module.section, module.block)
    return {word: _first_value(word, scope) for text in texts for word in WORD.findall(text.lower())}


def _texts(section: Section) -> Iterator[str]:
    for value in section.values():
        if isinstance(value, Section):
            yield from _texts(value)
        else:
            yield str(value)


def _first_value(word: str, scope: Scope) -> str:
    try:
        return next((value for value in split_list(expand(scope.find(word), scope)) if value), "1")
    except (KeyError, WclError):
        return "1"


def _asks(module: ModuleDefinition) -> Iterator[str]:
    for name, section in _objects(module):
        if is_sourced(section):
            yield f"{name}: {source_text(section)}"


def _sources(module: ModuleDefinition) -> Iterator[str]:
    for _, section in _objects(module):
        names = depended(section)
        yield from (name.partition(".")[0] for name in names)
        if not names and is_sourced(section):
            yield "archive"


def _objects(module: ModuleDefinition) -> Iterator[tuple[str, Section]]:
    yield from ((f"file.{label}", part.section) for label, part in module.files.items())
    yield from ((f"list.{label}", part.section) for label, part in module.lists.items())
