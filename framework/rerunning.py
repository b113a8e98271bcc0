"""Rerunning: one call of a recorded run, again, in a directory of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework import kept_plan
from framework.engines.workers import program_path
from framework.errors import InfrastructureError, RunError
from framework.home import home
from framework.job.call import Bench, Call, Tools
from framework.job.journal import Journal, read_facts
from framework.job.programs import Programs
from framework.job.spec import CallSpec, JobSpec
from framework.job.transfer import Facts, measure
from framework.job.warden import Warden
from framework.job.workplace import Workplace

if TYPE_CHECKING:
    from framework.registry.database import Registry


@dataclass(frozen=True)
class Comparison:
    """One output and how it compares with the record: same, differs, missing, or new (not recorded)."""

    path: str
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """What came of it."""

    status: int
    reason: str
    commands: tuple[str, ...]
    outputs: tuple[Comparison, ...]

    @property
    def same(self) -> bool:
        return self.status == 0 and all(part.verdict == "same" for part in self.outputs)


def rerun(registry: Registry, run: str, number: int, target: Path) -> Rerun:
    """Repeat a call; nothing is written outside ``target``, which must not be there yet."""
    header, data = _planned(_shard_of(registry, run, number), number)
    spec = CallSpec(data)
    known = _known(registry, header, spec)
    wanted = [file for file in spec.inputs if not file.outside and file.path not in known and not file.optional]
    if wanted:
        raise RunError(f"call {number} needs {wanted[0].path}, which the archive does not keep")
    if target.exists():
        raise RunError(f"{target} is there already: remove it, or name another directory with --into")
    return _repeat(header, data, spec, known, target)


def _shard_of(registry: Registry, run: str, number: int) -> str:
    """Where the archive keeps the part of the plan that defines a call."""
    from framework.registry.calls import calls
    from framework.registry.runs import find_run

    found = find_run(registry, run)
    tries = calls(registry, found.attempt_id, wrapnum=number)
    if not tries:
        raise RunError(f"{found.run} has recorded no call {number}: it has {found.calls_expected} calls")
    shard = tries[-1].planfile
    kept = kept_plan.files(registry, found)
    if shard not in kept:
        raise RunError(f"{found.run} keeps no {shard} in its archive")
    return kept[shard].location


def _known(registry: Registry, header: dict[str, Any], spec: CallSpec) -> dict[str, Facts]:
    """What is recorded of a call's inputs and outputs."""
    from framework.registry.files import existing, made_by

    paths = [file.path for file in (*spec.inputs, *spec.outputs) if not file.outside]
    rows = existing(registry, header["archive"], paths)
    if any(file.pattern for file in spec.outputs):
        rows |= {row.path: row for _, row in made_by(registry, header["archive"], header["run"], [spec.number])}
    return {path: Facts(row.size or 0, row.sha256 or "") for path, row in rows.items()}


def _planned(path: str, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The shard's header and the call's own definition in it."""
    parts = kept_plan.records(path)
    header = next(parts)
    for job in parts:
        for call in job["calls"]:
            if call["call"] == number:
                return header, call
    raise RunError(f"the plan of the run has no call {number}")


def _repeat(
    header: dict[str, Any], data: dict[str, Any], spec: CallSpec, known: dict[str, Facts], target: Path
) -> Rerun:
    """Run it with the worker's own code, the archive for its outputs replaced by the target directory."""
    try:
        target.mkdir(parents=True)
    except OSError as error:
        raise InfrastructureError(f"{target}: {error.strerror}") from error
    warden = Warden()
    journal = Journal(str(target / "journal"), "rerun", run=header["run"], attempt=header["attempt"], start=0)
    here = os.getcwd()
    try:
        job = JobSpec(header, {"job": 0, "block": 0, "keys": "", "calls": [data]})
        place = Workplace(str(target / "work"))
        environment = {"FW_SECRETS": str(home() / "secrets"), **os.environ, "PATH": program_path()}
        bench = Bench(job, "rerun", Tools(place, journal, Programs(warden), environment))
        bench.known = known
        bench.store_root = str(target / "outputs")
        place.prepare([file.at for file in (*spec.inputs, *spec.outputs)] + [at for at, _, _ in spec.lists])
        os.chdir(place.root)
        call = Call(bench, spec, 1)
        status = call.run()
    finally:
        os.chdir(here)
        journal.close()
        warden.dismiss()
    commands = tuple(fact["args"] for fact in read_facts(journal.path) if fact["e"] == "exec.start")
    outputs = tuple(
        _compared(path, bench.store_root, place.at(at), known) for path, at in _outputs(call, spec, known).items()
    )
    return Rerun(status=status, reason=call.reason, commands=commands, outputs=outputs)


def _outputs(call: Call, spec: CallSpec, known: dict[str, Facts]) -> dict[str, str]:
    """Archive paths of what the call made, and of what it had made before, with their places in the job."""
    inputs = {file.path for file in spec.inputs}
    made = {file.path: file.at for file in call.outputs}
    return {**{path: path for path in known if path not in inputs}, **made}


def _compared(path: str, root: str, left: str, known: dict[str, Facts]) -> Comparison:
    stored = os.path.join(root, path)
    made = stored if os.path.exists(stored) else left
    if not os.path.exists(made):
        return Comparison(path, "missing")
    if path not in known:
        return Comparison(path, "new")
    return Comparison(path, "same" if measure(made) == known[path] else "differs")
