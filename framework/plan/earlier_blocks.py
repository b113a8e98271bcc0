"""Earlier blocks of a run, as a late block finds them: their jobs, and the files that they made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from framework.model.job import Call, File, Job
from framework.pipeline.definition import BlockDefinition
from framework.pipeline.questions import FoundFile, PlannerQuestions
from framework.plan.paths import join_path
from framework.plan.products import FileLine, Products
from wcl import as_literal


@dataclass(frozen=True, kw_only=True)
class EarlierBlocks:
    """Blocks of a run before a late block."""

    jobs: tuple[Job, ...]
    #: Lines that modules read and late blocks depend on (``Plan.carried``).
    carried: Mapping[str, Sequence[FileLine]]

    @property
    def calls(self) -> list[Call]:
        """Calls in the order of their numbers."""
        return sorted((call for job in self.jobs for call in job.calls), key=lambda call: call.number)

    @property
    def last_call(self) -> int:
        """Greatest number of a call; 0 if there is none."""
        return max((call.number for job in self.jobs for call in job.calls), default=0)


def collect_products(
    earlier: EarlierBlocks, blocks: Iterable[BlockDefinition], run: str, questions: PlannerQuestions
) -> Products:
    """Return the products of earlier blocks; in the place of wildcards the files that were made."""
    products = Products()
    calls = [_escape_call(call) for call in earlier.calls]
    wild = [call.number for call in calls if any(file.pattern for file in call.outputs)]
    made = questions.find_outputs(run, wild) if wild else {}
    products.add(_replace_wildcards(call, made.get(call.number, ())) for call in calls)
    products.mark_all_as_run()
    for name, lines in earlier.carried.items():
        reader, _, label = name.partition(".")
        products.add_lines(reader, label, (_escape_line(line) for line in lines))
    _add_empty_objects(products, blocks)
    return products


def _add_empty_objects(products: Products, blocks: Iterable[BlockDefinition]) -> None:
    """Let a late block depend on modules that made nothing."""
    for block in blocks:
        for module in block.modules:
            for label in sorted(module.made):
                products.add_lines(module.name, label, ())


def _escape_call(call: Call) -> Call:
    """Return the call with values that are not expanded another time."""
    outputs = tuple(_escape_file(file) for file in call.outputs)
    return replace(call, keys=_escape_values(call.keys), outputs=outputs)


def _escape_line(line: FileLine) -> FileLine:
    return replace(line, files=tuple(map(_escape_file, line.files)), keys=_escape_values(line.keys))


def _escape_file(file: File) -> File:
    return replace(file, metadata=_escape_values(file.metadata))


def _escape_values(values: Mapping[str, str]) -> dict[str, str]:
    return {key: as_literal(value) for key, value in values.items()}


def _replace_wildcards(call: Call, made: Sequence[FoundFile]) -> Call:
    """Return the call with the files that it made in the place of wildcards."""
    if not any(file.pattern for file in call.outputs):
        return call
    return replace(call, outputs=tuple(file for each in call.outputs for file in _matching_files(each, made)))


def _matching_files(file: File, made: Iterable[FoundFile]) -> Iterator[File]:
    """Yield the file itself, or the files that fit its wildcards."""
    if not file.pattern:
        yield file
        return
    pattern = re.compile(file.pattern)
    archive_directory, job_directory = (path.rpartition("/")[0] for path in (file.path, file.job_path))
    for found in sorted(made, key=lambda each: each.path):
        directory, _, name = found.path.rpartition("/")
        if directory == archive_directory and (match := pattern.fullmatch(name)) is not None:
            metadata = {**file.metadata, **found.metadata, **match.groupdict()}
            job_path = join_path(job_directory, name)
            yield replace(file, path=found.path, job_path=job_path, metadata=metadata, pattern="")
