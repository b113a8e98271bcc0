"""Process datasets: stage their files, run the calibration of their instrument, store products, log and metrics.

    python -m pipelines.calcloud.process none none j8cb010b0 --inputs DIR
    python -m pipelines.calcloud.process s3://bucket batch ipppssoot ... --mode s3

Where the instrument's programs are not on PATH, the CCD calibration of `calibrate` is used, and the metrics record it.
"""

import argparse
import json
import os
import shutil
import sys
import tarfile
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.calcloud.calibration import crds, instruments, mast, usage
from pipelines.calcloud.calibration.exit_codes import ExitCode, JobError
from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.program.remote import download, upload
from pipelines.calcloud.sources.dataset import SUFFIX, UnknownDatasetError, instrument_of

DESCRIPTION = """Process datasets: for each, stage its raw files and references, run the calibration of its instrument,
and copy outputs, log and metrics to <bucket>/<batch>/<ipppssoot>. The exit status is the original's."""

#: Environment variable with a status to end with, for tests, as in CALCLOUD.
SIMULATE = "CALDP_SIMULATE_ERROR"


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0; 2 for a wrong command line; otherwise that of the first dataset that failed."""
    arguments = _parser().parse_args(argv)
    first_failure = ExitCode.SUCCESS
    for ipst in arguments.ipppssoot:
        status = _process(ipst, arguments)
        first_failure = first_failure or status
    return int(first_failure)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("process", DESCRIPTION)
    parser.add_argument("bucket", help="where outputs go: none, a folder, or s3://bucket")
    parser.add_argument("batch", help="the name of the batch below it, or none")
    parser.add_argument("ipppssoot", nargs="+", help="datasets")
    parser.add_argument("--mode", choices=list(crds.MODES), default="remote", help="where references come from")
    parser.add_argument(
        "--inputs",
        help="folder (or address) of raw files, or mast:; <bucket>/inputs if not given, mast: without bucket",
    )
    parser.add_argument("--references", help="folder of bias, dark and flat for the family's own calibration, or none")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder to work in, one below it a dataset")
    parser.add_argument("--outputs", type=Path, help="folder for log, metrics and a tar of the products")
    parser.add_argument("--memory-scale", type=command.positive_float, default=1.0, help="of a simulated campaign")
    parser.add_argument("--time-scale", type=command.positive_float, default=1.0, help="of a simulated campaign")
    return parser


@dataclass
class DatasetJob:
    """Processing of one dataset: its directory, log and environment, and the usage of its programs."""

    ipst: str
    folder: Path
    log: Path
    environment: dict[str, str]
    usages: list[usage.Usage] = field(default_factory=list)
    calibration: str = ""

    @property
    def products(self) -> list[Path]:
        """FITS files that were not staged."""
        return sorted(path for path in self.folder.glob("*.fits") if path.name not in self.staged)

    staged: frozenset[str] = frozenset()


def _process(ipst: str, arguments: argparse.Namespace) -> ExitCode:
    folder = (arguments.work / ipst).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    variables = crds.environment_variables(arguments.mode, os.environ)
    job = DatasetJob(ipst, folder, folder / "process.txt", {**os.environ, **variables})
    job.log.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    began = time.monotonic()
    status, reason = _run_stages(job, arguments)
    with job.log.open("a") as log:
        log.write(f"{reason}\n" if reason else "")
    if reason:
        print(f"{ipst}: {reason}", file=sys.stderr)
    facts = job_metrics(job, status, reason, variables, arguments, time.monotonic() - began)
    try:
        _store(job, facts, arguments)
    except (OSError, JobError) as error:
        print(f"{ipst}: outputs cannot be stored: {error}", file=sys.stderr)
        return status or ExitCode.UPLOAD
    return status


def _run_stages(job: DatasetJob, arguments: argparse.Namespace) -> tuple[ExitCode, str]:
    try:
        if simulated := os.environ.get(SIMULATE):
            raise JobError(ExitCode(int(simulated)), f"{SIMULATE} asks for this failure")
        instrument = instrument_of(job.ipst)
        _stage(job, instrument, arguments)
        _calibrate(job, instrument, _folder(arguments.references))
    except JobError as error:
        return error.status, f"{error} (status {error.status.value}, {error.status.name.lower()})"
    except UnknownDatasetError as error:
        return ExitCode.COMMAND_LINE, str(error)
    except MemoryError:
        return ExitCode.MEMORY_ERROR, "MemoryError"
    except OSError as error:
        return ExitCode.GENERIC, str(error)
    return ExitCode.SUCCESS, ""


# ---- inputs


def _stage(job: DatasetJob, instrument: str, arguments: argparse.Namespace) -> None:
    """Copy the raw files of the dataset from a folder, unpack them from a tar, or download them from the archive."""
    source = arguments.inputs or (mast.MAST if arguments.bucket == "none" else f"{arguments.bucket.rstrip('/')}/inputs")
    if source == mast.MAST:
        mast.retrieve(job.ipst, instrument, job.folder)
    elif "://" in source:
        _unpack(job, _download_tar(f"{source.rstrip('/')}/{job.ipst}.tar.gz", job.folder))
    else:
        found = list(_files_of_dataset(Path(source), job.ipst))
        for path in found:
            if path.name.endswith((".tar.gz", ".tar")):
                _unpack(job, path)
            else:
                shutil.copyfile(path, job.folder / path.name)
        if not found:
            raise JobError(ExitCode.DOWNLOAD, f"{source} has no file of {job.ipst}")
    job.staged = frozenset(path.name for path in job.folder.iterdir())


def _files_of_dataset(folder: Path, ipst: str) -> Iterator[Path]:
    """Yield files whose names begin with the dataset's name, and all files of a folder of that name."""
    if not folder.is_dir():
        raise JobError(ExitCode.DOWNLOAD, f"{folder}: no such folder")
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name.lower() == ipst.lower():
            yield from sorted(inner for inner in path.iterdir() if inner.is_file())
        elif path.is_file() and path.name.lower().startswith(ipst.lower()):
            yield path


