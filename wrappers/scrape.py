"""Wrapper of programs that read a training set from outside: records the source and the program's report.

Setting: ``source``, a path or URL of a table; ``sample`` for simulated data; or a source that only the program can read
(another scheme such as ``registry:``, an address with a checksum, several sources with commas). It is passed to the
program as ``--source``. The program writes a JSON object to ``file.report``, of which some keys become metadata of its
outputs.
"""

from __future__ import annotations

import json

from wrappers import INFORMATION, WARNING, Generic, Work, WrapperError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLE = "sample"
#: Keys of the report that are recorded with each output.
RECORDED = ("source", "simulated", "rows_read", "rows_kept", "rows_quarantined", "flagged_by_flag")


class Wrapper(Generic):
    """A wrapper that records the source of a training set with its checksum and report."""

    def __init__(self) -> None:
        self._report: dict[str, object] = {}

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
        work.messages.append((INFORMATION, f"{kept} of {read} rows kept from {work.settings['source']}"))
        if self._report.get("rows_quarantined"):
            work.messages.append((WARNING, f"{self._report['rows_quarantined']} rows quarantined"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, object]:
        recorded = {key: self._report[key] for key in RECORDED if key in self._report}
        return {**recorded, "source": work.settings["source"], "source_sha256": self._report.get("sha256")}


def _is_read_by_the_program(source: str) -> bool:
    """Return whether the framework cannot stage a source as one file, so that the program reads it itself."""
    scheme, colon, _ = source.partition(":")
    return "," in source or "#" in source or (bool(colon) and "/" not in scheme and scheme not in ("http", "https"))


def read_object(path: str) -> dict[str, object]:
    """Read a JSON object that a program left; raise WrapperError if the file holds anything else."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError) as error:
        raise WrapperError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise WrapperError(f"{path} should hold a JSON object")
    return value


def as_object(value: object) -> dict[str, object]:
    """Return a JSON object; an empty one for any other value."""
    return value if isinstance(value, dict) else {}
