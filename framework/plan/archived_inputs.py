"""Inputs that no call makes: look them up in the archives, and check that those outside can be read."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from framework.model.job import ArchivedFile, Call, File
from framework.pipeline.problems import PlanProblems
from framework.pipeline.questions import PlannerQuestions
from framework.plan.definition_positions import DefinitionPositions, describe_call
from framework.plan.products import Products

#: Calls with the file that each reads, by the file's path.
Readers = dict[str, list[tuple[Call, File]]]


def find_archived_inputs(
    calls: list[Call],
    products: Products,
    positions: DefinitionPositions,
    questions: PlannerQuestions,
    problems: PlanProblems,
) -> dict[int, Call]:
    """Return the calls, by number, whose inputs are looked up in the archives.

    Inputs that no call makes get size and checksum as the archive has them. Optional ones that do not exist are left
    out; others that do not exist are reported.
    """
    readers: Readers = {}
    external: Readers = {}
    for call in calls:
        for file in call.inputs:
            if file.external:
                external.setdefault(file.path, [(call, file)])
                continue
            maker = products.maker(file.path)
            if maker is None:
                if file.size is None:  # else a query found it in the archive
                    readers.setdefault(file.path, []).append((call, file))
            elif maker >= call.number:
                problems.add_error(
                    positions.find(call, file.label),
                    f"{describe_call(call)} reads {file.path} before it is made",
                    hint="put the module that makes it first in modulelist",
                )
    known = questions.find_in_archive(list(readers))
    _report_missing(readers, known, positions, questions, problems)
    _report_unreadable(external, positions, questions, problems)
    affected = {call.number: call for entries in readers.values() for call, _ in entries}
    return {number: _with_known_inputs(call, readers, known) for number, call in affected.items()}


def _report_missing(
    readers: Readers,
    known: Mapping[str, ArchivedFile],
    positions: DefinitionPositions,
    questions: PlannerQuestions,
    problems: PlanProblems,
) -> None:
    for path, entries in readers.items():
        required = [(call, file) for call, file in entries if not file.optional]
        if path not in known and required:
            call, file = required[0]
            reason = questions.absence_reason(path) or "the archive does not have it"
            problems.add_error(
                positions.find(call, file.label),
                f"no call makes {path}, and {reason}",
                hint=f"{describe_call(call)} needs it as {file.label}",
            )


def _report_unreadable(
    external: Readers, positions: DefinitionPositions, questions: PlannerQuestions, problems: PlanProblems
) -> None:
    for location, ((call, file),) in external.items():
        error = questions.read_error(location)
        if error and not file.optional:
            hint = f"{describe_call(call)} needs it as {file.label}"
            problems.add_error(positions.find(call, file.label), f"{location}: {error}", hint)


def _with_known_inputs(call: Call, looked_up: Collection[str], known: Mapping[str, ArchivedFile]) -> Call:
    inputs = []
    for file in call.inputs:
        if file.external or file.path not in looked_up:
            inputs.append(file)
        elif entry := known.get(file.path):
            inputs.append(_with_known(file, entry))
    return replace(call, inputs=tuple(inputs))


def _with_known(file: File, known: ArchivedFile) -> File:
    return replace(file, size=known.size, sha256=known.sha256, compression=known.compression, staged_from=known.archive)