def _download_tar(address: str, folder: Path) -> Path:
    try:
        return download(address, folder / address.rpartition("/")[2])
    except InputError as error:
        raise JobError(ExitCode.DOWNLOAD, str(error)) from error


def _unpack(job: DatasetJob, path: Path) -> None:
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                if not member.isdir():
                    _unpack_member(tar, member, job.folder)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise JobError(ExitCode.INPUT_TAR, f"{path} cannot be unpacked: {error}") from error


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a file of a tar into a folder under its own name, without its directories; raise TarError for a link."""
    stored, name = tar.extractfile(member) if member.isreg() else None, Path(member.name).name
    if stored is None or name in ("", ".."):
        raise tarfile.TarError(f"{member.name!r} is not a plain file")
    try:
        with stored, (folder / name).open("xb") as target:
            shutil.copyfileobj(stored, target)
    except FileExistsError:
        raise tarfile.TarError(f"{member.name!r} is the second file called {name}") from None


# ---- calibration


def _calibrate(job: DatasetJob, instrument: str, references: Path | None) -> None:
    """Run the instrument's own programs where they are installed, else the calibration of `calibrate`."""
    if instruments.is_installed(instrument, job.environment.get("PATH")):
        job.calibration = instruments.INSTRUMENTS[instrument].stage1[0]
        planned = instruments.stages(instrument, job.folder, job.ipst)
        if not planned:
            raise JobError(ExitCode.STAGE1, f"there is no raw file of {job.ipst} that {job.calibration} could take")
    else:
        job.calibration = instruments.OWN
        argv = [sys.executable, "-m", "pipelines.calcloud.calibrate", job.ipst]
        planned = [("stage1", argv + (["--references", str(references)] if references else []))]
        job.environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), *_python_path()])
    for stage, argv in planned:
        begin = job.log.stat().st_size
        try:
            used = usage.run(argv, folder=job.folder, environment=job.environment, log=job.log)
        except OSError as error:
            raise JobError(_STAGES[stage], f"{argv[0]} cannot be run: {error.strerror}") from error
        job.usages.append(used)
        if used.status:
            memory = usage.memory_status(job.log, begin)
            without_reference = job.calibration == instruments.OWN and used.status == ExitCode.BESTREFS
            failed = ExitCode.BESTREFS if without_reference else _STAGES[stage]
            raise JobError(memory or failed, f"{argv[0]} ended with status {used.status}")


