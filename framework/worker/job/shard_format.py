"""Format of a plan's shards, and how shards of earlier formats are read.

A shard is a file of JSON lines: a header, then a line a job. From format 2 on, keys are the field names of
``framework/model/plan.py`` and of ``spec.py``, and the header says ``format``; format 1, whose header does not, has
other names for some.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from framework.worker.job.records import JobRecord, ShardHeader

    Names = Mapping[str, Mapping[str, str]]

FORMAT = 2
#: Keys of format 1 and the names that they have now, by kind of record.
FORMAT_1_KEYS: Names = {
    "job": {"job": "number", "threads": "max_threads"},
    "call": {"call": "number", "threads": "max_threads"},
    "file": {"type": "filetype", "at": "job_path", "meta": "metadata", "keep": "saved", "outside": "external"},
    "list": {"at": "job_path"},
    "exec": {"exec": "number", "late": "deferred"},
}
_TO_FORMAT_1: Names = {
    kind: {new: old for old, new in names.items()} for kind, names in FORMAT_1_KEYS.items()
}  # fmt: skip


def current_record(header: ShardHeader, job: JobRecord) -> JobRecord:
    """Return a job's record of a shard with today's keys, whichever format the shard has."""
    if "format" in header:
        return job
    renamed: JobRecord = _renamed_job(job, FORMAT_1_KEYS)
    return renamed


def format_1_record(job: dict[str, object]) -> dict[str, object]:
    """Return a job's record with the keys of format 1."""
    renamed: dict[str, object] = _renamed_job(job, _TO_FORMAT_1)
    return renamed


def _renamed_job(job: Mapping[str, Any], names: Names) -> Any:
    return {**_renamed(job, names["job"]), "calls": [_renamed_call(call, names) for call in job["calls"]]}


def _renamed_call(call: Mapping[str, Any], names: Names) -> dict[str, object]:
    parts = {"inputs": "file", "outputs": "file", "lists": "list", "execs": "exec"}
    nested: dict[str, object] = {
        key: [_renamed(part, names[kind]) for part in call[key]] for key, kind in parts.items() if key in call
    }
    return {**_renamed(call, names["call"]), "log": _renamed(call["log"], names["file"]), **nested}


def _renamed(record: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, object]:
    return {names.get(key, key): value for key, value in record.items()}
