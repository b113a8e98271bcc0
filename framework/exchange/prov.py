"""W3C PROV-JSON: a run's files as entities, its executions as activities, people and programs as agents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from framework.exchange.names import as_json, quoted
from framework.registry.questions.provenance import Activity, Artefact, Provenance

#: Names are the same from every registry, so that documents of several runs can be merged.
PREFIXES = {"fw": "urn:skyfw:", "metadata": "urn:skyfw:metadata:"}

Entry = tuple[str, Mapping[str, object]]


def prov_text(record: Provenance) -> Iterator[str]:
    """Yield the document in pieces: one line for each entity, activity and link."""
    yield f'{{\n"prefix": {as_json(PREFIXES)}'
    for kind, entries in _parts(record):
        first = True
        for name, about in entries:
            yield f',\n"{kind}": {{\n' if first else ",\n"
            yield f" {as_json(name)}: {as_json({key: value for key, value in about.items() if value is not None})}"
            first = False
        if not first:
            yield "\n}"
    yield "\n}\n"


def _parts(record: Provenance) -> Iterator[tuple[str, Iterable[Entry]]]:
    run = record.attempt.run
    names = {id_: f"fw:run/{quoted(run)}/{quoted(one.name)}" for id_, one in record.activities.items()}
    files = {id_: _file_name(file) for id_, file in record.files.items()}
    yield "entity", _entities(record, files)
    yield "activity", ((names[id_], _activity(one)) for id_, one in record.activities.items())
    yield "agent", _agents(record)
    yield from _file_relations(record, names, files)
    yield from _activity_relations(record, names, files)


def _file_relations(
    record: Provenance, names: dict[int, str], files: dict[int, str]
) -> Iterator[tuple[str, Iterable[Entry]]]:
    """Yield the relations of files with activities, and with each other."""
    used = ({"prov:activity": names[task], "prov:entity": files[file]} for task, file in record.used)
    yield "used", _numbered("u", used)
    made = ({"prov:entity": files[file], "prov:activity": names[task]} for task, file in record.made)
    yield "wasGeneratedBy", _numbered("g", made)
    derived = (
        {"prov:generatedEntity": files[child], "prov:usedEntity": files[parent]} for child, parent in record.derived
    )
    yield "wasDerivedFrom", _numbered("d", derived)


def _activity_relations(
    record: Provenance, names: dict[int, str], files: dict[int, str]
) -> Iterator[tuple[str, Iterable[Entry]]]:
    """Yield the relations of activities with each other, and of all with people and software."""
    starters = ((one.id, one.parent) for one in record.activities.values() if one.parent is not None)
    started = ({"prov:activity": names[one], "prov:starter": names[parent]} for one, parent in starters)
    yield "wasStartedBy", _numbered("s", started)
    yield "wasAssociatedWith", _numbered("a", _associations(record, names))
    person = _person(record)
    own = (files[file.id] for file in record.files.values() if file.is_own)
    yield "wasAttributedTo", _numbered("t", ({"prov:entity": file, "prov:agent": person} for file in own))
    delegates = (_software_name(sha256) for sha256 in record.submitters)
    acting = ({"prov:delegate": delegate, "prov:responsible": person} for delegate in delegates)
    yield "actedOnBehalfOf", _numbered("b", acting)


def _entities(record: Provenance, names: dict[int, str]) -> Iterator[Entry]:
    for id_, file in record.files.items():
        metadata = {f"metadata:{quoted(key)}": _plain(value) for key, value in file.metadata.items()}
        yield (
            names[id_],
            {
                "prov:label": file.filename,
                "prov:location": file.path,
                "fw:filetype": file.filetype,
                "fw:size": file.size,
                "fw:sha256": file.sha256,
                "fw:archive": list(file.archives) or None,
                "fw:created": _moment(file.created),
                **metadata,
            },
        )
    attempt = record.attempt
    for kind in ("submitwcl", "renderedwcl", "fullsubmitwcl"):
        if getattr(attempt, f"{kind}_sha256"):
            sha256 = getattr(attempt, f"{kind}_sha256")
            yield _configuration(record, kind), {"prov:type": _name("prov:Plan"), "fw:sha256": sha256}


def _activity(one: Activity) -> Mapping[str, object]:
    return {
        "prov:startTime": _moment(one.start),
        "prov:endTime": _moment(one.end),
        "prov:label": one.program or one.module or None,
        "fw:kind": one.kind,
        "fw:status": one.status,
        "fw:host": one.host,
        "fw:call": one.number or None,
        "fw:keys": as_json(one.keys) if one.keys else None,
        "fw:command": one.args,
        "fw:version": one.version,
    }


def _agents(record: Provenance) -> Iterator[Entry]:
    yield _person(record), {"prov:type": _name("prov:Person"), "prov:label": record.attempt.operator}
    for sha256, stack in {**record.software, **record.submitters}.items():
        about = {"prov:type": _name("prov:SoftwareAgent"), "prov:label": stack.label, "fw:found": as_json(stack.found)}
        yield _software_name(sha256), about
    programs = {(one.program, one.version) for one in record.activities.values() if one.program}
    for program, version in sorted(programs, key=str):
        yield (
            _program(program, version),
            {"prov:type": _name("prov:SoftwareAgent"), "prov:label": program, "fw:version": version},
        )


def _associations(record: Provenance, names: dict[int, str]) -> Iterator[Mapping[str, object]]:
    plan = _configuration(record, "fullsubmitwcl") if record.attempt.fullsubmitwcl_sha256 else None
    run = names[record.attempt.task_id]
    yield {"prov:activity": run, "prov:agent": _person(record), **({"prov:plan": plan} if plan else {})}
    for sha256 in record.submitters:
        yield {"prov:activity": run, "prov:agent": _software_name(sha256)}
    for one in record.activities.values():
        if one.program:
            yield {"prov:activity": names[one.id], "prov:agent": _program(one.program, one.version)}
        if one.software:
            yield {"prov:activity": names[one.id], "prov:agent": _software_name(one.software)}


def _numbered(letter: str, links: Iterable[Mapping[str, object]]) -> Iterator[Entry]:
    return ((f"_:{letter}{number}", link) for number, link in enumerate(links, start=1))


def _file_name(file: Artefact) -> str:
    return f"fw:file/{quoted(file.path.lstrip('/'))}" + (f"/{quoted(file.version)}" if file.version else "")


def _person(record: Provenance) -> str:
    return f"fw:operator/{quoted(record.attempt.operator)}"


def _configuration(record: Provenance, kind: str) -> str:
    return f"fw:run/{quoted(record.attempt.run)}/{kind}"


def _software_name(sha256: str) -> str:
    return f"fw:software/{sha256}"


def _program(name: str, version: str | None) -> str:
    return f"fw:program/{quoted(name)}" + (f"/{quoted(version)}" if version else "")


def _name(qualified: str) -> dict[str, str]:
    return {"$": qualified, "type": "prov:QUALIFIED_NAME"}


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _plain(value: Any) -> Any:
    """Return a value as a PROV literal: lists and objects as JSON text."""
    finite = not isinstance(value, float) or math.isfinite(value)
    return value if isinstance(value, (str, int, float)) and finite else as_json(value)
