"""Side of a comparison: a plan as it has just been made, or as the archive keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from framework.model.gc_pause import no_garbage_collection
from framework.model.job import Call, Job
from framework.model.plan import Plan
from framework.pipeline.definition import is_late_block
from framework.registry.questions.files import find_in_archive, find_producer_inputs
from framework.registry.questions.program_versions import versions
from framework.registry.questions.runs import find_run
from framework.runs import kept_plan
from framework.runs.submitted_pipeline import Submission
from wcl import Section, parse, split_list

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry


@dataclass(frozen=True)
class Names:
    """Name of a run, and the values that its names are made of."""

    run: str
    archive_path: str
    unitname: str
    reqnum: str
    attnum: str


@dataclass(frozen=True)
class Facts:
    """Size and checksum of a file outside every archive."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Side:
    """One side of a comparison: identity, configuration, calls and jobs."""

    names: Names
    pipeline: Section
    jobs: tuple[Job, ...]
    #: Block names by number.
    blocks: Mapping[int, str]
    #: The versions that programs had, by name; None where they are yet to be asked.
    versions: Mapping[str, tuple[str, ...]] | None = None
    #: What a run found in a file from outside; None where nobody knows.
    outside: Callable[[str], Facts | None] = field(default=lambda location: None)
    #: True for a run on record, False for a plan that was just made.
    is_recorded: bool = False

    @property
    def calls(self) -> Iterator[Call]:
        return (call for job in self.jobs for call in job.calls)

    @cached_property
    def job_of(self) -> Mapping[int, Job]:
        """Jobs by the numbers of their calls."""
        return {call.number: job for job in self.jobs for call in job.calls}

    def block_of(self, call: Call) -> str:
        return self.blocks[self.job_of[call.number].block]


def planned_side(plan: Plan, submission: Submission) -> Side:
    """Return the side of a plan that was just made."""
    identity = plan.identity
    return Side(
        names=Names(
            run=identity.run,
            archive_path=plan.archive_path,
            unitname=identity.unitname,
            reqnum=str(identity.reqnum),
            attnum=str(identity.attnum),
        ),
        pipeline=submission.pipeline,
        jobs=tuple(plan.jobs),
        blocks={block.number: block.name for block in plan.blocks},
    )


def recorded_side(registry: Registry, name: str) -> Side:
    """Return the side of a recorded run: its archived plan, and the recorded programs and outside files."""
    run = find_run(registry, name)
    kept = kept_plan.plan_files(registry, run)
    full = kept_plan.newest_file(kept, "full")
    pipeline = parse("".join(kept_plan.read_lines(full.location)), full.location)
    shards = [file.location for shard, file in sorted(kept.items()) if shard.endswith(".jsonl")]
    with no_garbage_collection():
        # A restart with a changed configuration has planned the same jobs again.
        jobs = tuple({job.number: job for shard in shards for job in kept_plan.read_jobs(shard)}.values())
    return Side(
        names=Names(
            run=run.run,
            archive_path=full.path.rpartition("/submit/")[0],
            unitname=run.unitname,
            reqnum=str(run.reqnum),
            attnum=str(run.attnum),
        ),
        pipeline=pipeline,
        jobs=jobs,
        blocks=dict(enumerate(split_list(pipeline.text("blocklist")), start=1)),
        versions=versions(registry, run.attempt_id),
        outside=_outside_files(registry, pipeline.text("home_archive"), jobs),
        is_recorded=True,
    )


def without_late_blocks(side: Side) -> Side:
    """Return a side without late blocks, which a plan made before the run cannot have."""
    names = {name: side.pipeline.section("block").section(name.lower()) for name in side.blocks.values()}
    jobs = tuple(job for job in side.jobs if not is_late_block(names[side.blocks[job.block]]))
    return replace(side, jobs=jobs)


def _outside_files(registry: Registry, archive: str, jobs: tuple[Job, ...]) -> Callable[[str], Facts | None]:
    """Return a function from outside files to their recorded facts, found through outputs derived from them."""
    readers: dict[str, Call] = {}
    for job in jobs:
        for call in job.calls:
            for file in call.inputs:
                if file.external:
                    readers.setdefault(file.path, call)

    def find(location: str) -> Facts | None:
        reader = readers.get(location)
        made = find_in_archive(registry, archive, [file.path for file in reader.outputs]) if reader else {}
        for output in made.values():
            for read in find_producer_inputs(registry, output.id):
                if read.path == location and read.size is not None and read.sha256:
                    return Facts(read.size, read.sha256)
        return None

    return find
