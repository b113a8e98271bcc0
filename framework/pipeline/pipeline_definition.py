"""A pipeline as the planner sees it: its blocks, its site and archives, and the values of its top level.

The sections of site, archive and top stay with it, since each of their keys is a variable for the texts of the modules.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from framework.model.plan import Identity
from framework.pipeline.archives import RunArchives, find_archive_section, read_archives
from framework.pipeline.compression import read_compression_args
from framework.pipeline.definition import BlockDefinition
from framework.pipeline.definition_reader import read_blocks
from framework.pipeline.problems import PlanProblems, error_at, suggest_name
from framework.pipeline.section_values import read_flag, read_names
from framework.pipeline.site import SiteDefinition, read_site
from wcl import Scope, Section, expand


@dataclass(frozen=True, kw_only=True)
class PipelineDefinition:
    """A whole configuration: the framework's defaults, the site's values and the submission's own, merged."""

    top: Section
    blocks: tuple[BlockDefinition, ...]
    site: SiteDefinition
    archives: RunArchives

    @property
    def has_barriers(self) -> bool:
        """True if a block starts when the block before it has ended; else jobs follow their files alone."""
        return str(self.top.get("block_order", "serial")) != "dataflow"

    @property
    def keeps_junk(self) -> bool:
        """True if undeclared files that jobs leave are kept."""
        return read_flag(self.top, "create_junk_tarball")

    @property
    def compression_args(self) -> tuple[str, ...]:
        """Arguments of fpack."""
        return read_compression_args(self.top)

    @property
    def log_section(self) -> Section:
        """Section that names the log files of calls."""
        return self.top.section("framework_file").section("log")

    @property
    def pattern_sections(self) -> tuple[Section, Section]:
        """Sections with the patterns of directories and file names."""
        return self.top.section("directory_pattern"), self.top.section("filename_pattern")

    def scope(self, identity: Identity) -> Scope:
        """Return the scope of the run: its own values before those of archive, site and top."""
        run = {
            "reqnum": str(identity.reqnum),
            "unitname": identity.unitname,
            "attnum": str(identity.attnum),
            "run": identity.run,
            "operator": identity.operator,
        }
        return build_run_scope(self.top, run)

    def expand_key(self, key: str, scope: Scope) -> str:
        """Return the value that a scope has of a key, expanded; raise KeyError if it has none."""
        return str(expand(scope.find(key), scope, self.top.position(key) if key in self.top else None))

    def kept_values(self, scope: Scope) -> dict[str, str]:
        """Return the values that are recorded with the attempt (``save_run_vals``)."""
        values = {}
        for key in read_names(self.top, "save_run_vals"):
            try:
                values[key] = self.expand_key(key, scope)
            except KeyError:
                position = self.top.position("save_run_vals")
                raise error_at(position, f"there is no '{key}' to keep", suggest_name(key, self.top)) from None
        return values

    def epilogue(self, scope: Scope) -> str:
        """Return the text to print at the end of the run."""
        return self.expand_key("epilogue", scope) if "epilogue" in self.top else ""

    def program_version(self, program: str) -> tuple[str, str]:
        """Return the option that asks a program for its version, and the expression that finds it in the answer."""
        definition = self.top.section("exec_def").section(program)
        for key, parse in (("version_pattern", re.compile), ("version_flag", shlex.split)):
            try:
                parse(definition.text(key, ""))
            except (re.error, ValueError) as error:
                message = f"{key} = {definition.text(key)}: {error}"
                raise error_at(definition.position(key), message) from error
        return definition.text("version_flag", ""), definition.text("version_pattern", "")


def read_pipeline(pipeline: Section, problems: PlanProblems) -> PipelineDefinition:
    """Read a pipeline; what is wrong in its blocks is added to the problems."""
    return PipelineDefinition(
        top=pipeline,
        blocks=read_blocks(pipeline, problems),
        site=read_site(pipeline),
        archives=read_archives(pipeline),
    )


def build_run_scope(pipeline: Section, values: Mapping[str, str]) -> Scope:
    """Return a scope of some values before those of the run's archive, the site and the top level."""
    return Scope(values, find_archive_section(pipeline), read_site(pipeline).section, pipeline, root=pipeline)
