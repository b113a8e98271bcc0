"""EarlierBlocks: what of a run has been planned and has ended when a late block is planned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from framework.model.plan import Call, File, Job
from framework.pipeline.definition import BlockDefinition
from framework.pipeline.questions import FoundFile, PlannerQuestions
from framework.plan.file_names import joined
from framework.plan.products import FileLine, Products
from wcl.format import as_literal


@dataclass(frozen=True, kw_only=True)
class EarlierBlocks:
    """Everything of the run before a late block."""

    jobs: tuple[Job, ...]
    #: What modules read and late blocks depend on (``Plan.carried``).
    carried: Mapping[str, Sequence[FileLine]]

    @property
    def calls(self) -> list[Call]:
        """In the order of their numbers."""
        return sorted((call for job in self.jobs for call in job.calls), key=lambda call: call.number)

    @property
    def last_call(self) -> int:
        """The greatest number of a call; 0 where there is none."""
        return max((call.number for job in self.jobs for call in job.calls), default=0)


def products_of(
    earlier: EarlierBlocks, blocks: Iterable[BlockDefinition], run: str, questions: PlannerQuestions
) -> Products:
    """What can be depended on; of outputs with wildcards, the files that were really made."""
    products = Products()
    calls = [_as_text(call) for call in earlier.calls]
    wild = [call.number for call in calls if any(file.pattern for file in call.outputs)]
    made = questions.find_outputs(run, wild) if wild else {}
    products.add(_as_made(call, made.get(call.number, ())) for call in calls)
    products.mark_all_as_run()
    for name, lines in earlier.carried.items():
        reader, _, label = name.partition(".")
        products.add_lines(reader, label, (_line_as_text(line) for line in lines))
    for block in blocks:
        for module in block.modules:
            for label in sorted(module.made):
                products.add_lines(module.name, label, ())  # of a module that made nothing
    return products


def _as_text(call: Call) -> Call:
    """The call as it was planned: what is known by now is not expanded another time."""
    outputs = tuple(_file_as_text(file) for file in call.outputs)
    return replace(call, keys=_values_as_text(call.keys), outputs=outputs)


def _line_as_text(line: FileLine) -> FileLine:
    return replace(line, files=tuple(map(_file_as_text, line.files)), keys=_values_as_text(line.keys))


def _file_as_text(file: File) -> File:
    return replace(file, metadata=_values_as_text(file.metadata))


def _values_as_text(values: Mapping[str, str]) -> dict[str, str]:
    return {key: as_literal(value) for key, value in values.items()}


def _as_made(call: Call, made: Sequence[FoundFile]) -> Call:
    """The call with the files that it made in the place of wildcards."""
    if not any(file.pattern for file in call.outputs):
        return call
    return replace(call, outputs=tuple(file for each in call.outputs for file in _known(each, made)))


def _known(file: File, made: Iterable[FoundFile]) -> Iterator[File]:
    """The file itself, or the files that fit its wildcards."""
    if not file.pattern:
        yield file
        return
    pattern = re.compile(file.pattern)
    place, job_place = (path.rpartition("/")[0] for path in (file.path, file.job_path))
    for found in sorted(made, key=lambda each: each.path):
        directory, _, name = found.path.rpartition("/")
        if directory == place and (named := pattern.fullmatch(name)) is not None:
            metadata = {**file.metadata, **found.metadata, **named.groupdict()}
            yield replace(file, path=found.path, job_path=joined(job_place, name), metadata=metadata, pattern="")
