"""Hold reasons: why HTCondor holds a job, in plain words, with a remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Codes of HTCondor's own (HoldReasonCode), and the subcode by which jobs of ours ask for more memory.
BY_USER, BY_POLICY, NO_PROCESS, OUTPUT_TRANSFER, INPUT_TRANSFER, NO_DIRECTORY = 1, 3, 6, 12, 13, 14
SYSTEM_POLICY, OUT_OF_RESOURCES, TOO_LONG = 26, 34, 46
MEMORY_SUBCODE = 34
NO_SUCH_FILE, NO_SPACE = 2, 28


@dataclass(frozen=True)
class Explanation:
    """Reason of a hold, with a remedy."""

    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.remedy}" if self.remedy else self.reason


def is_for_memory(code: int, subcode: int) -> bool:
    """Return whether a job is held because it exceeded its memory."""
    return code == OUT_OF_RESOURCES or (code == BY_POLICY and subcode == MEMORY_SUBCODE)


def explain(code: int, subcode: int, reason: str) -> Explanation:
    """Return the reason of a hold in plain words, and its remedy."""
    if is_for_memory(code, subcode):
        return Explanation("it took more memory than it had asked for", "it goes on by itself with more")
    if code == BY_USER:
        return Explanation("somebody holds it", "fw release RUN lets it go on")
    if code == INPUT_TRANSFER:
        return _transfer("an input", reason, subcode, "bring the file back")
    if code == OUTPUT_TRANSFER:
        return _output(reason, subcode)
    if code == NO_PROCESS:
        remedy = "have that on the machines, then fw release RUN; or name another python in the site's section"
        return Explanation(f"its Python could not be started ({plain_reason(reason)})", remedy)
    if code == NO_DIRECTORY:
        remedy = "is the archive still where the run found it? then fw release RUN"
        return Explanation(f"its directory is not there ({plain_reason(reason)})", remedy)
    if code == SYSTEM_POLICY:
        return Explanation(f"the pool's own policy holds it ({plain_reason(reason)})", "ask those who run the pool")
    if code == TOO_LONG:
        return Explanation("it took longer than it may", "raise max_walltime, then fw restart RUN")
    return Explanation(
        plain_reason(reason) or f"held with code {code}/{subcode}", "put that right, then fw release RUN"
    )


#: Parts of a reason that are dropped: who reports it, by which address, and what the command line was.
_REPLACEMENTS = (
    (re.compile(r"^.*Details: *"), ""),
    (re.compile(r"^.*; (?=SHADOW at )"), ""),
    (re.compile(r"Error from \S+: *"), ""),
    (re.compile(r"\b(STARTER|SHADOW) at \S+( - \|Error:)? *"), ""),
    (re.compile(r"^Failed to execute .*: invalid interpreter \((.*?)\).*\(errno="), r"'\1' (errno="),
    (re.compile(r"^Failed to execute ('[^']*') with arguments .*\(errno="), r"\1 (errno="),
    (re.compile(r" *\(errno=\d+: '(.*?)'\)"), r": \1"),
    (re.compile(r" *\(errno \d+\)"), ""),
)


def plain_reason(reason: str) -> str:
    """Return HTCondor's reason without what only its developers need."""
    for pattern, instead in _REPLACEMENTS:
        reason = pattern.sub(instead, reason)
    return reason.strip()


def _output(reason: str, subcode: int) -> Explanation:
    what = plain_reason(reason)
    if subcode == NO_SPACE or "No space left" in reason:
        return Explanation(f"there was no room for what it made ({what})", "make room, then fw release RUN")
    remedy = "see that this place is there, with room and the right to write, then fw release RUN"
    return Explanation(f"what it made could not be brought home ({what})", remedy)


def _transfer(what: str, reason: str, subcode: int, missing_remedy: str) -> Explanation:
    where = plain_reason(reason)
    if subcode == NO_SUCH_FILE or "No such file" in reason:
        return Explanation(f"{what} is missing ({where})", f"{missing_remedy}, then fw release RUN")
    if subcode == NO_SPACE or "No space left" in reason:
        return Explanation(f"there was no room for {what} ({where})", "make room, or ask for request_disk")
    return Explanation(f"{what} could not be sent ({where})", "put that right, then fw release RUN")
