"""Workflow Run RO-Crate: a run by the Provenance Run Crate profile, with its pipeline and, if asked for, its files."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping
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


def crate_text(told: Provenance, places: Mapping[int, str], licence: str) -> Iterator[str]:
    """The crate's metadata, in pieces: a line an entity.

    ``places`` says where files are: a path in the crate, or an absolute address; the others are told of alone.
    """
    yield f'{{\n"@context": {as_json(CONTEXT)},\n"@graph": ['
    first = True
    for entity in _entities(told, places, licence):
        whole = {key: _one_or_more(value) for key, value in entity.items() if value not in (None, [])}
        yield f"{'' if first else ','}\n {as_json(whole)}"
        first = False
    yield "\n]\n}\n"


def _entities(told: Provenance, places: Mapping[int, str], licence: str) -> Iterator[Entity]:
    ids = {id_: places.get(id_) or f"#file/{quoted(file.path)}" for id_, file in told.files.items()}
    calls = [one for one in told.activities.values() if one.kind == "call"]
    yield _descriptor()
    yield _root(told, ids, places, calls, licence)
    yield from ({"@id": at, "@type": "CreativeWork", "name": n, "version": v} for at, (n, v) in PROFILES.items())
    yield _licence(licence)
    yield from _workflow(told, calls)
    yield from _actors(told)
    yield from _run(told, ids, calls)
    yield from _calls(told, ids, calls)
    for id_, file in told.files.items():
        yield _file(file, ids[id_], id_ in places)


# ---------------------------------------------------------------- the crate and its pipeline


def _descriptor() -> Entity:
    conforms = [_at("https://w3id.org/ro/crate/1.1"), _at(WORKFLOW_PROFILE)]
    return {"@id": METADATA, "@type": "CreativeWork", "about": _at("./"), "conformsTo": conforms}


def _root(
    told: Provenance, ids: Mapping[int, str], places: Mapping[int, str], calls: list[Activity], licence: str
) -> Entity:
    attempt = told.attempt
    ended = told.activities[attempt.task_id].end or attempt.submittime
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": attempt.run,
        "description": f"Run {attempt.run} of pipeline {attempt.pipeline}, project {attempt.project}: "
        f"{counted(len(calls), 'execution')} of {counted(len(told.modules), 'module')}, "
        f"{counted(len(told.files), 'file')}",
        "datePublished": _moment(ended),
        "author": _at(_person(told)),
        "license": _at(_licence(licence)["@id"]),
        "conformsTo": [_at(profile) for profile in PROFILES],
        "mainEntity": _at(PIPELINE),
        "hasPart": [_at(PIPELINE), *(_at(ids[id_]) for id_ in told.files if id_ in places)],
        "mentions": [_at("#run"), _at("#organize"), *(_at(_action(call)) for call in calls)],
    }


def _licence(licence: str) -> Entity:
    if licence:
        return {"@id": licence, "@type": "CreativeWork", "name": licence}
    words = "Who ran the pipeline has stated no licence: ask before the contents are used."
    return {"@id": "#licence", "@type": "CreativeWork", "name": "No licence stated", "description": words}


def _workflow(told: Provenance, calls: list[Activity]) -> Iterator[Entity]:
    inputs, outputs = _parameters(told)
    yield {
        "@id": PIPELINE,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": told.attempt.pipeline,
        "conformsTo": _at(WORKFLOW_TYPE),
        "encodingFormat": "text/plain",
        "programmingLanguage": _at("#wcl"),
        "sha256": told.attempt.submitwcl_sha256,
        "version": _version(told, "pipeline") or told.attempt.submitwcl_sha256,
        "hasPart": [_at(_tool(module)) for module in told.modules],
        "step": [_at(_step(module)) for module in told.modules],
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
    programs = _programs(told, calls)
    for position, module in enumerate(told.modules, start=1):
        tool = {"@id": _tool(module), "@type": "SoftwareApplication", "name": module}
        yield {**tool, "description": f"runs {', '.join(programs.get(module, ()))}" if programs.get(module) else None}
        step = {"@id": _step(module), "@type": "HowToStep", "name": module, "position": str(position)}
        yield {**step, "workExample": _at(_tool(module))}


def _parameters(told: Provenance) -> tuple[list[str], list[str]]:
    """Types of the files that the run was given, and of those that it made."""
    own = {file.filetype for file in told.files.values() if file.is_own}
    return sorted({file.filetype for file in told.files.values() if not file.is_own}), sorted(own)


def _programs(told: Provenance, calls: list[Activity]) -> dict[str, dict[str, None]]:
    """What each module runs: programs with their versions."""
    modules = {call.id: call.module for call in calls}
    found: dict[str, dict[str, None]] = {}
    for one in told.activities.values():
        if one.kind == "program" and one.parent in modules:
            found.setdefault(modules[one.parent], {})[" ".join(filter(None, [one.program, one.version]))] = None
    return found


def _actors(told: Provenance) -> Iterator[Entity]:
    yield {"@id": _person(told), "@type": "Person", "name": told.attempt.operator}
    framework = next((one for one in told.submitters.values() if one.kind == "framework"), None)
    found = framework.found if framework else {}
    yield {
        "@id": "#skyfw",
        "@type": "SoftwareApplication",
        "name": "skyfw",
        "softwareVersion": " ".join(filter(None, [found.get("version"), _version(told, "framework")])) or None,
        "softwareRequirements": found.get("packages"),
    }


def _version(told: Provenance, kind: str) -> str | None:
    """The commit that the framework or the pipeline's folder was at."""
    stack = next((one for one in told.submitters.values() if one.kind == kind), None)
    commit = stack.found.get("git", {}).get("commit") if stack else None
    return f"commit {commit}" if commit else None


