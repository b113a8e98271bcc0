"""Keys: the words that a pipeline's sections may use, and what is wrong with those that it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from framework.pipeline.comparison_rules import check_comparison_rules
from framework.pipeline.definition import names_of
from framework.pipeline.problems import error_at
from wcl import Problem, Section
from wcl.check import check_keys, check_values
from wcl.keys import KNOWN, Known, declare
from wcl.reader import SET_POSITION
from wcl.spelling import did_you_mean

#: The language's own words, and those that planning adds to them.
KEYS: Mapping[str, Known] = {
    **KNOWN,
    **declare("""
qouttype | file list | mode wcl json csv | form of the answer
fw_home | top | text | where registry, archive and runs are kept
max_retries | top block module | integer | how often a failed call is tried again
memory_statuses | top block module | text | exit statuses of programs that had too little memory
shared_filesystem | site | boolean | whether jobs see the submitting side's files at the same paths
python | site | text | the Python that jobs are run by
metadata_type | top | text | which metadata are numbers or truth values
file_groups | top | names | metadata by which the files of all types are asked for together
machine_requirements | site | text | what a machine must have, as the pool's own expression
hold_over_memory | site | boolean | whether a job that takes more memory than it asked for is stopped and asks for more
input_archives | top | list | further archives that inputs may come from, in this order
stage | archive | text | command that brings files within reach before they are read, such as from tape
connections | archive | integer | how many files are copied from or to it at a time
max_transfers | top site | integer | most files that a machine's jobs fetch from one server at a time
infrastructure_retries | site | integer | how often a job is run again when not its programs but its surroundings failed
"""),
}


def known_keys(pipeline: Section) -> Mapping[str, Known]:
    """All words that may be used here: those of the framework, and what the site declares in ``known_keys``.

    A declaration is ``word = kinds of sections | kind of value | meaning``, as in the table above.
    """
    declared = dict(KEYS)
    for _, section in pipeline.section("filetype_metadata").sections():
        for name in (*names_of(section, "metadata"), *names_of(section, "optional_metadata")):
            declared.setdefault(name.lower(), Known(("file", "top"), "text", "recorded with some files"))
    for key, value in pipeline.section("known_keys").items():
        position = pipeline.section("known_keys").position(key)
        try:
            declared |= declare(f"{key} | {value}")
        except (ValueError, IndexError):
            hint = f"{key} = module file | text | what it means"
            raise error_at(position, f"'{key}' is not declared as a key is", hint) from None
    return declared


def check_pipeline(pipeline: Section) -> Iterator[Problem]:
    """Values that a key cannot have, and unknown keys; an unknown one on the command line is always an error."""
    known = known_keys(pipeline)
    yield from check_values(pipeline, known)
    yield from check_comparison_rules(pipeline)
    typed = [key for key in pipeline if pipeline.position(key) == SET_POSITION]
    for problem in check_keys(pipeline, known):
        key = next((key for key in typed if problem.message.endswith(f"'{key}'")), None)
        if problem.position == SET_POSITION and key is not None:
            others = (name for name in pipeline if name != key)
            hint = did_you_mean(key, others) or "nothing in the pipeline refers to it"
            problem = replace(problem, severity="error", hint=hint)
        yield problem
