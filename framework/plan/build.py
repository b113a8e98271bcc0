"""Build a plan: read the definitions, make the calls, group them into jobs, and check the whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from framework.model.gc_pause import no_garbage_collection
from framework.model.plan import Block, Call, Identity, LateBlock, Module, Plan
from framework.pipeline.archives import own_archive, read_archives
from framework.pipeline.compression import compression_args
from framework.pipeline.definition import BlockDefinition, ModuleDefinition, names_of, read_blocks
from framework.pipeline.keys import check_pipeline
from framework.pipeline.numbers import whole_number
from framework.pipeline.problems import PlanProblems, error_at, suggest_name
from framework.pipeline.questions import PlannerQuestions
from framework.pipeline.site import check_needs, check_queues, gpus_of, site_of
from framework.pipeline.software import SoftwareDefinitions, check_software
from framework.plan.calls import PlanningContext, WrapperHooks, make_calls
from framework.plan.checks import (
    DefinitionPositions,
    check_definitions,
    check_filetypes,
    check_jobs,
    check_names_and_archives,
    check_outputs,
    check_own_directory,
    check_uses,
    check_wrappers,
    with_inputs_known,
)
from framework.plan.file_lines import LineSources, flag
from framework.plan.in_memory import check_processes, with_memory
from framework.plan.jobs import JobBuilder, read_job_division
from framework.plan.late_blocks import carried, check_late, is_late, late_names
from framework.plan.late_inputs import EarlierBlocks, products_of
from framework.plan.late_rehearsal import Names, rehearse
from framework.plan.products import FileLine, Products
from wcl import Scope, Section, expand, split_list

#: A throttle of the pool, with how much of it a job takes.
LIMIT = re.compile(r"[A-Za-z]\w*(\.\w+)?(:\d+)?", re.ASCII)


def build_plan(
    pipeline: Section,
    identity: Identity,
    questions: PlannerQuestions,
    *,
    submit_directory: str,
    wrappers: Mapping[str, object],
    hooks: WrapperHooks,
) -> Plan:
    """Decide everything that will run but for late blocks; nothing is written or started.

    ``pipeline`` is the whole configuration: the framework's defaults, the site's values and the submission's own,
    merged. Everything that is wrong is raised as one WclError.
    """
    with no_garbage_collection():
        planning = _Planning(pipeline, identity, questions, submit_directory, wrappers, hooks)
        early = tuple(block for block in planning.blocks if not is_late(block))
        return planning.plan(early, EarlierBlocks(jobs=(), carried={}), Products())


def build_late_block(
    pipeline: Section,
    identity: Identity,
    questions: PlannerQuestions,
    *,
    number: int,
    earlier: EarlierBlocks,
    submit_directory: str,
    wrappers: Mapping[str, object],
    hooks: WrapperHooks,
) -> Plan:
    """Decide what a late block of a run will do, now that the blocks before it have ended: a plan of this block."""
    with no_garbage_collection():
        planning = _Planning(pipeline, identity, questions, submit_directory, wrappers, hooks)
        before = [block for block in planning.blocks if block.number < number]
        products = products_of(earlier, before, identity.run, questions)
        return planning.plan(tuple(b for b in planning.blocks if b.number == number), earlier, products)


class _Planning:
    """What planning some blocks of a run needs, with everything checked that can be without planning them."""

    def __init__(
        self,
        pipeline: Section,
        identity: Identity,
        questions: PlannerQuestions,
        submit_directory: str,
        wrappers: Mapping[str, object],
        hooks: WrapperHooks,
    ) -> None:
        self._pipeline = pipeline
        self._identity = identity
        self._questions = questions
        self._submit_directory = submit_directory
        self._hooks = hooks
        self._problems = problems = PlanProblems()
        problems.extend(check_pipeline(pipeline))
        problems.extend(check_software(pipeline))
        if not check_names_and_archives(pipeline, identity, problems):
            problems.raise_errors()  # nothing can be planned without them
        self._scope = run_scope(pipeline, identity)
        self._software = SoftwareDefinitions(pipeline, self._scope)
        self.blocks = read_blocks(pipeline, problems)
        check_wrappers(self.blocks, wrappers, problems)
        check_uses(self.blocks, problems)
        check_definitions(self.blocks, pipeline, problems)
        check_late(self.blocks, problems)

    def plan(self, blocks: tuple[BlockDefinition, ...], earlier: EarlierBlocks, products: Products) -> Plan:
        """Plan some blocks, which follow those that were planned earlier."""
        problems, questions = self._problems, self._questions
        around = self._around(products)
        by_block = _all_calls(blocks, around, problems, 1 + earlier.last_call)
        calls = [call for found in by_block for call in found]
        origins = DefinitionPositions(self.blocks)
        asked = with_inputs_known(calls, products, origins, questions, problems)
        check_filetypes(calls, origins, problems)
        written = {module.name: module for block in blocks for module in block.modules}
        check_needs(calls, written, site_of(self._pipeline), problems)
        check_outputs(products, origins, questions, problems)
        planned: tuple[Block, ...] = ()
        with problems.collect():
            if asked:
                by_block = [[asked.get(call.number, call) for call in found] for found in by_block]
            planned = _group(blocks, by_block, around, earlier)
        jobs = [job for block in planned for job in block.jobs]
        check_jobs(jobs, products, origins, problems)
        if _share_processes(blocks, around):
            check_processes(jobs, origins, problems)
        check_queues(jobs, written, problems)
        late = self._late(max((block.number for block in blocks), default=0), around)
        with problems.collect():
            check_own_directory(calls, _text(self._pipeline, self._scope, "ops_run_dir"), origins, problems)
        problems.raise_errors()
        return self._finished(planned, late, carried(late_names(self.blocks), products))

    def _around(self, products: Products) -> PlanningContext:
        return PlanningContext(
            pipeline=self._pipeline,
            scope=self._scope,
            submit_directory=self._submit_directory,
            sources=LineSources(products, self._questions.find_lines),
            wrappers=self._hooks,
            software=self._software,
        )

    def _late(self, last: int, around: PlanningContext) -> tuple[LateBlock, ...]:
        """The late blocks behind the last one that is planned now, rehearsed."""
        names = Names()
        late = []
        for before, block in zip((None, *self.blocks), self.blocks, strict=False):
            if block.number > last and is_late(block) and before is not None:
                late.append(rehearse(block, before.name, around, self._questions, names, self._problems))
                continue
            for module in block.modules:
                names.add(module, block.number)
        return tuple(late)

    def _finished(
        self, blocks: tuple[Block, ...], late: tuple[LateBlock, ...], carried: Mapping[str, list[FileLine]]
    ) -> Plan:
        pipeline, scope = self._pipeline, self._scope
        places = read_archives(pipeline)
        kept = {}
        for key in names_of(pipeline, "save_run_vals"):
            try:
                kept[key] = _text(pipeline, scope, key)
            except KeyError:
                position = pipeline.position("save_run_vals")
                raise error_at(position, f"there is no '{key}' to keep", suggest_name(key, pipeline)) from None
        return Plan(
            identity=self._identity,
            blocks=blocks,
            archive_path=_text(pipeline, scope, "ops_run_dir"),
            archive=expand(places.own, scope),
            archive_root=_text(pipeline, scope, "root"),
            target_site=_text(pipeline, scope, "target_site"),
            site=_site(site_of(pipeline), scope),
            barriers=str(pipeline.get("block_order", "serial")) != "dataflow",
            kept_values=kept,
            epilogue=_text(pipeline, scope, "epilogue") if "epilogue" in pipeline else "",
            software=self._software.named,
            gpus=gpus_of(site_of(pipeline)),
            warnings=tuple(str(warning) for warning in self._problems.warnings),
            late=late,
            carried=carried,
            submit_directory=self._submit_directory,
            compression_args=compression_args(pipeline),
            deliver_to=expand(places.home, scope),
            max_transfers=whole_number(
                scope.child(site_of(pipeline)), "max_transfers", site_of(pipeline).opened_position
            )
            or 0,
            keeps_junk=flag(pipeline, "create_junk_tarball"),
        )


def run_scope(pipeline: Section, identity: Identity) -> Scope:
    """The values of the run over the site's and the top level's."""
    return scope_with(
        pipeline,
        {
            "reqnum": str(identity.reqnum),
            "unitname": identity.unitname,
            "attnum": str(identity.attnum),
            "run": identity.run,
            "operator": identity.operator,
        },
    )


def scope_with(pipeline: Section, given: Mapping[str, str]) -> Scope:
    """Some values over those of the run's archive, the site and the top level."""
    return Scope(given, own_archive(pipeline), site_of(pipeline), pipeline, root=pipeline)


