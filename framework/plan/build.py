"""Build a plan: read the definitions, make the calls, group them into jobs, and check the whole."""

from __future__ import annotations

from collections.abc import Mapping

from framework.garbage import no_garbage_collection
from framework.plan.calls import Surroundings, WrapperHooks, make_calls
from framework.plan.checks import (
    Origins,
    check_definitions,
    check_filetypes,
    check_jobs,
    check_outputs,
    check_own_directory,
    check_uses,
    check_wrappers,
    has_surroundings,
    with_inputs_known,
)
from framework.plan.definition import BlockDefinition, ModuleDefinition, read_blocks
from framework.plan.findings import Findings, near, wrong
from framework.plan.jobs import Grouping
from framework.plan.keys import check_pipeline
from framework.plan.lines import Sources
from framework.plan.model import Ask, Block, Call, Identity, Module, Plan
from framework.plan.numbers import whole_number
from framework.plan.products import Products
from wcl import Scope, Section, expand, split


def build_plan(
    pipeline: Section,
    identity: Identity,
    ask: Ask,
    *,
    submit_directory: str,
    wrappers: Mapping[str, object],
    hooks: WrapperHooks,
) -> Plan:
    """Decide everything that will run; nothing is written or started.

    ``pipeline`` is the whole configuration: the framework's defaults, the site's values and the submission's own,
    merged. Everything that is wrong is raised as one WclError.
    """
    with no_garbage_collection():
        return _build(pipeline, identity, ask, submit_directory, wrappers, hooks)


def _build(
    pipeline: Section,
    identity: Identity,
    ask: Ask,
    submit_directory: str,
    wrappers: Mapping[str, object],
    hooks: WrapperHooks,
) -> Plan:
    findings = Findings()
    findings.take(check_pipeline(pipeline))
    if not has_surroundings(pipeline, identity, findings):
        findings.conclude()  # nothing can be planned without them
    scope = run_scope(pipeline, identity)
    blocks = read_blocks(pipeline, findings)
    check_wrappers(blocks, wrappers, findings)
    check_uses(blocks, findings)
    check_definitions(blocks, pipeline, findings)
    products = Products()
    around = Surroundings(
        pipeline=pipeline,
        scope=scope,
        submit_directory=submit_directory,
        sources=Sources(products, ask.lines),
        wrappers=hooks,
    )
    by_block = _all_calls(blocks, around, findings)
    calls = [call for found in by_block for call in found]
    origins = Origins(blocks)
    asked = with_inputs_known(calls, products, origins, ask, findings)
    check_filetypes(calls, origins, findings)
    check_outputs(products, origins, ask, findings)
    planned: tuple[Block, ...] = ()
    with findings.collecting():
        if asked:
            by_block = [[asked.get(call.number, call) for call in found] for found in by_block]
        planned = _group(blocks, by_block, around)
    check_jobs([job for block in planned for job in block.jobs], products, origins, findings)
    with findings.collecting():
        check_own_directory(calls, str(expand(scope.find("ops_run_dir"), scope)), origins, findings)
    findings.conclude()
    return _plan(pipeline, identity, scope, planned, tuple(str(warning) for warning in findings.warnings))


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
    """Some values over those of the home archive, the site and the top level."""
    site = pipeline.section("site").section(str(pipeline.get("target_site", "local")).lower())
    archive = pipeline.section("archive").section(str(pipeline.get("home_archive", "home")).lower())
    return Scope(given, archive, site, pipeline, root=pipeline)


def _all_calls(blocks: tuple[BlockDefinition, ...], around: Surroundings, findings: Findings) -> list[list[Call]]:
    number = 1
    by_block = []
    for block in blocks:
        calls: list[Call] = []
        for module in block.modules:
            made: list[Call] | None = None
            with findings.collecting():
                made = make_calls(module, around, number)
            if made is None:
                around.sources.products.is_broken(module.name)
                continue
            number += len(made)
            calls += made
            around.sources.products.add(made)
            for label in sorted(module.made) if not made else ():
                around.sources.products.add_lines(module.name, label, ())
        by_block.append(calls)
    return by_block


def _group(blocks: tuple[BlockDefinition, ...], calls: list[list[Call]], around: Surroundings) -> tuple[Block, ...]:
    grouping = Grouping(around.sources.products)
    planned = []
    for block, found in zip(blocks, calls, strict=True):
        scope = around.scope.child(block.section)
        divide_by = _names(block.section, "divide_jobs_by")
        most = whole_number(scope, "max_wrappers_per_job", block.section.opened)
        threads = whole_number(scope, "fw_nmaxthread", block.section.opened)
        jobs = grouping.block(block.number, found, divide_by, most, threads or 0)
        modules = tuple(_module(module, number, found, around) for number, module in enumerate(block.modules, start=1))
        planned.append(Block(number=block.number, name=block.name, modules=modules, jobs=jobs))
    return tuple(planned)


def _module(module: ModuleDefinition, number: int, calls: list[Call], around: Surroundings) -> Module:
    return Module(
        name=module.name,
        number=number,
        calls=sum(call.module == module.name for call in calls),
        max_running=whole_number(around.scope.child(module.section), "max_running", module.place),
    )


def _plan(
    pipeline: Section, identity: Identity, scope: Scope, blocks: tuple[Block, ...], warnings: tuple[str, ...]
) -> Plan:
    def text(key: str) -> str:
        return str(expand(scope.find(key), scope, pipeline.place(key) if key in pipeline else None))

    kept = {}
    for key in _names(pipeline, "save_run_vals"):
        try:
            kept[key] = text(key)
        except KeyError:
            raise wrong(pipeline.place("save_run_vals"), f"there is no '{key}' to keep", near(key, pipeline)) from None
    order = str(pipeline.get("block_order", "serial"))
    return Plan(
        identity=identity,
        blocks=blocks,
        archive_path=text("ops_run_dir"),
        archive=text("home_archive"),
        archive_root=text("root"),
        target_site=text("target_site"),
        barriers=order != "dataflow",
        kept_values=kept,
        epilogue=text("epilogue") if "epilogue" in pipeline else "",
        warnings=warnings,
    )


def _names(section: Section, key: str) -> tuple[str, ...]:
    value = section.get(key)
    return tuple(name for name in split(value) if name) if isinstance(value, str) else ()
