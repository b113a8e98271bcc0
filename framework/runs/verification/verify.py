"""Verification of recorded calls: each is repeated apart from its run, and a verdict on its outputs is recorded."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from framework.archives.copy import is_as_recorded
from framework.archives.get import get
from framework.configuration.site_file import operator
from framework.errors import RunError
from framework.pipeline.comparison_rules import Rules, read_comparison_rules
from framework.registry.questions.calls import calls
from framework.registry.questions.files import find_by_path
from framework.registry.questions.runs import attempt_values, find_run
from framework.registry.questions.verifications import FileVerdict, Verification, record_verification
from framework.runs import kept_plan
from framework.runs.software_versions import framework_version
from framework.runs.verification.compare import DIFFERENT, IDENTICAL, VERDICTS, Verdict, compare_files
from framework.runs.verification.rerun import IN_MEMORY, OutputComparison, RerunResult, rerun_call
from wcl import Section, parse, parse_boolean

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.attempts import NewSoftware
    from framework.registry.questions.files import FileRow
    from framework.registry.questions.runs import Run

#: What a call is that failed this time, and one that made nothing to compare.
FAILED, NOT_COMPARED = "failed", "not compared"
#: Of a verification: the result can be had again.
GOOD = frozenset({*VERDICTS, NOT_COMPARED} - {DIFFERENT})


class Verifier:
    """Verification of calls of one run."""

    def __init__(self, registry: Registry, run: str) -> None:

        self._registry = registry
        self.run: Run = find_run(registry, run)
        self._root = attempt_values(registry, self.run.attempt_id).get("archive_root", "")

    def calls(self, module: str | None = None) -> list[int]:
        """Return the numbers of the calls with a good result, of one module or of all."""
        done = [call for call in calls(self._registry, self.run.attempt_id, module=module) if call.state == "done"]
        if not done:
            of = f"module {module} of {self.run.run}" if module else self.run.run
            raise RunError(f"no call of {of} has ended well: there is nothing to repeat")
        return sorted({call.wrapnum for call in done})

    def verify(self, number: int, target: Path) -> tuple[RerunResult, Verification]:
        """Repeat a call in a new directory, compare its outputs, and record the verdict."""
        began = time.monotonic()
        again = rerun_call(self._registry, self.run.run, number, target)
        files = tuple(self._file_verdicts(again))
        verdict, difference = _verdict_of_call(again, files)
        done = Verification(
            pfw_attempt_id=self.run.attempt_id,
            wrapnum=number,
            verdict=verdict,
            difference=difference,
            status=again.status,
            verify_time=time.time(),
            wallclock=round(time.monotonic() - began, 6),
            operator=operator(),
            exec_host=os.uname().nodename,
            software=again.software or None,
            framework_sha256=self._framework.sha256,
            files=files,
        )
        record_verification(self._registry, done, self._framework)
        return again, done

    def _file_verdicts(self, again: RerunResult) -> list[FileVerdict]:

        known = find_by_path(self._registry, [part.path for part in again.outputs])
        found = []
        for part in again.outputs:
            row = known.get(part.path)
            said = self._compare_output(part, row, again.made)
            filetype, id_ = (row.filetype, row.id) if row else (None, None)
            words = said.words or None
            found.append(
                FileVerdict(path=part.path, verdict=said.kind, difference=words, filetype=filetype, desfile_id=id_)
            )
        return found

    def _compare_output(self, part: OutputComparison, row: FileRow | None, made: Mapping[str, str]) -> Verdict:
        """Compare one output with the recorded file."""
        if part.verdict == "same":
            return Verdict(IDENTICAL)
        if part.verdict == IN_MEMORY:
            return Verdict(NOT_COMPARED, "it never was bytes when it was recorded")
        if row is None or part.verdict != "differs":
            return Verdict(
                part.verdict, {"missing": "it was not made this time", "new": "the run has not made it"}[part.verdict]
            )
        filetype = self._filetypes.section(row.filetype.lower())
        if parse_boolean(filetype.text("volatile", "False"), filetype.opened_position):
            return Verdict(NOT_COMPARED, f"files of type {row.filetype} are declared volatile")
        return self._contents(row, Path(made[part.path]), read_comparison_rules(filetype))

    def _contents(self, row: FileRow, made: Path, rules: Rules) -> Verdict:
        kept = Path(self._root, row.path)
        if not kept.is_file():
            return self._brought_contents(row, made, rules)
        if not is_as_recorded(row, kept):
            return Verdict(DIFFERENT, "another checksum; the archive's own copy is not what is recorded: fw fsck")
        return compare_files(kept, made, rules)

    def _brought_contents(self, row: FileRow, made: Path, rules: Rules) -> Verdict:
        """Compare an output with a file that the home archive has compressed, or that only another archive has."""
        with TemporaryDirectory(prefix="fw-recorded-") as directory:
            kept = next(get(self._registry, [row], Path(directory)))
            if kept.error:
                none = "the archive keeps no copy to compare with"
                return Verdict(DIFFERENT, f"another checksum than {row.sha256}; {none}")
            if kept.target.name != os.path.basename(row.path):
                return Verdict(DIFFERENT, f"another checksum; the archive has it as {kept.target.name}, not compared")
            return compare_files(kept.target, made, rules)

    @cached_property
    def _filetypes(self) -> Section:
        """Filetypes that the run's own configuration declares."""
        full = kept_plan.plan_files(self._registry, self.run)["full.wcl"].location
        return parse("".join(kept_plan.read_lines(full)), full).section("filetype_metadata")

    @cached_property
    def _framework(self) -> NewSoftware:
        return framework_version()


def _verdict_of_call(again: RerunResult, files: Sequence[FileVerdict]) -> tuple[str, str | None]:
    """Return the worst verdict among a call's files, and its difference."""
    if again.status:
        return FAILED, again.reason or f"it ended with status {again.status}"
    ranks = [*VERDICTS[:-1], *("missing", "new", DIFFERENT)]
    compared = [file for file in files if file.verdict != NOT_COMPARED]
    if not compared:
        return NOT_COMPARED, None
    worst = max(compared, key=lambda file: ranks.index(file.verdict))
    verdict = worst.verdict if worst.verdict in VERDICTS else DIFFERENT
    return verdict, f"{worst.path}: {worst.difference}" if worst.difference else None
