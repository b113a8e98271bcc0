"""JSON Schema of the known keys, with which editors complete and check configurations in YAML."""

from collections.abc import Mapping

from wcl.keys.declarations import KeyDeclaration, is_allowed_in

_VARIABLE: dict[str, object] = {"type": "string", "pattern": r"\$"}
_ANY: dict[str, object] = {"type": ["string", "number", "boolean", "array"]}


def json_schema(known: Mapping[str, KeyDeclaration]) -> dict[str, object]:
    """Return a JSON Schema that describes known keys and refuses wrong values; other keys are allowed."""
    kinds = sorted({kind for entry in known.values() for kind in entry.sections} | {"module", "exec", "file", "list"})
    properties = {kind: _properties(known, kind) for kind in kinds if kind != "top"}
    properties["module"] |= {"file": _holder("file"), "list": _holder("list")}
    properties["list"].get("div_list_by_col", {}).update(_holder("list"))
    properties["exec"].get("cmdline", {}).update({"type": "object"})
    definitions = {kind: _section(properties[kind]) for kind in properties}
    definitions["module"]["patternProperties"] = {r"^exec_\d+$": _reference("exec")}
    holders = {kind: _holder(kind) for kind in definitions if kind not in ("exec", "file", "list")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a pipeline",
        **_section(_properties(known, "top") | holders),
        "$defs": definitions,
    }


def _properties(known: Mapping[str, KeyDeclaration], kind: str) -> dict[str, dict[str, object]]:
    """Return the schemas of the keys that may stand in a kind of section."""
    return {key: _value(entry) for key, entry in known.items() if is_allowed_in(entry, kind)}


def _section(properties: Mapping[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "additionalProperties": True}


def _holder(kind: str) -> dict[str, object]:
    return {"type": "object", "additionalProperties": _reference(kind)}


def _reference(kind: str) -> dict[str, object]:
    return {"$ref": f"#/$defs/{kind}"}


def _value(entry: KeyDeclaration) -> dict[str, object]:
    """Return the schema of a key's value; any text with a variable is allowed."""
    allowed: list[dict[str, object]]
    if entry.kind == "boolean":
        allowed = [{"type": "boolean"}, {"enum": ["True", "False", "true", "false", "yes", "no", 0, 1]}, _VARIABLE]
    elif entry.kind == "integer":
        allowed = [{"type": "integer"}, {"type": "string", "pattern": r"^\s*[+-]?\d+\s*$"}, _VARIABLE]
    elif entry.kind == "mode":
        allowed = [{"type": "string", "pattern": f"^({'|'.join(entry.choices)})$"}, _VARIABLE]
    else:
        return {**_ANY, "description": entry.meaning}
    return {"anyOf": allowed, "description": entry.meaning}
