"""Checks: what can be wrong with a whole plan although each of its calls looks right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace

from framework.model.plan import SAFE_NAME, Call, File, Identity, Job, Known
from framework.pipeline.archives import own_archive, read_archives
from framework.pipeline.definition import BlockDefinition
from framework.pipeline.problems import PlanProblems, suggest_name
from framework.pipeline.questions import PlannerQuestions
from framework.pipeline.wildcards import overlapping
from framework.plan.file_lines import is_sourced
from framework.plan.file_names import check_names
from framework.plan.products import Products
from wcl import Section, SourcePosition


class DefinitionPositions:
    """Where the pipeline defines the files of a call, for messages."""

    def __init__(self, blocks: tuple[BlockDefinition, ...]) -> None:
        self._places = {
            (module.name, f"file.{label}"): part.position
            for block in blocks
            for module in block.modules
            for label, part in module.files.items()
        }
        self._modules = {module.name: module.position for block in blocks for module in block.modules}

    def position(self, call: Call, label: str) -> SourcePosition:
        return self._places.get((call.module, label), self._modules[call.module])


def check_names_and_archives(pipeline: Section, identity: Identity, problems: PlanProblems) -> bool:
    """Whether the names that the run is made of can be used, and the site and archive that it is for are there."""
    before = len(problems.errors)
    for key, value in (("unitname", identity.unitname), ("run", identity.run)):
        if not SAFE_NAME.fullmatch(value) or value in (".", ".."):
            position = pipeline.position(key) if key in pipeline else pipeline.opened_position
            problems.add_error(
                position, f"{key} = {value} cannot name a directory", hint="letters, digits and . _ - + , = @"
            )
    for kind, key in (("site", "target_site"), ("archive", "home_archive")):
        name = pipeline.text(key)
        known = [each for each, _ in pipeline.section(kind).sections()]
        if "$" not in name and name.lower() not in known:
            problems.add_error(
                pipeline.position(key), f"unknown {kind} '{name}'", hint=suggest_name(name.lower(), known)
            )
    with problems.collect():
        read_archives(pipeline)
        own = own_archive(pipeline)
        root = own.text("root", "")
        if own and not root.startswith(("/", "$")):
            position = own.position("root") if "root" in own else own.opened_position
            hint = "begin it with / or ${fw_home}; with an address, name a target_archive that jobs can use"
            problems.add_error(position, f"the archive's root '{root}' is not absolute", hint=hint)
    return len(problems.errors) == before


def check_outputs(
    products: Products, origins: DefinitionPositions, questions: PlannerQuestions, problems: PlanProblems
) -> None:
    """Two outputs with one name, names that the archive already holds, and wildcards that fit others' names."""
    for call, file in products.doubles:
        first = products.at(file.path)
        problems.add_error(
            origins.position(call, file.label),
            f"{_named(call)} and {_named(first[0] if first else call)} would both make {file.path}",
            hint="put a loop key into the file's name or directory",
        )
    for path in sorted(questions.find_in_archive(products.paths())):
        taken = products.at(path)
        if taken and taken[1].saved:
            problems.add_error(
                origins.position(taken[0], taken[1].label),
                f"{path} is in the archive already",
                hint="put ${attnum} or ${run} into the file's name or directory",
            )
    # Of two files of earlier calls nothing is said: they are there, and each has its name.
    now = set(products.paths())
    for one, two in overlapping(products.wildcards(), lambda file: file.path):
        own, other = (one, two) if one.path in now else (two, one)
        maker = products.at(own.path) if own.path in now else None
        if maker:
            problems.add_error(
                origins.position(maker[0], own.label),
                f"files of {_named(maker[0])} might have the names of others: {own.path} and {other.path}",
                hint="put them into directories of their own (ops_enddir), or give their names different beginnings",
            )


def check_own_directory(
    calls: Iterable[Call], archive_path: str, origins: DefinitionPositions, problems: PlanProblems
) -> None:
    """Files of which the plan does not know the names lie where no other run writes."""
    own = "/".join(part for part in archive_path.split("/") if part)
    for call in calls:
        for file in call.outputs:
            if file.pattern and not file.path.startswith(f"{own}/"):
                problems.add_error(
                    origins.position(call, file.label),
                    f"{file.path} lies outside the run's own directory, where others may have such files",
                    hint="let the ops of its dirpat begin with ${ops_run_dir}",
                )


def with_inputs_known(
    calls: list[Call],
    products: Products,
    origins: DefinitionPositions,
    questions: PlannerQuestions,
    problems: PlanProblems,
) -> dict[int, Call]:
    """The calls, by their numbers, whose inputs are told apart only by asking.

    Inputs that no call makes carry what the archive knows of them; optional ones that nobody has are left out, and
    others that nobody has are a problem.
    """
    wanted: dict[str, list[tuple[Call, File]]] = {}
    outside: dict[str, tuple[Call, File]] = {}
    for call in calls:
        for file in call.inputs:
            if file.external:
                outside.setdefault(file.path, (call, file))
                continue
            maker = products.maker(file.path)
            if maker is None:
                if file.size is None:  # else a query found it in the archive
                    wanted.setdefault(file.path, []).append((call, file))
            elif maker >= call.number:
                problems.add_error(
                    origins.position(call, file.label),
                    f"{_named(call)} wants {file.path} before it is made",
                    hint="put the module that makes it first in modulelist",
                )
    known = questions.find_in_archive(list(wanted))
    for path, wants in wanted.items():
        needed = [(call, file) for call, file in wants if not file.optional]
        if path not in known and needed:
            call, file = needed[0]
            gone = questions.absence_reason(path)
            problems.add_error(
                origins.position(call, file.label),
                f"nobody makes {path}, and {gone or 'the archive does not have it'}",
                hint=f"wanted by {_named(call)} as {file.label}",
            )
    for location, (call, file) in outside.items():
        trouble = questions.read_error(location)
        if trouble and not file.optional:
            problems.add_error(
                origins.position(call, file.label), f"{location}: {trouble}", hint=f"wanted by {_named(call)}"
            )
    asking = {call.number: call for wants in wanted.values() for call, _ in wants}
    return {number: _with_known(call, wanted, known) for number, call in asking.items()}


