"""Checks of a whole plan: mistakes that show in no single call."""

from __future__ import annotations

from collections.abc import Iterable

from framework.model.job import Call, File, Job
from framework.pipeline.problems import PlanProblems
from framework.pipeline.questions import PlannerQuestions
from framework.pipeline.wildcards import find_overlaps
from framework.plan.definition_positions import DefinitionPositions, describe_call
from framework.plan.products import Products


def check_filetypes(calls: list[Call], positions: DefinitionPositions, problems: PlanProblems) -> None:
    """Report outputs without a filetype, which decides about their metadata."""
    for call in calls:
        for file in call.outputs:
            if not file.filetype:
                hint = "give it filetype = one of filetype_metadata"
                message = f"{file.label} is made, and has no filetype"
                problems.add_error(positions.find(call, file.label), message, hint)


def check_outputs(
    products: Products, positions: DefinitionPositions, questions: PlannerQuestions, problems: PlanProblems
) -> None:
    """Report outputs with one name, names that the archive has already, and wildcards that fit names of others."""
    for call, file in products.duplicates:
        first = products.find_file(file.path)
        problems.add_error(
            positions.find(call, file.label),
            f"{describe_call(call)} and {describe_call(first[0] if first else call)} would both make {file.path}",
            hint="put a loop key into the file's name or directory",
        )
    for path in sorted(questions.find_in_archive(products.paths())):
        made = products.find_file(path)
        if made and made[1].saved:
            problems.add_error(
                positions.find(made[0], made[1].label),
                f"{path} is in the archive already",
                hint="put ${attnum} or ${run} into the file's name or directory",
            )
    _check_wildcards(products, positions, problems)


def check_own_directory(
    calls: Iterable[Call], archive_path: str, positions: DefinitionPositions, problems: PlanProblems
) -> None:
    """Report files with wildcards outside the run's own directory, where other runs may write such files."""
    own = "/".join(part for part in archive_path.split("/") if part)
    for call in calls:
        for file in call.outputs:
            if file.pattern and not file.path.startswith(f"{own}/"):
                problems.add_error(
                    positions.find(call, file.label),
                    f"{file.path} lies outside the run's own directory, where others may have such files",
                    hint="let the ops of its dirpat begin with ${ops_run_dir}",
                )


def check_jobs(jobs: list[Job], products: Products, positions: DefinitionPositions, problems: PlanProblems) -> None:
    """Report files that would meet in a job's directory, and files that another job needs and nobody keeps."""
    job_of = {call.number: job.number for job in jobs for call in job.calls}
    for job in jobs:
        _check_wildcards_of_job(job, positions, problems)
        by_path: dict[str, File] = {}
        for call in job.calls:
            _check_job_paths(job, call, by_path, positions, problems)
            for file in call.inputs:
                maker = products.maker(file.path)
                if maker is not None and job_of.get(maker) != job.number and not file.saved:
                    problems.add_error(
                        positions.find(call, file.label),
                        f"{file.path} is not kept (savefiles), and {describe_call(call)} needs it in another job",
                        hint="keep it, or let divide_jobs_by put both into one job",
                    )


def _check_wildcards(products: Products, positions: DefinitionPositions, problems: PlanProblems) -> None:
    # Files of earlier calls are there, and each has its name.
    now = set(products.paths())
    for one, two in find_overlaps(products.wildcards(), lambda file: file.path):
        own, other = (one, two) if one.path in now else (two, one)
        maker = products.find_file(own.path) if own.path in now else None
        if maker:
            problems.add_error(
                positions.find(maker[0], own.label),
                f"files of {describe_call(maker[0])} might have the names of others: {own.path} and {other.path}",
                hint="put them into directories of their own (ops_enddir), or give their names different beginnings",
            )


def _check_wildcards_of_job(job: Job, positions: DefinitionPositions, problems: PlanProblems) -> None:
    wild = {id(file): call for call in job.calls for file in call.outputs if file.pattern}
    if not wild:
        return
    outputs = [file for call in job.calls for file in call.outputs]
    for one, two in find_overlaps(outputs, lambda file: file.job_path):
        call, file = (wild[id(one)], one) if one.pattern else (wild[id(two)], two)
        problems.add_error(
            positions.find(call, file.label),
            f"{one.path} and {two.path} might have one name in job {job.number}: {one.job_path}, {two.job_path}",
            hint="give one of them another directory in the job (rundir, or dirpat)",
        )


def _check_job_paths(
    job: Job, call: Call, by_path: dict[str, File], positions: DefinitionPositions, problems: PlanProblems
) -> None:
    """Report files of a call that would lie where another file of its job lies."""
    for file in (*call.inputs, *call.outputs):
        other = by_path.setdefault(file.job_path, file)
        if other.path != file.path:
            problems.add_error(
                positions.find(call, file.label),
                f"{file.path} and {other.path} would both lie at {file.job_path} in job {job.number}",
                hint="give one of them another directory in the job (rundir, or dirpat)",
            )
