"""Report of a comparison as text: calls with equal differences are grouped, possible causes follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from framework.output.text import counted
from framework.runs.comparison.differences import CallDifference, Change, JobDifference, RunComparison, ValueDifference

_MARKS = {"added": "+", "changed": "~", "removed": "-"}
#: Changes that name files, which are called after the keys of their calls.
_OF_FILES = ("reads", "makes", "list")
#: So many calls of those that differ alike are named.
MOST_NAMED = 6
#: So many words, files or lines of one change are told; JSON has all.
MOST_WORDS = 6
#: So many reasons are named.
MOST_CAUSES = 4


def report_lines(found: RunComparison) -> Iterator[str]:
    """Yield the lines of the report."""
    yield f"{found.new}, beside {found.old}"
    if found.evened:
        told = [f"{own.name} {own.old} → {own.new}" for own in found.evened if own.name != "archive_path"]
        yield f"the runs' own names are not told as differences: {', '.join(told)}"
    if found.is_empty:
        yield f"the same: {counted(found.same_calls, 'call')} in {counted(found.same_jobs, 'job')}"
        return
    yield from _section("configuration", map(_value_line, found.configuration))
    yield from _section("programs", (f"  {one.program}: {one.old} → {one.new}" for one in found.versions))
    yield from _section(f"calls ({_counts(found.calls, found.same_calls)})", _call_lines(found.calls))
    yield from _section(f"jobs ({_counts(found.jobs, found.same_jobs)})", map(_job_line, found.jobs))


def _section(title: str, inside: Iterable[str]) -> Iterator[str]:
    shown = list(inside)
    if shown:
        yield title
        yield from shown


def _counts(found: Iterable[CallDifference | JobDifference], same: int) -> str:
    kinds = [one.kind for one in found]
    told = [f"{kinds.count(kind)} {kind}" for kind in _MARKS if kind in kinds]
    return ", ".join([*told, f"{same} the same"])


def _value_line(value: ValueDifference) -> str:
    place = value.new_place or f"was {value.old_place}"
    return f"  {value.key}: {_or_nothing(value.old)} → {_or_nothing(value.new)}  ({place})"


def _call_lines(calls: tuple[CallDifference, ...]) -> Iterator[str]:
    """Yield the lines about the calls of one module; calls that differ alike, but for their keys, are one group."""
    together: dict[tuple[object, ...], list[CallDifference]] = {}
    for call in calls:
        kind = call.kind, call.block, call.module, call.causes, tuple(_change_line(one, call) for one in call.changes)
        together.setdefault(kind, []).append(call)
    for same in together.values():
        yield from _group_lines(same)


def _group_lines(calls: list[CallDifference]) -> Iterator[str]:
    """Yield the lines about calls that differ alike."""
    first = calls[0]
    yield f"  {_MARKS[first.kind]} {first.block} {first.module} {_calls_text(calls)}"
    for change in first.changes:
        yield f"      {_change_line(change, first if len(calls) > 1 else None)}"
    if first.causes:
        causes = [f"{cause.key} ({cause.place})" for cause in first.causes[:MOST_CAUSES]]
        more = len(first.causes) - MOST_CAUSES
        yield f"      may come from {', '.join(causes)}{f' and {more} more' if more > 0 else ''}"
    if followed := sorted({number for call in calls for number in call.follows}):
        yield f"      follows {'call' if len(followed) == 1 else 'calls'} {_ranges_text(tuple(followed))}"


def _calls_text(calls: list[CallDifference]) -> str:
    """Return the numbers and keys of calls: ``1 (world), 2 (moon)``."""
    names = []
    for call in calls[:MOST_NAMED]:
        keys = " ".join(call.keys.values())
        names.append(f"{call.number} ({keys})" if keys else f"{call.number}")
    more = len(calls) - MOST_NAMED
    return ", ".join(names) + (f" and {more} more calls" if more > 0 else "")


def _change_line(change: Change, call: CallDifference | None = None) -> str:
    """Return the line of a change; for a group of calls, key values are replaced by the names of the keys."""
    what = f"{change.what} of" if change.what == "content" else change.what
    name = f" {change.name}" if change.name else ""
    line = f"{what}{name}: {_shorten(change.old)} → {_shorten(change.new)}"
    if call is None or change.what not in _OF_FILES:
        return line
    for key, value in call.keys.items():
        if value:
            name = f"${{{key}}}".replace("\\", r"\\")
            line = re.sub(rf"(?<![A-Za-z0-9])0*{re.escape(value)}(?![A-Za-z0-9])", name, line)
    return line


def _job_line(job: JobDifference) -> str:
    keys = f" ({job.keys})" if job.keys else ""
    told = [counted(job.calls, "call")]
    if job.joined:
        told.append(f"with {_ranges_text(job.joined)}")
    if job.left:
        told.append(f"without the old plan's {_ranges_text(job.left)}")
    if job.threads:
        told.append(f"{job.threads[1]} at a time, not {job.threads[0]}")
    if job.parents:
        before, now = (_ranges_text(numbers) or "none" for numbers in job.parents)
        told.append(f"waits for {now}, not for {before}")
    return f"  {_MARKS[job.kind]} {job.block} job {job.number}{keys}: {', '.join(told)}"


def _ranges_text(numbers: tuple[int, ...]) -> str:
    """Return numbers as ranges: ``1..3, 7``."""
    runs = [[number for _, number in same] for _, same in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]}..{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _shorten(texts: tuple[str, ...]) -> str:
    """Return the first texts and the count of the others; checksums are shortened."""
    texts = tuple(text[: len("sha256 ") + 12] if text.startswith("sha256 ") else text for text in texts)
    if len(texts) > MOST_WORDS:
        return f"{' '.join(texts[:MOST_WORDS])} and {len(texts) - MOST_WORDS} more"
    return _or_nothing(" ".join(texts))


def _or_nothing(text: str) -> str:
    return text or "nothing"
