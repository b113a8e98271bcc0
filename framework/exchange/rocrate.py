"""Workflow Run RO-Crate: a run by the Provenance Run Crate profile, with its pipeline and, if asked for, its files."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from framework.exchange.names import as_json, quoted
from framework.output.text import counted
from framework.registry.questions.provenance import Activity, Artefact, Provenance

METADATA = "ro-crate-metadata.json"
PIPELINE = "pipeline.wcl"
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]
WORKFLOW_PROFILE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    WORKFLOW_PROFILE: ("Workflow RO-Crate", "1.0"),
}
WORKFLOW_TYPE = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
PARAMETER_PROFILE = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"

Entity = dict[str, Any]


def crate_text(record: Provenance, places: Mapping[int, str], licence: str) -> Iterator[str]:
    """Yield the metadata of the crate in pieces: one line for each entity.

    ``places`` are the locations of files: a path in the crate, or an absolute address; others are described only.
    """
    yield f'{{\n"@context": {as_json(CONTEXT)},\n"@graph": ['
    first = True
    for entity in _entities(record, places, licence):
        whole = {key: _one_or_more(value) for key, value in entity.items() if value not in (None, [])}
        yield f"{'' if first else ','}\n {as_json(whole)}"
        first = False
    yield "\n]\n}\n"


def _entities(record: Provenance, places: Mapping[int, str], licence: str) -> Iterator[Entity]:
    ids = {id_: places.get(id_) or f"#file/{quoted(file.path)}" for id_, file in record.files.items()}
    calls = [one for one in record.activities.values() if one.kind == "call"]
    yield _descriptor()
    yield _root(record, ids, places, calls, licence)
    yield from ({"@id": at, "@type": "CreativeWork", "name": n, "version": v} for at, (n, v) in PROFILES.items())
    yield _licence(licence)
    yield from _workflow(record, calls)
    yield from _actors(record)
    yield from _run(record, ids, calls)
    yield from _calls(record, ids, calls)
    for id_, file in record.files.items():
        yield _file(file, ids[id_], id_ in places)


# ---------------------------------------------------------------- the crate and its pipeline


def _descriptor() -> Entity:
    conforms = [_at("https://w3id.org/ro/crate/1.1"), _at(WORKFLOW_PROFILE)]
    return {"@id": METADATA, "@type": "CreativeWork", "about": _at("./"), "conformsTo": conforms}


def _root(
    record: Provenance, ids: Mapping[int, str], places: Mapping[int, str], calls: list[Activity], licence: str
) -> Entity:
    attempt = record.attempt
    ended = record.activities[attempt.task_id].end or attempt.submittime
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": attempt.run,
        "description": f"Run {attempt.run} of pipeline {attempt.pipeline}, project {attempt.project}: "
        f"{counted(len(calls), 'execution')} of {counted(len(record.modules), 'module')}, "
        f"{counted(len(record.files), 'file')}",
        "datePublished": _moment(ended),
        "author": _at(_person(record)),
        "license": _at(_licence(licence)["@id"]),
        "conformsTo": [_at(profile) for profile in PROFILES],
        "mainEntity": _at(PIPELINE),
        "hasPart": [_at(PIPELINE), *(_at(ids[id_]) for id_ in record.files if id_ in places)],
        "mentions": [_at("#run"), _at("#organize"), *(_at(_action(call)) for call in calls)],
    }


def _licence(licence: str) -> Entity:
    if licence:
        return {"@id": licence, "@type": "CreativeWork", "name": licence}
    words = "Who ran the pipeline has stated no licence: ask before the contents are used."
    return {"@id": "#licence", "@type": "CreativeWork", "name": "No licence stated", "description": words}


def _workflow(record: Provenance, calls: list[Activity]) -> Iterator[Entity]:
    inputs, outputs = _parameters(record)
    yield {
        "@id": PIPELINE,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": record.attempt.pipeline,
        "conformsTo": _at(WORKFLOW_TYPE),
        "encodingFormat": "text/plain",
        "programmingLanguage": _at("#wcl"),
        "sha256": record.attempt.submitwcl_sha256,
        "version": _version(record, "pipeline") or record.attempt.submitwcl_sha256,
        "hasPart": [_at(_tool(module)) for module in record.modules],
        "step": [_at(_step(module)) for module in record.modules],
        "input": [_at(f"#input/{quoted(name)}") for name in inputs],
        "output": [_at(f"#output/{quoted(name)}") for name in outputs],
    }
    yield {"@id": "#wcl", "@type": "ComputerLanguage", "name": "WCL", "alternateName": "Workflow Control Language"}
    for kind, names in (("input", inputs), ("output", outputs)):
        for name in names:
            yield {
                "@id": f"#{kind}/{quoted(name)}",
                "@type": "FormalParameter",
                "additionalType": "File",
                "name": name,
                "conformsTo": _at(PARAMETER_PROFILE),
            }
    for profile in (PARAMETER_PROFILE, WORKFLOW_TYPE):
        name, version = profile.split("/")[-2:]
        yield {"@id": profile, "@type": "CreativeWork", "name": name, "version": version}
    yield from _steps(record, _programs(record, calls))


def _steps(record: Provenance, programs: Mapping[str, Iterable[str]]) -> Iterator[Entity]:
    """Yield the modules, each as a tool with its programs and as a step of the workflow."""
    for position, module in enumerate(record.modules, start=1):
        tool = {"@id": _tool(module), "@type": "SoftwareApplication", "name": module}
        yield {**tool, "description": f"runs {', '.join(programs.get(module, ()))}" if programs.get(module) else None}
        step = {"@id": _step(module), "@type": "HowToStep", "name": module, "position": str(position)}
        yield {**step, "workExample": _at(_tool(module))}


def _parameters(record: Provenance) -> tuple[list[str], list[str]]:
    """Return the filetypes of the inputs and of the outputs of the run."""
    own = {file.filetype for file in record.files.values() if file.is_own}
    return sorted({file.filetype for file in record.files.values() if not file.is_own}), sorted(own)


def _programs(record: Provenance, calls: list[Activity]) -> dict[str, dict[str, None]]:
    """Return the programs of each module, with their versions."""
    modules = {call.id: call.module for call in calls}
    found: dict[str, dict[str, None]] = {}
    for one in record.activities.values():
        if one.kind == "program" and one.parent in modules:
            found.setdefault(modules[one.parent], {})[" ".join(filter(None, [one.program, one.version]))] = None
    return found


def _actors(record: Provenance) -> Iterator[Entity]:
    yield {"@id": _person(record), "@type": "Person", "name": record.attempt.operator}
    framework = next((one for one in record.submitters.values() if one.kind == "framework"), None)
    found = framework.found if framework else {}
    yield {
        "@id": "#skyfw",
        "@type": "SoftwareApplication",
        "name": "skyfw",
        "softwareVersion": " ".join(filter(None, [found.get("version"), _version(record, "framework")])) or None,
        "softwareRequirements": found.get("packages"),
    }


def _version(record: Provenance, kind: str) -> str | None:
    """Return the commit of the framework or of the pipeline's folder."""
    stack = next((one for one in record.submitters.values() if one.kind == kind), None)
    commit = stack.found.get("git", {}).get("commit") if stack else None
    return f"commit {commit}" if commit else None


