"""Restart state: what the facts of a run say is finished, lost or open, so that a restart does the rest.

A pure fold: facts go in, one after another, and nothing is read or written. The engines fold the journals of a whole
run; a job on a pool folds those of its own earlier executions, and therefore this is part of the worker.
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter

from framework.worker.journal.file_records import archived_form, is_archived
from framework.worker.journal.statuses import INFRASTRUCTURE, LOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any


#: Job and execution id that a fact is about; and with call and try, the identity of a call within its run.
execution_of = itemgetter("job", "queue")
call_key_of = itemgetter("job", "queue", "call", "try")


class OpenCall:
    """Call that began and has no end on record."""

    __slots__ = ("call", "execution_id", "job", "key", "log", "module", "try_number")

    def __init__(self, fact: dict[str, Any]) -> None:
        #: Job, execution, call and try: the identity of the call within its run.
        self.key: tuple[int, str, int, int] = call_key_of(fact)
        self.job, self.execution_id, self.call, self.try_number = self.key
        #: Archive path of its log.
        self.log: str = fact["log"]
        self.module: str = fact["module"]


class JobLocalFiles:
    """Archive paths that bind the calls of one job together."""

    __slots__ = ("inputs", "number", "unkept")

    def __init__(self, number: int, unkept: Iterable[str], inputs: Iterable[str]) -> None:
        self.number = number
        #: Files that the call makes for its own job only: they are gone with the job's directory.
        self.unkept = unkept
        self.inputs = inputs


class RestartState:
    """Fold of facts: calls that are finished or open, and what the next execution of the others has to know."""

    def __init__(self) -> None:
        self.finished: set[int] = set()
        #: Call number to how often it was tried to its end.
        self.tries: Counter[int] = Counter()
        #: Call number, and memory or time, to how often it failed because it exceeded that.
        self.exceeded: Counter[tuple[int, str]] = Counter()
        #: Size and sha256 of what finished calls made, by its path as it lies in the archive.
        self.stored: dict[str, tuple[int, str]] = {}
        #: Call number to archive paths of what its programs made.
        self.made: dict[int, tuple[str, ...]] = {}
        #: Archive paths of the logs of tries that came to their end.
        self.logs: set[str] = set()
        #: How often an execution of a job ended with a failure that is not its machine's.
        self.failures = 0
        self._open_calls: dict[tuple[int, str, int, int], OpenCall] = {}
        self._open_jobs: set[tuple[int, str]] = set()
        # An end may be read before its beginning: engine and worker have a journal each.
        self._ended_calls: set[tuple[int, str, int, int]] = set()
        self._ended_jobs: set[tuple[int, str]] = set()

    @property
    def open_calls(self) -> list[OpenCall]:
        """Calls that began and have no end on record, in the order of their keys."""
        return [self._open_calls[key] for key in sorted(self._open_calls.keys() - self._ended_calls)]

    @property
    def open_jobs(self) -> list[tuple[int, str]]:
        """Executions of jobs that began and have no end on record: job number and execution id, in order."""
        return sorted(self._open_jobs - self._ended_jobs)

    def apply(self, fact: dict[str, Any], outdated: Collection[int] = ()) -> None:
        """Take one fact into account; a success of an outdated call does not finish it."""
        event = fact["e"]
        if event == "call.start":
            opened = OpenCall(fact)
            self._open_calls[opened.key] = opened
        elif event == "call.end":
            self._ended_calls.add(call_key_of(fact))
            if fact["status"] != LOST:
                self._end_try(fact, outdated)
        elif event in ("job.queue", "job.start"):
            self._open_jobs.add(execution_of(fact))
        elif event in ("job.end", "job.lost"):
            self._ended_jobs.add(execution_of(fact))
            self.failures += event == "job.end" and fact["status"] not in (0, INFRASTRUCTURE)

    def _end_try(self, fact: dict[str, Any], outdated: Collection[int]) -> None:
        call: int = fact["call"]
        self.tries[call] += 1
        self.logs.update(path for number, path in fact["made"] if not number)
        if "want" in fact:
            self.exceeded[call, fact["want"]] += 1
        if fact["status"] == 0 and call not in outdated:
            self._finish(call, fact)

    def _finish(self, call: int, fact: dict[str, Any]) -> None:
        """Note what a call that has ended well made."""
        archived = {file["path"]: archived_form(file) for file in fact["files"] if is_archived(file)}
        self.mark_finished(call, {path: (size, sha256) for path, size, sha256 in archived.values()})
        self.made[call] = tuple(archived[path][0] for number, path in fact["made"] if number and path in archived)

    def mark_finished(self, call: int, stored: Mapping[str, tuple[int, str]]) -> None:
        """Note that a call has ended well, with size and sha256 of what the archive holds of it."""
        self.finished.add(call)
        self.stored.update(stored)

    def add_answer(
        self, finished: Iterable[int], failed: Iterable[int], stored: Mapping[str, tuple[int, str]],
        exceeded: tuple[int, str] | None,
    ) -> None:  # fmt: skip
        """Take into account how an execution went that has just ended, as its worker answers."""
        for call in finished:
            self.mark_finished(call, stored)
            self.tries[call] += 1
        for call in failed:
            self.tries[call] += 1
        if exceeded is not None:
            self.exceeded[exceeded] += 1


def fold(facts: Iterable[dict[str, object]]) -> RestartState:
    """Return the restart state that facts come to."""
    state = RestartState()
    for fact in facts:
        state.apply(fact)
    return state


def calls_to_repeat(calls: Iterable[JobLocalFiles], finished: Collection[int]) -> set[int]:
    """Return the finished calls of a job that must run again.

    A finished call is repeated when a later one of its job, which is not finished or is repeated itself, reads a file
    of it that was not kept.
    """
    calls = list(calls)
    makers = {path: call for call in calls for path in call.unkept if call.number in finished}
    repeated: set[int] = set()
    pending = [call for call in calls if call.number not in finished]
    while pending:
        for path in pending.pop().inputs:
            maker = makers.get(path)
            if maker is not None and maker.number not in repeated:
                repeated.add(maker.number)
                pending.append(maker)
    return repeated
