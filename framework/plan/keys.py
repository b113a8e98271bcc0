"""Keys: the words that a pipeline's sections may use, and what is wrong with those that it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from wcl import Problem, Section
from wcl.check import check_keys, check_values
from wcl.known import KNOWN, Known, declare
from wcl.reader import SET
from wcl.spelling import did_you_mean

#: The language's own words, and those that planning adds to them.
KEYS: Mapping[str, Known] = {
    **KNOWN,
    **declare("""
fw_home | top | text | where registry, archive and runs are kept
max_retries | top block module | integer | how often a failed call is tried again
"""),
}


def check_pipeline(pipeline: Section) -> Iterator[Problem]:
    """Values that a key cannot have, and unknown keys; an unknown one on the command line is always an error."""
    yield from check_values(pipeline, KEYS)
    typed = [key for key in pipeline if pipeline.place(key) == SET]
    for problem in check_keys(pipeline, KEYS):
        key = next((key for key in typed if problem.message.endswith(f"'{key}'")), None)
        if problem.place == SET and key is not None:
            others = (name for name in pipeline if name != key)
            hint = did_you_mean(key, others) or "nothing in the pipeline refers to it"
            problem = replace(problem, severity="error", hint=hint)
        yield problem
