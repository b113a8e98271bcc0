"""Reasons: why a call reads a file, from the definition that asked for it."""

from __future__ import annotations

from collections.abc import Callable

from framework.model.job import Call, File
from framework.model.plan import Plan
from framework.pipeline.section_values import read_names
from framework.plan.display.graph import find_makers, locate_calls
from wcl import Section, split_list

#: Keys that may say where an object's files come from, in the order in which they are looked for.
SOURCES = ("depends-newname", "depends", "query_fields", "query", "exec", "fullname", "filename", "filepat")


def explain_inputs(plan: Plan, pipeline: Section) -> Callable[[Call, File], str]:
    """Return a function that says why a call reads a file: where it is, how it is asked for, and what picks it."""
    made_by = find_makers(locate_calls(plan))

    def explain(call: Call, file: File) -> str:
        kind, _, rest = file.label.partition(".")
        label = rest.partition(".")[0].lower()
        module = pipeline.section("module").section(call.module.lower())
        # Files of a wrapper have no section: they are values of the wrapper's own keys.
        section = module.section(kind).section(label) if kind in ("file", "list") else Section()
        maker = made_by.get(file.path)
        source = f"call {maker.call.number}" if maker else "outside" if file.external else "archive"
        words = [file.label, f"from {source}", source_text(section), _matched_keys(section, call)]
        return ", ".join(word for word in words if word)

    return explain


def source_text(section: Section) -> str:
    """Return the line that says where the files come from; of a query its fields with their values."""
    key = next((key for key in SOURCES if key in section), "")
    if key != "query_fields":
        return f"{key} = {section.text(key)}" if key else ""
    fields = (name.strip() for name in split_list(section.text(key)))
    return " and ".join(f"{name} = {section.text(name, '')}" for name in fields if name in section)


def _matched_keys(section: Section, call: Call) -> str:
    """Return the keys by which this call's file was picked, with their values."""
    names = [*read_names(section, "match"), *read_names(section, "divide_by")]
    return " ".join(f"{name}={call.keys[name]}" for name in dict.fromkeys(names) if name in call.keys)
