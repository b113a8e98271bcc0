"""Rerun of one call of a recorded run, in a directory of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.configuration.home import home
from framework.engines.process_paths import program_path
from framework.errors import InfrastructureError, RunError
from framework.output.text import counted
from framework.registry.questions.calls import calls
from framework.registry.questions.files import find_by_path, find_call_outputs, find_in_archive
from framework.registry.questions.runs import attempt_values, find_run
from framework.runs import kept_plan
from framework.worker.files.transfer import Checksum, measure
from framework.worker.job.call import CallExecution
from framework.worker.job.job_context import JobContext, WorkerTools
from framework.worker.job.spec import CallSpec, JobSpec
from framework.worker.job.work_directory import WorkDirectory
from framework.worker.journal.journal import Journal, read_facts
from framework.worker.programs.programs import Programs
from framework.worker.programs.warden import Warden

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import FileRow
    from framework.worker.job.records import CallRecord, FileRecord, JobRecord, ShardHeader


IN_MEMORY = "in memory"


@dataclass(frozen=True)
class OutputComparison:
    """One output of a rerun, compared with its record.

    The result is ``same``, ``differs``, ``missing``, ``new`` (not recorded), or ``in memory`` (never written, so that
    there is nothing to compare with).
    """

    path: str
    verdict: str


@dataclass(frozen=True, kw_only=True)
class RerunResult:
    """Result of a rerun."""

    status: int
    reason: str
    commands: tuple[str, ...]
    outputs: tuple[OutputComparison, ...]
    #: What its programs ran in: ``same`` as recorded, ``differs``, or empty for the machine as it is.
    software: str = ""
    #: Where what it made this time lies, by the path in the archive.
    made: Mapping[str, str] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        return self.status == 0 and all(part.verdict in ("same", IN_MEMORY) for part in self.outputs)


def rerun_call(registry: Registry, run: str, number: int, target: Path) -> RerunResult:
    """Repeat a call in the directory ``target``, which must not exist; nothing outside it is written.

    Inputs that its job did not keep are made again first, by the calls that made them. Outputs that were passed in
    memory are written this time, so that they can be looked at.
    """
    shard, software, root = _find_shard(registry, run, number)
    header, data = _find_job(shard, number)
    header["archive_root"] = root  # which may have moved since, or be another registry's
    specs = _calls_needed([CallSpec(_without_memory(call)) for call in data["calls"]], number)
    known = _recorded_files(registry, header, specs)
    if missing := _missing_inputs(specs, known):
        raise RunError(f"call {number} needs {missing[0]}, which the archive does not keep")
    if target.exists():
        raise RunError(f"{target} is there already: remove it, or name another directory with --into")
    return _repeat(header, specs, known, target, software)


def _missing_inputs(specs: list[CallSpec], known: RecordedFiles) -> list[str]:
    """Return the inputs that the archive does not keep and none of the calls makes."""
    made = {file.path for spec in specs for file in spec.outputs}
    inputs = [file for spec in specs for file in spec.inputs if not file.optional and not file.external]
    return [file.path for file in inputs if file.archived not in known.kept and file.path not in made]


@dataclass(frozen=True)
class RecordedFiles:
    """Recorded facts of some files."""

    #: Those that the archive has.
    kept: dict[str, Checksum]
    #: All that are recorded; None for what never was bytes.
    all: dict[str, Checksum | None]
    #: Of the call that is repeated, the files of which only its programs knew how many there are.
    pieces: tuple[str, ...]


def _without_memory(call: CallRecord) -> CallRecord:
    """Return a call with files in the place of outputs passed in memory; its outputs are kept for the comparison."""

    def files(records: list[FileRecord], *without: str) -> Any:
        return [{name: value for name, value in file.items() if name not in without} for file in records]

    inputs, outputs = files(call["inputs"], "in_memory"), files(call["outputs"], "in_memory", "compression")
    return {**call, "inputs": inputs, "outputs": outputs}


def _calls_needed(calls: list[CallSpec], number: int) -> list[CallSpec]:
    """Return a call, and in order before it the calls of its job that make inputs which the job did not keep."""
    makers = {file.path: call.number for call in calls for file in call.outputs if not file.saved}
    needed = {number}
    # A call comes after those that make its inputs.
    for call in reversed(calls):
        if call.number in needed:
            needed |= {makers[file.path] for file in call.inputs if file.path in makers}
    return [call for call in calls if call.number in needed]


def _find_shard(registry: Registry, run: str, number: int) -> tuple[str, str | None, str]:
    """Return the archive path of a call's shard, the software of its last execution, and the archive's root."""
    found = find_run(registry, run)
    tries = calls(registry, found.attempt_id, wrapnum=number)
    if not tries:
        raise RunError(f"{found.run} has recorded no call {number}: it has {counted(found.calls_expected, 'call')}")
    shard = tries[-1].planfile
    kept = kept_plan.plan_files(registry, found)
    if shard not in kept:
        raise RunError(f"{found.run} keeps no {shard} in its archive")
    software = next((each.software for each in reversed(tries) if each.software), None)
    return kept[shard].location, software, attempt_values(registry, found.attempt_id)["archive_root"]


def _recorded_files(registry: Registry, header: ShardHeader, specs: list[CallSpec]) -> RecordedFiles:
    """Return the recorded facts of the calls' inputs and outputs."""
    paths = [file.path for spec in specs for file in (*spec.inputs, *spec.outputs) if not file.external]
    rows = find_in_archive(registry, header["archive"], paths)
    for spec in specs:
        _set_compression(spec, rows)
    pieces = _recorded_pieces(registry, header, specs[-1])
    kept = dict(_archived_copy(row) for row in (*rows.values(), *pieces.values()))
    every = {**find_by_path(registry, paths), **pieces}
    facts = {path: None if row.size is None else Checksum(row.size, row.sha256 or "") for path, row in every.items()}
    return RecordedFiles(kept, facts, tuple(pieces))