def _with_known(call: Call, wanted: Collection[str], known: Mapping[str, Known]) -> Call:
    inputs = []
    for file in call.inputs:
        if file.external or file.path not in wanted:
            inputs.append(file)
        elif found := known.get(file.path):
            inputs.append(_found(file, found))
    return replace(call, inputs=tuple(inputs))


def _found(file: File, known: Known) -> File:
    return replace(file, size=known.size, sha256=known.sha256, compression=known.compression, staged_from=known.archive)


def check_jobs(jobs: list[Job], products: Products, origins: DefinitionPositions, problems: PlanProblems) -> None:
    """Files that would meet in a job's directory, and files that are not kept but wanted elsewhere."""
    job_of = {call.number: job.number for job in jobs for call in job.calls}
    for job in jobs:
        taken: dict[str, File] = {}
        made = {id(file): call for call in job.calls for file in call.outputs if file.pattern}
        for one, two in overlapping(_made_in(job), lambda file: file.job_path) if made else ():
            call, file = (made[id(one)], one) if one.pattern else (made[id(two)], two)
            problems.add_error(
                origins.position(call, file.label),
                f"{one.path} and {two.path} might have one name in job {job.number}: {one.job_path}, {two.job_path}",
                hint="give one of them another directory in the job (rundir, or dirpat)",
            )
        for call in job.calls:
            for file in (*call.inputs, *call.outputs):
                other = taken.setdefault(file.job_path, file)
                if other.path != file.path:
                    problems.add_error(
                        origins.position(call, file.label),
                        f"{file.path} and {other.path} would both lie at {file.job_path} in job {job.number}",
                        hint="give one of them another directory in the job (rundir, or dirpat)",
                    )
            for file in call.inputs:
                maker = products.maker(file.path)
                if maker is not None and job_of.get(maker) != job.number and not file.saved:
                    problems.add_error(
                        origins.position(call, file.label),
                        f"{file.path} is not kept (savefiles) but wanted by {_named(call)} in another job",
                        hint="keep it, or let divide_jobs_by put both into one job",
                    )


def _made_in(job: Job) -> list[File]:
    return [file for call in job.calls for file in call.outputs]


def check_filetypes(calls: list[Call], origins: DefinitionPositions, problems: PlanProblems) -> None:
    """What is made is of some type: its metadata depends on it."""
    for call in calls:
        for file in call.outputs:
            if not file.filetype:
                hint = "give it filetype = one of filetype_metadata"
                problems.add_error(
                    origins.position(call, file.label), f"{file.label} is made, and has no filetype", hint=hint
                )


def check_definitions(blocks: tuple[BlockDefinition, ...], pipeline: Section, problems: PlanProblems) -> None:
    """Names in the definitions of files and lists that nothing answers to."""
    for block in blocks:
        for module in block.modules:
            parts = [part.section for part in module.files.values()] + [part.section for part in module.lists.values()]
            for section in parts:
                # What a query asks for need not be a type that this pipeline makes.
                keys = ("dirpat", "filepat") if is_sourced(section) else ("filetype", "dirpat", "filepat")
                for error in check_names(section, pipeline, keys):
                    problems.extend(error.problems)


def check_uses(blocks: tuple[BlockDefinition, ...], problems: PlanProblems) -> None:
    """Objects that a module defines but says nothing of: neither used nor made."""
    for block in blocks:
        for module in block.modules:
            named = {".".join(label.split(".")[:2]) for label in module.used | module.made}
            nicks = {label.rsplit(".", 1)[-1] for label in module.used}
            for label, part in module.files.items():
                if f"file.{label}" not in named and label not in nicks and "listonly" not in part.section:
                    problems.add_error(
                        part.position,
                        f"file.{label} of module '{module.name}' is neither used nor generated",
                        hint="name it in used or was_generated_by of an exec section",
                    )


def check_wrappers(blocks: tuple[BlockDefinition, ...], known: Mapping[str, object], problems: PlanProblems) -> None:
    for block in blocks:
        for module in block.modules:
            if module.wrapper not in known:
                position = (
                    module.section.position("wrappername") if "wrappername" in module.section else module.position
                )
                problems.add_error(
                    position, f"unknown wrapper '{module.wrapper}'", hint=suggest_name(module.wrapper, known)
                )


def _named(call: Call) -> str:
    values = ", ".join(f"{key}={value}" for key, value in call.keys.items())
    return f"{call.module} ({values})" if values else call.module
