"""Building of plans: read the definitions, make the calls, group them into jobs, and check the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from framework.model.gc_pause import no_garbage_collection
from framework.model.job import Call
from framework.model.plan import Block, Identity, LateBlock, Module, Plan
from framework.pipeline.definition import BlockDefinition, ModuleDefinition
from framework.pipeline.file_rules import FileRules
from framework.pipeline.keys import check_pipeline
from framework.pipeline.numbers import find_whole_number
from framework.pipeline.pipeline_definition import read_pipeline
from framework.pipeline.problems import PlanProblems
from framework.pipeline.questions import PlannerQuestions
from framework.pipeline.resources import read_concurrency_limits
from framework.pipeline.run_checks import check_names_and_archives
from framework.pipeline.site import check_needs, check_queues
from framework.pipeline.software import SoftwareDefinitions, check_software
from framework.plan.archived_inputs import find_archived_inputs
from framework.plan.calls import make_calls, make_first_call
from framework.plan.checks import check_filetypes, check_jobs, check_outputs, check_own_directory
from framework.plan.definition_checks import check_blocks
from framework.plan.definition_positions import DefinitionPositions
from framework.plan.earlier_blocks import EarlierBlocks, collect_products
from framework.plan.file_lines import LineSources
from framework.plan.in_memory import check_processes, mark_files_in_memory
from framework.plan.jobs import JobBuilder, read_job_division
from framework.plan.late_blocks import find_carried_lines
from framework.plan.late_rehearsal import KnownObjects, Rehearsal
from framework.plan.planning_context import PlanningContext, PlanningHooks
from framework.plan.products import FileLine, Products
from wcl import Section, expand


def build_plan(
    pipeline: Section,
    identity: Identity,
    questions: PlannerQuestions,
    *,
    submit_directory: str,
    wrappers: Mapping[str, object],
    hooks: PlanningHooks,
) -> Plan:
    """Return the plan of everything that will run but for late blocks; nothing is written or started.

    ``pipeline`` is the whole configuration: the framework's defaults, the site's values and the submission's own,
    merged. All problems are raised as one WclError.
    """
    with no_garbage_collection():
        planner = _Planner(pipeline, identity, questions, submit_directory, wrappers, hooks)
        early = tuple(block for block in planner.blocks if not block.is_late)
        return planner.plan(early, EarlierBlocks(jobs=(), carried={}), Products())


def build_late_block(
    pipeline: Section,
    identity: Identity,
    questions: PlannerQuestions,
    *,
    number: int,
    earlier: EarlierBlocks,
    submit_directory: str,
    wrappers: Mapping[str, object],
    hooks: PlanningHooks,
) -> Plan:
    """Return the plan of one late block of a run, now that the blocks before it have ended."""
    with no_garbage_collection():
        planner = _Planner(pipeline, identity, questions, submit_directory, wrappers, hooks)
        before = [block for block in planner.blocks if block.number < number]
        products = collect_products(earlier, before, identity.run, questions)
        return planner.plan(tuple(b for b in planner.blocks if b.number == number), earlier, products)


class _Planner:
    """Plans blocks of a run; everything that can be checked without planning them is checked at the start."""

    def __init__(
        self,
        pipeline: Section,
        identity: Identity,
        questions: PlannerQuestions,
        submit_directory: str,
        wrappers: Mapping[str, object],
        hooks: PlanningHooks,
    ) -> None:
        self._identity = identity
        self._questions = questions
        self._submit_directory = submit_directory
        self._hooks = hooks
        self._problems = problems = PlanProblems()
        problems.extend(check_pipeline(pipeline))
        problems.extend(check_software(pipeline))
        if not check_names_and_archives(pipeline, identity, problems):
            problems.raise_errors()  # nothing can be planned without them
        self._pipeline = read_pipeline(pipeline, problems)
        self._scope = self._pipeline.scope(identity)
        self._software = SoftwareDefinitions(pipeline, self._scope)
        self._files = FileRules(pipeline, submit_directory)
        self.blocks = self._pipeline.blocks
        check_blocks(self.blocks, wrappers, self._files, problems)

    def plan(self, blocks: tuple[BlockDefinition, ...], earlier: EarlierBlocks, products: Products) -> Plan:
        """Return the plan of some blocks, which follow the earlier ones."""
        problems, questions = self._problems, self._questions
        context = self._context(products)
        calls_by_block = _make_all_calls(blocks, context, problems, 1 + earlier.last_call)
        calls = [call for made in calls_by_block for call in made]
        positions = DefinitionPositions(self.blocks)
        looked_up = find_archived_inputs(calls, products, positions, questions, problems)
        check_filetypes(calls, positions, problems)
        modules = {module.name: module for block in blocks for module in block.modules}
        check_needs(calls, modules, self._pipeline.site, problems)
        check_outputs(products, positions, questions, problems)
        planned: tuple[Block, ...] = ()
        with problems.collect():
            planned = _group_calls(blocks, _with_archived_inputs(calls_by_block, looked_up), context, earlier)
        jobs = [job for block in planned for job in block.jobs]
        check_jobs(jobs, products, positions, problems)
        if _share_processes(blocks, context):
            check_processes(jobs, positions, problems)
        check_queues(jobs, modules, problems)
        late = self._rehearse_late_blocks(max((block.number for block in blocks), default=0), context)
        with problems.collect():
            check_own_directory(calls, self._pipeline.expand_key("ops_run_dir", self._scope), positions, problems)
        problems.raise_errors()
        return self._make_plan(planned, late, find_carried_lines(self.blocks, products))

    def _context(self, products: Products) -> PlanningContext:
        return PlanningContext(
            pipeline=self._pipeline,
            scope=self._scope,
            files=self._files,
            sources=LineSources(products, self._questions.find_lines),
            wrappers=self._hooks,
            software=self._software,
        )

    def _rehearse_late_blocks(self, last: int, context: PlanningContext) -> tuple[LateBlock, ...]:
        """Return the late blocks behind the last one that is planned now."""
        objects = KnownObjects()
        rehearsal = Rehearsal(context, self._questions, self._problems, make_first_call, objects)
        late = []
        for before, block in zip((None, *self.blocks), self.blocks, strict=False):
            if block.number > last and block.is_late and before is not None:
                late.append(rehearsal.rehearse(block, before.name))
                continue
            for module in block.modules:
                objects.add(module, block.number)
        return tuple(late)

    def _make_plan(
        self, blocks: tuple[Block, ...], late: tuple[LateBlock, ...], carried: Mapping[str, list[FileLine]]
    ) -> Plan:
        pipeline, scope = self._pipeline, self._scope
        return Plan(
            identity=self._identity,
            blocks=blocks,
            archive_path=pipeline.expand_key("ops_run_dir", scope),
            archive=expand(pipeline.archives.own, scope),
            archive_root=pipeline.expand_key("root", scope),
            target_site=pipeline.expand_key("target_site", scope),
            site=pipeline.site.expand_values(scope),
            barriers=pipeline.has_barriers,
            kept_values=pipeline.kept_values(scope),
            epilogue=pipeline.epilogue(scope),
            software=self._software.by_label,
            gpus=pipeline.site.gpus,
            warnings=tuple(str(warning) for warning in self._problems.warnings),
            late=late,
            carried=carried,
            submit_directory=self._submit_directory,
            compression_args=pipeline.compression_args,
            deliver_to=expand(pipeline.archives.home, scope),
            max_transfers=pipeline.site.max_transfers(scope),
            keeps_junk=pipeline.keeps_junk,
        )


def _make_all_calls(
    blocks: tuple[BlockDefinition, ...], context: PlanningContext, problems: PlanProblems, number: int
) -> list[list[Call]]:
    """Return the calls of each block, numbered from ``number``; their products are added to the context."""
    products = context.sources.products
    calls_by_block = []
    for block in blocks:
        calls: list[Call] = []
        for module in block.modules:
            made: list[Call] | None = None
            with problems.collect():
                made = make_calls(module, context, number)
            if made is None:
                products.mark_unplannable(module.name)
                continue
            number += len(made)
            calls += made
            products.add(made)
            for label in sorted(module.made) if not made else ():
                products.add_lines(module.name, label, ())
        calls_by_block.append(calls)
    return calls_by_block


def _with_archived_inputs(calls_by_block: list[list[Call]], looked_up: Mapping[int, Call]) -> list[list[Call]]:
    """Return the calls, those whose inputs were looked up in the archive as they are since."""
    if not looked_up:
        return calls_by_block
    return [[looked_up.get(call.number, call) for call in calls] for calls in calls_by_block]


def _group_calls(
    blocks: tuple[BlockDefinition, ...],
    calls_by_block: list[list[Call]],
    context: PlanningContext,
    earlier: EarlierBlocks,
) -> tuple[Block, ...]:
    """Return the blocks with the calls of each grouped into jobs."""
    builder = JobBuilder(context.sources.products, earlier.jobs)
    planned = []
    for block, calls in zip(blocks, calls_by_block, strict=True):
        jobs = builder.build(block.number, calls, read_job_division(block, context.scope))
        if _share_processes([block], context):
            jobs = tuple(map(mark_files_in_memory, jobs))
        modules = tuple(
            _describe_module(module, number, calls, context) for number, module in enumerate(block.modules, start=1)
        )
        planned.append(Block(number=block.number, name=block.name, modules=modules, jobs=jobs))
    return tuple(planned)


def _share_processes(blocks: Iterable[BlockDefinition], context: PlanningContext) -> bool:
    return any(context.wrappers.shares_process(module.wrapper) for block in blocks for module in block.modules)


def _describe_module(module: ModuleDefinition, number: int, calls: list[Call], context: PlanningContext) -> Module:
    scope = context.scope.child(module.section, module.block)
    return Module(
        name=module.name,
        number=number,
        calls=sum(call.module == module.name for call in calls),
        max_running=find_whole_number(scope, "max_running", module.position),
        concurrency_limits=read_concurrency_limits(module, scope),
    )