# ---------------------------------------------------------------- what was executed


def _run(record: Provenance, ids: Mapping[int, str], calls: list[Activity]) -> Iterator[Entity]:
    run = record.activities[record.attempt.task_id]
    yield {
        "@id": "#organize",
        "@type": "OrganizeAction",
        "name": f"skyfw carries out {record.attempt.run}",
        "agent": _at(_person(record)),
        "instrument": _at("#skyfw"),
        "object": [_at(_control(call)) for call in calls],
        "result": _at("#run"),
        **_times(run),
    }
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": record.attempt.run,
        "description": f"{len(calls)} executions of {', '.join(record.modules)}",
        "agent": _at(_person(record)),
        "instrument": _at(PIPELINE),
        "object": [_at(ids[id_]) for id_, file in record.files.items() if not file.is_own],
        "result": [_at(ids[id_]) for id_, file in record.files.items() if file.is_own],
        **_times(run),
        **_status(run),
    }


def _calls(record: Provenance, ids: Mapping[int, str], calls: list[Activity]) -> Iterator[Entity]:
    used, made = _files_by_call(record, ids, record.used), _files_by_call(record, ids, record.made)
    commands = _commands_by_call(record)
    for call in calls:
        yield {
            "@id": _control(call),
            "@type": "ControlAction",
            "name": f"call {call.number} of {call.module} is carried out",
            "instrument": _at(_step(call.module)),
            "object": _at(_action(call)),
        }
        keys = ", ".join(f"{key}={value}" for key, value in (call.keys or {}).items())
        yield {
            "@id": _action(call),
            "@type": "CreateAction",
            "name": f"call {call.number}: {call.module}" + (f" ({keys})" if keys else ""),
            "description": "; ".join(commands.get(call.id, ())) or None,
            "instrument": _at(_tool(call.module)),
            "agent": _at(_person(record)),
            "object": [_at(file) for file in used.get(call.id, ())],
            "result": [_at(file) for file in made.get(call.id, ())],
            **_times(call),
            **_status(call),
        }


