"""Submitted pipeline: read from its file over the values of the site, and written into the run directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from framework.configuration.site_file import site_values
from framework.engines.run_directory import RunDirectory
from framework.errors import InfrastructureError
from wcl import Section, merge, read, write
from wcl.rendering import is_template, render

#: The pipeline as it was typed, rendered and understood, in the run's directory.
TYPED, RENDERED, SUBMITTED = "typed.wcl", "rendered.wcl", "full.wcl"


@dataclass(frozen=True)
class Submission:
    """A pipeline as it was submitted, with all values that it was merged with."""

    path: Path
    #: Everything: defaults, the site's values, the pipeline and what --set says.
    pipeline: Section
    #: The file as typed, and as rendered where it is a template.
    typed: str
    rendered: str | None = None


def read_submission(path: Path, overrides: Mapping[str, str], variables: Mapping[str, object]) -> Submission:
    """Read a pipeline's file, and merge it over the values of the site and of the framework."""
    site = site_values()
    pipeline = read(path, overrides=overrides, variables=variables)
    whole = merge(site, pipeline)
    whole.opened_at = pipeline.opened_position  # what is missing is missing in the pipeline
    typed = path.read_text(encoding="utf-8")
    return Submission(path, whole, typed, render(path, variables).text if is_template(typed) else None)


def write_submission(submission: Submission, directory: RunDirectory, version: int) -> None:
    """Write the pipeline as typed, as rendered and as understood beside the plan."""
    try:
        directory.submitted.mkdir(parents=True, exist_ok=True)
        directory.submitted_file(TYPED, version).write_text(submission.typed, encoding="utf-8")
        if submission.rendered is not None:
            directory.submitted_file(RENDERED, version).write_text(submission.rendered, encoding="utf-8")
        directory.submitted_file(SUBMITTED, version).write_text(write(submission.pipeline), encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(f"{error.strerror}: {error.filename}") from error