# ---------------------------------------------------------------- what was executed


def _run(told: Provenance, ids: Mapping[int, str], calls: list[Activity]) -> Iterator[Entity]:
    run = told.activities[told.attempt.task_id]
    yield {
        "@id": "#organize",
        "@type": "OrganizeAction",
        "name": f"skyfw carries out {told.attempt.run}",
        "agent": _at(_person(told)),
        "instrument": _at("#skyfw"),
        "object": [_at(_control(call)) for call in calls],
        "result": _at("#run"),
        **_times(run),
    }
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": told.attempt.run,
        "description": f"{len(calls)} executions of {', '.join(told.modules)}",
        "agent": _at(_person(told)),
        "instrument": _at(PIPELINE),
        "object": [_at(ids[id_]) for id_, file in told.files.items() if not file.is_own],
        "result": [_at(ids[id_]) for id_, file in told.files.items() if file.is_own],
        **_times(run),
        **_status(run),
    }


def _calls(told: Provenance, ids: Mapping[int, str], calls: list[Activity]) -> Iterator[Entity]:
    call_of = {one.id: one.id if one.kind == "call" else one.parent or 0 for one in told.activities.values()}
    used: dict[int, dict[str, None]] = {}
    made: dict[int, dict[str, None]] = {}
    for pairs, by_call in ((told.used, used), (told.made, made)):
        for activity, file in pairs:
            by_call.setdefault(call_of[activity], {})[ids[file]] = None
    commands: dict[int, list[str]] = {}
    for one in told.activities.values():
        if one.kind == "program":
            commands.setdefault(one.parent or 0, []).append(one.args or one.program)
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
            "agent": _at(_person(told)),
            "object": [_at(file) for file in used.get(call.id, ())],
            "result": [_at(file) for file in made.get(call.id, ())],
            **_times(call),
            **_status(call),
        }


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
    """RO-Crate wants a single value without a list around it."""
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


def _person(told: Provenance) -> str:
    return f"#operator/{quoted(told.attempt.operator)}"


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
