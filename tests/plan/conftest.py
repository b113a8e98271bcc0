"""A small pipeline to plan, and an answerer that knows what a test tells it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from framework.configuration.site_file import DEFAULTS
from framework.model.job import ArchivedFile
from framework.model.plan import Identity, Plan
from framework.pipeline.questions import FoundLine
from framework.plan.build import build_plan
from framework.runs.wrapper_hooks import WrapperHooks
from tests.fixtures.answers import Answers
from wcl import Section, merge, read

REDUCE = """
project = TST
pipeline = test
unitname = T1
bands = g, r
ccds = 1, 2
blocklist = one
<block>
    <one>
        modulelist = reduce, add
        divide_jobs_by = band
    </one>
</block>
<filetype_metadata>
    <red>
    </red>
    <coadd>
        metadata = band
    </coadd>
</filetype_metadata>
<module>
    <reduce>
        wrapperloop = band, ccd
        band = ${bands}
        ccd = ${ccds}
        <exec_1>
            execname = reduce
            was_generated_by = file.red
            <cmdline>
                out = ${file.red.fullname}
            </cmdline>
        </exec_1>
        <file>
            <red>
                filetype = red
                filename = ${band}_${ccd:2}.fits
                ops_enddir = red
            </red>
        </file>
    </reduce>
    <add>
        wrapperloop = band
        loopobj = list.reds
        <exec_1>
            execname = add
            used = list.reds.red
            was_generated_by = file.coadd
            ancestry = list.reds.red:file.coadd
            <cmdline>
                _1 = @${list.reds.fullname}
                o = ${file.coadd.fullname}
            </cmdline>
        </exec_1>
        <list>
            <reds>
                depends = reduce.file.red
                divide_by = band
                columns = red.fullname, ccd
                sortkey = (ccd, True, True)
                filetype = list
                filename = ${band}.list
                ops_enddir = list
            </reds>
        </list>
        <file>
            <coadd>
                filetype = coadd
                filename = ${band}.fits
                ops_enddir = coadd
            </coadd>
        </file>
    </add>
</module>
"""


@pytest.fixture
def reduce_text() -> str:
    return REDUCE


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Plan]:
    """Plans a text; values of --set may follow."""

    def make(
        text: str = REDUCE,
        *,
        in_archive: Mapping[str, ArchivedFile] | None = None,
        outside: Mapping[str, str] | None = None,
        lines: Sequence[FoundLine] = (),
        **overrides: str,
    ) -> Plan:
        file = tmp_path / "pipeline.wcl"
        file.write_text(text, encoding="utf-8")
        pipeline: Section = merge(read(DEFAULTS), read(file, overrides=overrides)).with_value("fw_home", "/home/fw")
        identity = Identity(
            reqnum=7,
            unitname="T1",
            attnum=2,
            run="T1_r7p02",
            project="TST",
            campaign="none",
            pipeline="test",
            operator="me",
            jira_id="none",
        )
        return build_plan(
            pipeline,
            identity,
            Answers(in_archive or {}, outside or {}, lines),
            submit_directory="/work",
            wrappers={"generic": None, "scrape": None},
            hooks=WrapperHooks(),
        )

    return make
