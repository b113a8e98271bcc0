"""Compare two recorded runs: configuration, software, inputs, command lines, outputs, states and resources."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, registry_option
from framework.output import tables
from framework.output.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from framework.runs.comparison.run_outcome import ModuleComparison, ModuleFigures, OutcomeComparison


@click.command(name="diff", epilog="Example: fw diff Ht0_r11p95 Ht0_r11p96")
@click.argument("old")
@click.argument("new")
@registry_option
@json_option("Everything as JSON.")
def command(old: str, new: str, registry: str | None, as_json: bool) -> int:
    """Report how run NEW differs from run OLD in what it did and in its results; ends with 1 when anything differs.

    The runs' own names (unit, request, attempt) are no differences, and times and memory are only shown.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.registry.questions.runs import find_run
    from framework.registry.questions.software import submitters
    from framework.runs.comparison.comparison import compare
    from framework.runs.comparison.report import report_lines
    from framework.runs.comparison.run_outcome import compare_outcomes
    from framework.runs.comparison.side import recorded_side
    from framework.runs.comparison.software import compare_software

    db = open_registry(registry)
    before, now = recorded_side(db, old), recorded_side(db, new)
    found = compare(before, now)
    outcome = compare_outcomes(db, before, now)
    software = compare_software(*(submitters(db, find_run(db, side.names.run).attempt_id) for side in (before, now)))
    if as_json:
        click.echo(tables.as_json({**asdict(found), "outcome": asdict(outcome), "software": software}))
    else:
        for line in (*report_lines(found), *software_lines(software), *outcome_lines(outcome)):
            click.echo(printable(line))
    differs = not found.is_empty or bool(software) or bool(outcome.files) or outcome.states[0] != outcome.states[1]
    return 1 if differs else 0


def software_lines(software: dict[str, list[str]]) -> Iterator[str]:
    """Yield the lines about the software that the runs were submitted with."""
    if software:
        yield "submitted with"
    for name, (was, value) in software.items():
        yield f"  {name}: {was or 'nothing'} → {value or 'nothing'}"


def outcome_lines(outcome: OutcomeComparison) -> Iterator[str]:
    """Yield the lines about files, then states, then modules."""
    marks = {"added": "+", "changed": "~", "removed": "-"}
    counts = [f"{sum(one.kind == kind for one in outcome.files)} {kind}" for kind in marks]
    yield f"files ({', '.join(counts)}, {outcome.same_files} the same, {outcome.volatile_files} not compared)"
    for one in sorted(outcome.files, key=lambda one: one.path):
        yield f"  {marks[one.kind]} {one.path}  {one.filetype}"
    yield f"state: {' → '.join(dict.fromkeys(outcome.states))}"
    yield from map(_module_line, outcome.modules)


def _module_line(module: ModuleComparison) -> str:
    return f"  {module.block} {module.module}: {_figures_text(module.old)} → {_figures_text(module.new)}"


def _figures_text(numbers: ModuleFigures | None) -> str:
    """Return the figures of a module on one line: ``8/8 done, 1.2 s, 87 MB``."""
    if numbers is None:
        return "none"
    told = [f"{numbers.done}/{numbers.expected} done"]
    if numbers.failed:
        told.append(f"{numbers.failed} failed")
    if numbers.mean_wall is not None:
        told.append(f"{numbers.mean_wall:.1f} s")
    if numbers.peak_memory is not None:
        told.append(f"{numbers.peak_memory / 1024:.0f} MB")
    return ", ".join(told)
