"""Make a training set of finished jobs: quarantine impossible rows, split into train and test, fit the transform."""

import argparse
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError

if TYPE_CHECKING:
    from pipelines.calcloud.training_data.inspection import Inspection

SPLIT_SEED = 42
SAMPLE_SEED = 1
SAMPLE_ROWS = 3000

DESCRIPTION = """Read finished jobs from SOURCE, check each row against the schema, and write the training set, the rows
that cannot be used with their reasons, a report of both, and the transform fitted on the train rows."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed, 2 when the source is no table of jobs."""
    return command.run(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("scrape", DESCRIPTION)
    parser.add_argument("--source", default="sample", help="'sample' (simulated jobs), a CSV(.gz) file, or its address")
    parser.add_argument("--training", type=Path, required=True, help="CSV to write: the usable jobs")
    parser.add_argument(
        "--quarantine", type=Path, required=True, help="CSV to write: the others, with line and reasons"
    )
    parser.add_argument("--report", type=Path, required=True, help="JSON to write: how many rows went where, and why")
    parser.add_argument("--transform", type=Path, required=True, help="JSON to write: lambdas, mu and sigma")
    parser.add_argument("--split_seed", type=command.seed, default=SPLIT_SEED, help="of the choice of test rows")
    parser.add_argument("--sample_seed", type=command.seed, default=SAMPLE_SEED, help="of the simulated jobs")
    parser.add_argument("--sample_rows", type=command.positive_int, default=SAMPLE_ROWS, help="how many simulated jobs")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    scrape(
        source_name=arguments.source,
        sample_rows=arguments.sample_rows,
        sample_seed=arguments.sample_seed,
        split_seed=arguments.split_seed,
        training=arguments.training,
        quarantine=arguments.quarantine,
        report=arguments.report,
        transform=arguments.transform,
    )


def scrape(
    *,
    source_name: str,
    training: Path,
    quarantine: Path,
    report: Path,
    transform: Path,
    sample_rows: int = SAMPLE_ROWS,
    sample_seed: int = SAMPLE_SEED,
    split_seed: int = SPLIT_SEED,
) -> None:
    """Write the training set, the quarantined rows, the report and the transform.

    Parameters
    ----------
    source_name : str
        Source of finished jobs, as `read_source` takes it.
    training, quarantine, report, transform : Path
        Files to write; quarantine and report are written even if no row can be used.
    sample_rows, sample_seed : int
        Number and seed of simulated jobs.
    split_seed : int
        Seed of the choice of test rows.

    Raises
    ------
    InputError
        If the source cannot be read, or too few rows can be used.
    """
    from pipelines.calcloud.sources.schema import SIMULATED  # start-up
    from pipelines.calcloud.sources.source import read_source  # start-up
    from pipelines.calcloud.training_data.features import fit_transform  # start-up
    from pipelines.calcloud.training_data.inspection import inspect  # start-up
    from pipelines.calcloud.training_data.split import TRAIN, split_jobs  # start-up

    source = read_source(source_name, sample_rows=sample_rows, sample_seed=sample_seed)
    inspection = inspect(source)
    for path in (training, quarantine, report, transform):
        path.parent.mkdir(parents=True, exist_ok=True)
    quarantine.write_text(_quarantine_csv(inspection))
    jobs = inspection.kept
    facts: dict[str, object] = {
        "source": source.name,
        "sha256": source.sha256,
        "simulated": bool(jobs[SIMULATED].any()),
        **inspection.rows(),
        "quarantined_by_reason": inspection.quarantined_by_reason(),
        "flagged_by_flag": inspection.flagged_by_flag(),
        "split_seed": split_seed,
    }
    report.write_text(json.dumps(facts, indent=1) + "\n")
    if inspection.quarantined:
        print(f"{len(inspection.quarantined)} of {len(source.lines)} rows cannot be used: see {quarantine}")

    if jobs.empty:
        reason = inspection.quarantined[0].reasons[0]
        raise InputError(f"{source_name}: no row can be used, the first because of {reason}: see {quarantine}")
    jobs["split"] = split_jobs(jobs["mem_bin"], split_seed)
    fitted = fit_transform(jobs[jobs["split"] == TRAIN])
    jobs[["x_files", "x_size"]] = fitted(jobs)
    fitted.write(transform)
    jobs.to_csv(training, index=False, lineterminator="\n")
    facts |= {"rows_by_split": jobs["split"].value_counts().sort_index().to_dict()}
    facts |= {"rows_by_bin": {str(label): int(n) for label, n in jobs["mem_bin"].value_counts().sort_index().items()}}
    report.write_text(json.dumps(facts, indent=1) + "\n")


def _quarantine_csv(inspection: "Inspection") -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["line", "reasons", "row"])
    for row in inspection.quarantined:
        fields = io.StringIO()
        csv.writer(fields, lineterminator="").writerow(row.line.fields)
        writer.writerow([row.line.number, "; ".join(row.reasons), fields.getvalue()])
    return text.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
