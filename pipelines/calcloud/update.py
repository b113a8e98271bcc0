"""Add finished jobs to a model without training: history grows, the limits are adapted, the trees stay."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError

DESCRIPTION = """Add finished jobs to the history of a tabular model. SOURCE is what scrape reads; a dataset that the
model knows already counts as a further run of it. Writes the new model, and a report of what it learned."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk or network failed, 2 when the source holds no job to learn from."""
    return command.run(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("update", DESCRIPTION)
    parser.add_argument("--source", required=True, help="where finished jobs are: registry:, a table, ...")
    parser.add_argument("--model", type=Path, required=True, help="the model so far")
    parser.add_argument("--updated", type=Path, required=True, help="model file to write")
    parser.add_argument("--report", type=Path, help="JSON to write: how far off the model was before it learned them")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from pipelines.calcloud.planning.planning_metrics import time_metrics  # start-up
    from pipelines.calcloud.sources.source import read_source  # start-up
    from pipelines.calcloud.tabular.history import TARGETS  # start-up
    from pipelines.calcloud.tabular.model_file import read_tabular, write_tabular  # start-up
    from pipelines.calcloud.training_data.inspection import inspect  # start-up
    from pipelines.calcloud.training_data.job_arrays import jobs_of_table  # start-up

    stored = read_tabular(arguments.model)
    inspection = inspect(read_source(arguments.source, sample_rows=1, sample_seed=1))
    table = inspection.kept
    if table.empty:
        raise InputError(f"{arguments.source}: holds no job that could be learned from")
    jobs, truth = jobs_of_table(table), {target: table[target].to_numpy(float) for target in TARGETS}
    before = time_metrics(stored.model.predict(jobs).wallclock_s, truth["wallclock"])
    facts = {key: value for key, value in stored.facts.items() if key != "format"}
    facts["simulated"] = bool(facts.get("simulated")) or bool(table["simulated"].any())
    write_tabular(stored.model.update(jobs, truth), arguments.updated, facts)
    report = {"model": stored.id, **inspection.rows(), **{f"{name}_before": value for name, value in before.items()}}
    if arguments.report:
        arguments.report.parent.mkdir(parents=True, exist_ok=True)
        arguments.report.write_text(json.dumps(report, indent=1) + "\n")
    print(f"{len(table)} jobs learned; the model was off by {before['log_rmse']:.3f} (log) in time before")


if __name__ == "__main__":
    raise SystemExit(main())