def _folder(name: str | None) -> Path | None:
    return None if name in (None, "none") else Path(name).absolute()


def _python_path() -> list[str]:
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


_STAGES: Mapping[str, ExitCode] = {"stage1": ExitCode.STAGE1, "stage2": ExitCode.STAGE2}


# ---- outputs


def job_metrics(
    job: DatasetJob,
    status: ExitCode,
    reason: str,
    variables: Mapping[str, str],
    arguments: argparse.Namespace,
    seconds: float,
) -> dict[str, object]:
    """Return the metrics of a job, as the data dictionary lists them.

    Parameters
    ----------
    job : DatasetJob
        The processed dataset.
    status, reason : ExitCode, str
        ExitCode status, and the reason of a failure.
    variables : Mapping[str, str]
        Environment variables of the references.
    arguments : argparse.Namespace
        Arguments of the program, with the scales of a simulated campaign.
    seconds : float
        Time of the whole job.

    Returns
    -------
    dict[str, object]
        Models learn `memory` (GB, the peak of the largest program) and `wallclock` (s).
    """
    peak_kb = max((used.maxrss_kb for used in job.usages), default=0)
    wall = sum(used.wall_s for used in job.usages)
    features = next(job.folder.glob(f"*{SUFFIX}"), None)
    return {
        "ipst": job.ipst.lower(),
        "timestamp": round(time.time(), 3),
        "status": int(status),
        "reason": reason,
        "calibration": job.calibration,
        "memory": round(peak_kb / 1e6 / arguments.memory_scale, 6),
        "wallclock": round(wall / arguments.time_scale, 3),
        "cpu_s": round(sum(used.user_s + used.system_s for used in job.usages), 3),
        "peak_kb": peak_kb,
        "wall_s": round(wall, 3),
        "job_s": round(seconds, 3),
        "memory_scale": arguments.memory_scale,
        "time_scale": arguments.time_scale,
        "products": [path.name for path in job.products],
        "features": None if features is None else features.read_text(errors="replace"),
        "variables": dict(variables),
        "commands": [" ".join(used.command) for used in job.usages],
    }


def _store(job: DatasetJob, facts: Mapping[str, Any], arguments: argparse.Namespace) -> None:
    """Write the metrics next to the products, and copy products, log and metrics to outputs and bucket."""
    texts = {"metrics.json": json.dumps(facts, indent=1) + "\n"}
    texts["process_metrics.txt"] = usage.time_report(job.usages, int(facts["status"]))
    for name, text in texts.items():
        (job.folder / name).write_text(text)
    if arguments.outputs:
        _copy_to_outputs(job, (*texts, "process.txt"), arguments.outputs)
    if arguments.bucket != "none":
        target = "/".join([arguments.bucket.rstrip("/"), *([arguments.batch] if arguments.batch != "none" else [])])
        try:
            for path in (*job.products, *(job.folder / name for name in texts), job.log):
                upload(path, f"{target}/{job.ipst}/{path.name}")
        except InputError as error:
            raise JobError(ExitCode.UPLOAD, str(error)) from error


def _copy_to_outputs(job: DatasetJob, names: Iterable[str], outputs: Path) -> None:
    """Copy files of the job, named after its dataset, and its products in one tar file."""
    outputs.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(job.folder / name, outputs / f"{job.ipst}_{name}")
    if job.products:
        with tarfile.open(outputs / f"{job.ipst}_products.tar", "w") as tar:
            for path in job.products:
                tar.add(path, arcname=path.name)


if __name__ == "__main__":
    raise SystemExit(main())