def _set_compression(spec: CallSpec, rows: Mapping[str, FileRow]) -> None:
    """Set the compression of a call's inputs as the archive keeps them now, which may be another one than the run's."""
    for file in spec.inputs:
        if file.path in rows:
            packed = rows[file.path].packed
            file.compression = packed[0] if packed else ""


def _recorded_pieces(registry: Registry, header: ShardHeader, spec: CallSpec) -> dict[str, FileRow]:
    """Return the recorded files of a call's outputs with wildcards, by path."""
    if not any(file.pattern for file in spec.outputs):
        return {}
    found = find_call_outputs(registry, header["archive"], header["run"], [spec.number])
    return {row.path: row for _, row in found}


def _archived_copy(row: FileRow) -> tuple[str, Checksum]:
    """Return path, size and checksum of a file as the archive keeps it."""
    if row.packed:
        ending, size, sha256 = row.packed
        return row.path + ending, Checksum(size, sha256)
    return row.path, Checksum(row.size or 0, row.sha256 or "")


def _find_job(path: str, number: int) -> tuple[ShardHeader, JobRecord]:
    """Return a shard's header, and the definition of the job that a call belongs to."""
    parts = kept_plan.read_records(path)
    header = next(parts)
    for job in parts:
        if any(call["number"] == number for call in job["calls"]):
            return header, job
    raise RunError(f"the plan of the run has no call {number}")


def _repeat(
    header: ShardHeader, specs: list[CallSpec], known: RecordedFiles, target: Path, software: str | None
) -> RerunResult:
    """Run calls with the worker's own code; the target directory takes the place of the archive."""
    try:
        target.mkdir(parents=True)
    except OSError as error:
        raise InfrastructureError(f"{target}: {error.strerror}") from error
    warden = Warden()
    journal = Journal(str(target / "journal"), "rerun", run=header["run"], attempt=header["attempt"], start=0)
    here = os.getcwd()
    try:
        job = JobSpec(header, {"number": 0, "block": 0, "keys": "", "calls": []})
        job.calls = specs
        place = WorkDirectory(str(target / "work"))
        environment = {"FW_SECRETS": str(home() / "secrets"), **os.environ, "PATH": program_path()}
        tools = WorkerTools(place, journal, Programs(warden), environment, str(target / "images"))
        context = JobContext(job, "rerun", tools)
        context.known = known.kept
        context.store_root = str(target / "outputs")
        context.copies_inputs = True
        place.prepare(path for spec in specs for path in spec.job_paths)
        os.chdir(place.root)
        status, call = _run_in_order(context)
    finally:
        os.chdir(here)
        journal.close()
        warden.dismiss()
    commands, software_compared = _compare_software(journal.path, software)
    # What it made before, and what it made now, with the places in the job.
    places_of = {**{path: path for path in known.pieces}, **{file.path: file.job_path for file in call.outputs}}
    made = dict(_find_outputs(places_of, context.store_root, place))
    outputs = tuple(
        _compare_output(path, made.get(path), known.all) for path in places_of if path in {*made, *known.all}
    )
    return RerunResult(
        status=status, reason=call.reason, commands=commands, outputs=outputs, software=software_compared, made=made
    )


def _compare_software(journal: str, recorded: str | None) -> tuple[tuple[str, ...], str]:
    """Return the command lines of a rerun, and whether its software was the recorded one: same, differs, or ''."""
    facts = list(read_facts(journal))
    commands = tuple(fact["args"] for fact in facts if fact["e"] == "exec.start")
    prepared = [fact["sha256"] for fact in facts if fact["e"] == "software"]
    if not prepared:
        return commands, ""
    return commands, "same" if recorded in (None, *prepared) else "differs"


def _find_outputs(places_of: Mapping[str, str], root: str, place: WorkDirectory) -> Iterator[tuple[str, str]]:
    """Yield each output that was made with its path: stored, or still in the work directory."""
    for path, at in places_of.items():
        for here in (os.path.join(root, path), place.at(at)):
            if os.path.exists(here):
                yield path, here
                break


def _run_in_order(context: JobContext) -> tuple[int, CallExecution]:
    """Run calls until one fails, and return the status and the last call that ran."""
    try:
        for spec in context.job.calls:
            call = CallExecution(context, spec, 1)
            status = call.run()
            if status:
                break
    finally:
        context.process.end()
    return status, call


def _compare_output(path: str, made: str | None, recorded: dict[str, Checksum | None]) -> OutputComparison:
    if made is None:
        return OutputComparison(path, "missing")
    if path not in recorded:
        return OutputComparison(path, "new")
    expected = recorded[path]
    if expected is None:
        return OutputComparison(path, IN_MEMORY)
    return OutputComparison(path, "same" if measure(made) == expected else "differs")
