"""JSON Schema of the known keys, with which editors complete and check configurations in YAML."""

from collections.abc import Mapping
from typing import Any

from wcl.keys.declarations import KeyDeclaration, is_allowed_in

_VARIABLE = {"type": "string", "pattern": r"\$"}
_ANY = {"type": ["string", "number", "boolean", "array"]}


def json_schema(known: Mapping[str, KeyDeclaration]) -> dict[str, Any]:
    """Return a JSON Schema that describes known keys and refuses wrong values; other keys are allowed."""
    kinds = sorted({kind for entry in known.values() for kind in entry.sections} | {"module", "exec", "file", "list"})
    definitions = {kind: _section(known, kind) for kind in kinds if kind != "top"}
    module = definitions["module"]
    module["patternProperties"] = {r"^exec_\d+$": _reference("exec")}
    module["properties"] |= {"file": _holder("file"), "list": _holder("list")}
    definitions["list"]["properties"].get("div_list_by_col", {}).update(_holder("list"))
    definitions["exec"]["properties"].get("cmdline", {}).update({"type": "object"})
    top = _section(known, "top")
    top["properties"] |= {kind: _holder(kind) for kind in definitions if kind not in ("exec", "file", "list")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a pipeline",
        **top,
        "$defs": definitions,
    }


def _section(known: Mapping[str, KeyDeclaration], kind: str) -> dict[str, Any]:
    entries = {key: _value(entry) for key, entry in known.items() if is_allowed_in(entry, kind)}
    return {"type": "object", "properties": entries, "additionalProperties": True}


def _holder(kind: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": _reference(kind)}


def _reference(kind: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{kind}"}


def _value(entry: KeyDeclaration) -> dict[str, Any]:
    allowed: list[dict[str, Any]]
    if entry.kind == "boolean":
        allowed = [{"type": "boolean"}, {"enum": ["True", "False", "true", "false", "yes", "no", 0, 1]}, _VARIABLE]
    elif entry.kind == "integer":
        allowed = [{"type": "integer"}, {"type": "string", "pattern": r"^\s*[+-]?\d+\s*$"}, _VARIABLE]
    elif entry.kind == "mode":
        allowed = [{"type": "string", "pattern": f"^({'|'.join(entry.choices)})$"}, _VARIABLE]
    else:
        return {**_ANY, "description": entry.meaning}
    return {"anyOf": allowed, "description": entry.meaning}
