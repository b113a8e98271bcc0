"""Rehearsal of late blocks: the first call of each module, made with stand-ins for the files that it will find.

Mistakes of a late block are found with the rest of the plan that way, long before its inputs exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from framework.model.job import Call, File
from framework.model.plan import LateBlock, LateModule
from framework.pipeline.definition import BlockDefinition, ModuleDefinition
from framework.pipeline.problems import PlanProblems, error_at, suggest_name
from framework.pipeline.questions import FoundFile, FoundLine, PlannerQuestions, Question, UnansweredError
from framework.plan.display.reasons import source_text
from framework.plan.file_lines import LineSources
from framework.plan.jobs import read_job_division
from framework.plan.planning_context import PlanningContext, PlanningHooks
from framework.plan.products import FileLine, Products
from wcl import Scope, Section, SourcePosition, WclError, expand, split_list, variable_names

WORD = re.compile(r"[a-z_]\w*", re.IGNORECASE)
#: Path and name of a stand-in.
STAND_IN = "standin"


class KnownObjects:
    """Objects that a late module may depend on, with the numbers of their blocks."""

    def __init__(self) -> None:
        self._blocks: dict[str, int] = {}
        self._wild: set[str] = set()

    def add(self, module: ModuleDefinition, block: int) -> None:
        """Add the files and lists of a module."""
        for label, part in module.objects.items():
            name = f"{module.name}.{label}".lower()
            self._blocks[name] = block
            if "wildcards" in part.section:
                self._wild.add(name)

    def check(self, name: str, block: int, position: SourcePosition) -> None:
        """Raise WclError for an object that no module before has, or that this block itself cannot know yet."""
        whole = name.lower() if name.lower() in self._blocks else name.lower().rpartition(".")[0]
        if whole not in self._blocks:
            hint = suggest_name(name.lower(), self._blocks)
            raise error_at(position, f"no earlier module makes '{name.lower()}'", hint)
        if whole in self._wild and self._blocks[whole] == block:
            hint = "put the module that reads them into a later block, with plan = late"
            raise error_at(position, f"which files '{name.lower()}' is will be known when its module has run", hint)


class StandInProducts(Products):
    """Products in which each object is one file, which has every key that the module speaks of."""

    def __init__(self, values: Mapping[str, str], objects: KnownObjects, block: int) -> None:
        super().__init__()
        self._values = values
        self._objects = objects
        self._block = block

    def lines(self, name: str, position: SourcePosition) -> list[FileLine]:
        self._objects.check(name, self._block, position)
        nick = name.rpartition(".")[2]
        path = f"{STAND_IN}/{STAND_IN}"
        file = File(label=nick, filetype="", path=path, job_path=f"{nick}/{STAND_IN}", metadata=self._values)
        return [FileLine(nicks=(nick,), files=(file,), keys=self._values)]


class RehearsalHooks:
    """Hooks of the wrappers, but for words that depend on the files of lists."""

    def __init__(self, hooks: PlanningHooks) -> None:
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


@dataclass(frozen=True)
class Rehearsal:
    """The late blocks of a run, made as far as they are known now."""

    context: PlanningContext
    questions: PlannerQuestions
    problems: PlanProblems
    #: Function that makes the first call of a module; None if it has none.
    make_first_call: Callable[[ModuleDefinition, PlanningContext], Call | None]
    objects: KnownObjects

    def rehearse(self, block: BlockDefinition, after: str) -> LateBlock:
        """Return a late block as it is known now; what is wrong in it is added to the problems."""
        with self.problems.collect():
            read_job_division(block, self.context.scope)
        modules = []
        for number, module in enumerate(block.modules, start=1):
            programs: tuple[tuple[str, str], ...] = ()
            with self.problems.collect():
                programs = self._find_programs(module, block.number)
            self.objects.add(module, block.number)
            asks, sources = tuple(_questions_of(module)), tuple(dict.fromkeys(_sources(module)))
            modules.append(LateModule(name=module.name, number=number, asks=asks, sources=sources, programs=programs))
        return LateBlock(number=block.number, name=block.name, after=after, modules=tuple(modules))

    def _find_programs(self, module: ModuleDefinition, block: int) -> tuple[tuple[str, str], ...]:
        """Make the module's first call; return the programs that each call of it runs, with their software."""
        values = _stand_in_values(module, self.context)

        def answer(question: Question) -> Sequence[FoundLine]:
            if error := self.questions.question_error(question):
                raise UnansweredError(error)
            return [{"": FoundFile(path=f"{STAND_IN}/{STAND_IN}", metadata=values)}]

        sources = LineSources(StandInProducts(values, self.objects, block), answer)
        hooks = RehearsalHooks(self.context.wrappers)
        call = self.make_first_call(module, replace(self.context, sources=sources, wrappers=hooks))
        if call is None:
            return ()
        loop = {key.lower() for key in module.loop}
        execnames = ((step.number, step.section.text("execname", "")) for step in module.execs)
        fixed = {number for number, text in execnames if loop.isdisjoint(variable_names(text))}
        return tuple(dict.fromkeys((step.argv[0], call.software) for step in call.execs if step.number in fixed))


def _stand_in_values(module: ModuleDefinition, context: PlanningContext) -> dict[str, str]:
    """Return each word of the module and the patterns with its first value; 1 for a word without one."""
    texts = [text for section in (module.section, *context.pipeline.pattern_sections) for text in _texts(section)]
    scope = context.scope.child(module.section, module.block)
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


def _questions_of(module: ModuleDefinition) -> Iterator[str]:
    for label, part in module.objects.items():
        if part.has_source:
            yield f"{label}: {source_text(part.section)}"


def _sources(module: ModuleDefinition) -> Iterator[str]:
    """Yield the modules that a module depends on, and ``archive`` for a query."""
    for part in module.objects.values():
        names = part.dependencies
        yield from (name.partition(".")[0] for name in names)
        if not names and part.has_source:
            yield "archive"