def _all_calls(
    blocks: tuple[BlockDefinition, ...], around: PlanningContext, problems: PlanProblems, number: int
) -> list[list[Call]]:
    by_block = []
    for block in blocks:
        calls: list[Call] = []
        for module in block.modules:
            made: list[Call] | None = None
            with problems.collect():
                made = make_calls(module, around, number)
            if made is None:
                around.sources.products.mark_unplannable(module.name)
                continue
            number += len(made)
            calls += made
            around.sources.products.add(made)
            for label in sorted(module.made) if not made else ():
                around.sources.products.add_lines(module.name, label, ())
        by_block.append(calls)
    return by_block


def _group(
    blocks: tuple[BlockDefinition, ...], calls: list[list[Call]], around: PlanningContext, earlier: EarlierBlocks
) -> tuple[Block, ...]:
    grouping = JobBuilder(around.sources.products, earlier.jobs)
    planned = []
    for block, found in zip(blocks, calls, strict=True):
        jobs = grouping.block(block.number, found, read_job_division(block.section, around.scope))
        if _share_processes([block], around):
            jobs = tuple(map(with_memory, jobs))
        modules = tuple(_module(module, number, found, around) for number, module in enumerate(block.modules, start=1))
        planned.append(Block(number=block.number, name=block.name, modules=modules, jobs=jobs))
    return tuple(planned)


