"""Plan records: a plan as the lines of its files, and what engines know of it; nothing here reads or writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import ceil
from typing import Any

import msgspec

from framework.model.job import Call, Job
from framework.model.plan import Block, Plan
from framework.model.run import PlannedCall, PlannedJob
from framework.worker.job.shard_format import FORMAT, format_1_record


def shard_header(plan: Plan, attempt: int, shard: str, *, has_format_1: bool) -> dict[str, object]:
    """Return the first line of a shard: what its jobs share."""
    header: dict[str, object] = {} if has_format_1 else {"format": FORMAT}
    header |= {
        "run": plan.identity.run,
        "attempt": attempt,
        "archive": plan.archive,
        "archive_root": plan.archive_root,
        "shard": shard,
    }
    if plan.software:
        header["software"] = software_records(plan)
    if plan.max_transfers:
        header["max_transfers"] = plan.max_transfers
    if plan.keeps_junk:
        header["junk"] = f"{plan.archive_path}/junk"
    if plan.compression_args:
        header["compression_args"] = plan.compression_args
    return header


def job_record(job: Job) -> dict[str, object]:
    """Return the job as plain data, with the keys that ``fw plan --json`` has always printed: those of format 1."""
    return format_1_record(msgspec.to_builtins(job, enc_hook=_as_text))


def planned_job(job: Job, shard: str, offset: int) -> PlannedJob:
    """Return what engines know of a job, which begins at a byte of a shard."""
    return PlannedJob(
        number=job.number,
        block=job.block,
        parents=job.parents,
        calls=tuple([_planned_call(call) for call in job.calls]),
        max_retries=job.max_retries,
        cpus=max([call.needs.cpus for call in job.calls]),
        memory_steps_mb=_steps_of_job([steps for call in job.calls if (steps := call.needs.memory_steps_mb)]),
        time_steps=max([len(call.needs.walltime_steps_minutes) for call in job.calls]),
        shard=shard,
        offset=offset,
        gpus=max([call.needs.gpus for call in job.calls]),
        software=tuple(sorted({call.software for call in job.calls} - {""})),
        disk_mb=max([call.needs.disk_mb or 0 for call in job.calls]),
        partition=next((call.needs.partition for call in job.calls if call.needs.partition), ""),
        account=next((call.needs.account for call in job.calls if call.needs.account), ""),
        walltime_minutes=_walltime_minutes(job),
    )


def _steps_of_job(steps: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Return what a job asks for, step by step: each time the most that one of its calls asks for."""
    if len(steps) < 2:
        return steps[0] if steps else (0,)
    count = max(map(len, steps))
    return tuple([max([each[min(step, len(each) - 1)] for each in steps]) for step in range(count)])


def _walltime_minutes(job: Job) -> int:
    """Return how long the job may take: its calls one after another, each with all steps of its time."""
    steps = [call.needs.walltime_steps_minutes for call in job.calls]
    return ceil(sum(map(sum, steps))) if all(steps) else 0


def _planned_call(call: Call) -> PlannedCall:
    return PlannedCall(
        number=call.number,
        module=call.module,
        kept=tuple([file.archived for file in call.outputs if file.saved and not file.optional and not file.pattern]),
        unkept=tuple([file.path for file in call.outputs if not file.saved and not file.pattern]),
        inputs=tuple([file.archived for file in call.inputs if not file.external]),
    )


def run_summary(plan: Plan, attempt: int) -> dict[str, object]:
    """Return what a plan says of the run as a whole and of the blocks that are planned with it."""
    return {
        "run": plan.identity.run,
        "attempt": attempt,
        "archive": plan.archive,
        "archive_root": plan.archive_root,
        "archive_path": plan.archive_path,
        "barriers": plan.barriers,
        "epilogue": plan.epilogue,
        "gpus": plan.gpus,
        "deliver_to": plan.deliver_to,
        "target_site": plan.target_site,
        "site": plan.site,
        "submit_directory": plan.submit_directory,
        "identity": asdict(plan.identity),
        "late": [{"number": block.number, "name": block.name, "after": block.after} for block in plan.late],
        **_blocks_summary(plan),
    }


def late_block_summary(plan: Plan, block: Block) -> dict[str, object]:
    """Return what the plan of a late block adds to that of its run."""
    return {"modules": {module.name: module.calls for module in block.modules}, **_blocks_summary(plan)}


def _blocks_summary(plan: Plan) -> dict[str, object]:
    """Return what the blocks that are planned at one time add to the run."""
    modules = [module for block in plan.blocks for module in block.modules]
    return {
        "programs": sorted(plan.programs),
        "software": software_records(plan),
        "max_running": {module.name: module.max_running for module in modules if module.max_running},
        "concurrency_limits": {one.name: one.concurrency_limits for one in modules if one.concurrency_limits},
        "carried": plan.carried,
        "staging": _staging(plan),
    }


def _staging(plan: Plan) -> dict[str, tuple[str, str]]:
    """Return files of other archives that the run needs: path there, to the archive and the path of the file itself."""
    return {
        file.archived: (file.staged_from, file.path) for call in plan.calls for file in call.inputs if file.staged_from
    }


def software_records(plan: Plan) -> dict[str, Mapping[str, Any]]:
    """Return what programs run in, by label, as workers read it (framework/worker/environments/base.py)."""
    return {label: msgspec.to_builtins(found, enc_hook=_as_text) for label, found in plan.software.items()}


def json_line(record: object) -> bytes:
    """Return a record as a line of JSON."""
    try:
        return _ENCODER.encode(record) + b"\n"
    except UnicodeEncodeError:  # a path that is not text, kept as Python keeps it
        return json.dumps(msgspec.to_builtins(record, enc_hook=_as_text)).encode() + b"\n"


def _as_text(value: object) -> str:
    """Encode quoted values as text."""
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError(type(value))


_ENCODER = msgspec.json.Encoder(enc_hook=_as_text)
