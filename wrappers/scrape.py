"""Programs that read a training set from outside: the source is fetched, catalogued and reported on.

Settings: ``source``, a path or URL of a table, ``sample`` for simulated data, or what only the program itself knows to
read (another scheme such as ``registry:``, an address with a checksum, several sources and commas). The program is
given it as ``--source``, and leaves its findings as JSON in ``file.report``, which go into the metadata of what it
made.
"""

from __future__ import annotations

import json

from wrappers import Generic, Work, WrapperError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SAMPLE = "sample"
#: What is recorded of the report with each output.
RECORDED = ("source", "simulated", "rows_read", "rows_kept", "rows_quarantined", "flagged_by_flag")


class Wrapper(Generic):
    """Catalogues the source of a training set with checksum and report."""

    def __init__(self) -> None:
        self._report: dict[str, Any] = {}

    @staticmethod
    def declared_inputs(settings: Mapping[str, str]) -> dict[str, str]:
        source = settings.get("source", "")
        return {} if source in ("", SAMPLE) or _is_read_by_the_program(source) else {"source": source}

    def inputs(self, work: Work) -> None:
        if not work.settings.get("source"):
            raise WrapperError(f"module '{work.module}' names no source: set it in its <wrapper> section")

    def command(self, work: Work, number: int, argv: list[str]) -> list[str]:
        paths = work.inputs.get("wrapper.source", [work.settings["source"]])
        return [*argv, "--source", paths[0]]

    def outputs(self, work: Work) -> None:
        self._report = read_object(work.output("report"))
        kept, read = self._report.get("rows_kept"), self._report.get("rows_read")
        work.messages.append((3, f"{kept} of {read} rows kept from {work.settings['source']}"))
        if self._report.get("rows_quarantined"):
            work.messages.append((2, f"{self._report['rows_quarantined']} rows quarantined"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, Any]:
        found = {key: self._report[key] for key in RECORDED if key in self._report}
        return {**found, "source": work.settings["source"], "source_sha256": self._report.get("sha256")}


def _is_read_by_the_program(source: str) -> bool:
    """Whether the framework would not know how to fetch it as one file."""
    scheme, colon, _ = source.partition(":")
    return "," in source or "#" in source or (bool(colon) and "/" not in scheme and scheme not in ("http", "https"))


def read_object(path: str) -> dict[str, Any]:
    """A JSON object that a program left; WrapperError where it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError) as error:
        raise WrapperError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise WrapperError(f"{path} should hold a JSON object")
    return found