def _share_processes(blocks: Iterable[BlockDefinition], around: PlanningContext) -> bool:
    return any(around.wrappers.shares_process(module.wrapper) for block in blocks for module in block.modules)


def _module(module: ModuleDefinition, number: int, calls: list[Call], around: PlanningContext) -> Module:
    scope = around.scope.child(module.section, module.block)
    return Module(
        name=module.name,
        number=number,
        calls=sum(call.module == module.name for call in calls),
        max_running=whole_number(scope, "max_running", module.position),
        concurrency_limits=_limits(module, scope),
    )


def _limits(module: ModuleDefinition, scope: Scope) -> tuple[str, ...]:
    """The throttles that a module names."""
    text = scope.look_up("concurrency_limits")
    position = scope.position("concurrency_limits") or module.position
    names = tuple(name for name in split_list(expand(text, scope, position)) if name) if text else ()
    for name in names:
        if not LIMIT.fullmatch(name):
            raise error_at(position, f"'{name}' is no throttle", hint="a name, or name:weight, such as archive:2")
    return names


def _site(section: Section, scope: Scope, before: str = "") -> Mapping[str, str]:
    """All values of the site's section, those of sections in it too."""
    found: dict[str, str] = {}
    for key, value in section.items():
        if isinstance(value, Section):
            found |= _site(value, scope, f"{before}{key}.")
        else:
            found[before + key] = str(expand(value, scope, section.position(key)))
    return found


def _text(pipeline: Section, scope: Scope, key: str) -> str:
    return str(expand(scope.find(key), scope, pipeline.position(key) if key in pipeline else None))