def _files_by_call(
    record: Provenance, ids: Mapping[int, str], pairs: Iterable[tuple[int, int]]
) -> dict[int, dict[str, None]]:
    """Return the ids of the files that pairs of activity and file name, by call, each once and in order."""
    call_of = {one.id: one.id if one.kind == "call" else one.parent or 0 for one in record.activities.values()}
    found: dict[int, dict[str, None]] = {}
    for activity, file in pairs:
        found.setdefault(call_of[activity], {})[ids[file]] = None
    return found


def _commands_by_call(record: Provenance) -> dict[int, list[str]]:
    """Return the command lines of the programs of each call."""
    found: dict[int, list[str]] = {}
    for one in record.activities.values():
        if one.kind == "program":
            found.setdefault(one.parent or 0, []).append(one.args or one.program)
    return found


def _times(one: Activity) -> Entity:
    return {"startTime": _moment(one.start), "endTime": _moment(one.end)}


def _status(one: Activity) -> Entity:
    if one.end is None:
        return {"actionStatus": "http://schema.org/ActiveActionStatus"}
    if one.status == 0:
        return {"actionStatus": "http://schema.org/CompletedActionStatus"}
    return {"actionStatus": "http://schema.org/FailedActionStatus", "error": f"status {one.status}"}


def _file(file: Artefact, id_: str, is_there: bool) -> Entity:
    parameter = f"#{'output' if file.is_own else 'input'}/{quoted(file.filetype)}"
    more = {key: value for key, value in file.metadata.items() if isinstance(value, (str, int, float))}
    words = ", ".join(f"{key}={value}" for key, value in more.items())
    return {
        "@id": id_,
        "@type": "File" if is_there else "CreativeWork",
        "name": file.filename,
        "description": words or None,
        "alternateName": file.path,
        "additionalType": file.filetype,
        "encodingFormat": mimetypes.guess_type(file.filename)[0] or "application/octet-stream",
        "contentSize": None if file.size is None else str(file.size),
        "sha256": file.sha256,
        "dateModified": _moment(file.created),
        "exampleOfWork": _at(parameter),
    }


# ---------------------------------------------------------------- names


def _one_or_more(value: Any) -> Any:
    """Return a single value without a list around it, as RO-Crate requires."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _at(id_: str) -> dict[str, str]:
    return {"@id": id_}


def _tool(module: str) -> str:
    return f"#tool/{quoted(module)}"


def _step(module: str) -> str:
    return f"{PIPELINE}#{quoted(module)}"


def _action(call: Activity) -> str:
    return f"#call/{quoted(call.name)}"


def _control(call: Activity) -> str:
    return f"#control/{quoted(call.name)}"


def _person(record: Provenance) -> str:
    return f"#operator/{quoted(record.attempt.operator)}"


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
