"""Process datasets: stage their files, run their instrument's calibration, keep outputs, log and metrics.

    python -m pipelines.calcloud.process none none j8cb010b0 --inputs DIR
    python -m pipelines.calcloud.process s3://bucket batch ipppssoot ... --mode s3

Where the instrument's programs are not on PATH, the family's own CCD calibration takes their place, and the metrics
say so.
"""

import argparse
import json
import os
import shutil
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.calcloud.calibration import crds, instruments, mast, usage
from pipelines.calcloud.calibration.exit_codes import Exit, JobError
from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.dataset import SUFFIX, UnknownDatasetError, instrument_of

DESCRIPTION = """Process datasets: for each, stage its raw files and references, run the calibration of its instrument,
and copy outputs, log and metrics to <bucket>/<batch>/<ipppssoot>. The exit status is the original's."""

#: Names a status that a test wants to see, as in the original.
SIMULATE = "CALDP_SIMULATE_ERROR"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0; 2 for a wrong command line; otherwise of the first dataset that failed (see exits)."""
    arguments = _parser().parse_args(argv)
    worst = Exit.SUCCESS
    for ipst in arguments.ipppssoot:
        status = _process(ipst, arguments)
        worst = worst or status
    return int(worst)


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
class Work:
    """One dataset being processed."""

    ipst: str
    folder: Path
    log: Path
    environment: dict[str, str]
    usages: list[usage.Usage] = field(default_factory=list)
    calibration: str = ""

    @property
    def products(self) -> list[Path]:
        """What was made: FITS files that were not staged."""
        return sorted(path for path in self.folder.glob("*.fits") if path.name not in self.staged)

    staged: frozenset[str] = frozenset()


def _process(ipst: str, arguments: argparse.Namespace) -> Exit:
    folder = (arguments.work / ipst).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    variables = crds.variables(arguments.mode, os.environ)
    work = Work(ipst, folder, folder / "process.txt", {**os.environ, **variables})
    work.log.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    began = time.monotonic()
    status, reason = _guarded(work, arguments)
    with work.log.open("a") as log:
        log.write(f"{reason}\n" if reason else "")
    if reason:
        print(f"{ipst}: {reason}", file=sys.stderr)
    facts = metrics(work, status, reason, variables, arguments, time.monotonic() - began)
    try:
        _keep(work, facts, arguments)
    except (OSError, JobError) as error:
        print(f"{ipst}: outputs cannot be kept: {error}", file=sys.stderr)
        return status or Exit.UPLOAD
    return status


def _guarded(work: Work, arguments: argparse.Namespace) -> tuple[Exit, str]:
    try:
        if simulated := os.environ.get(SIMULATE):
            raise JobError(Exit(int(simulated)), f"{SIMULATE} asks for this failure")
        instrument = instrument_of(work.ipst)
        _stage(work, instrument, arguments)
        _calibrate(work, instrument, _folder(arguments.references))
    except JobError as error:
        return error.status, f"{error} (status {error.status.value}, {error.status.name.lower()})"
    except UnknownDatasetError as error:
        return Exit.COMMAND_LINE, str(error)
    except MemoryError:
        return Exit.MEMORY_ERROR, "MemoryError"
    except OSError as error:
        return Exit.GENERIC, str(error)
    return Exit.SUCCESS, ""


# ---- files in


def _stage(work: Work, instrument: str, arguments: argparse.Namespace) -> None:
    """Raw files that carry the dataset's name, from a folder, unpacked from a tar, or from the archive."""
    source = arguments.inputs or (mast.MAST if arguments.bucket == "none" else f"{arguments.bucket.rstrip('/')}/inputs")
    if source == mast.MAST:
        mast.retrieve(work.ipst, instrument, work.folder)
    elif "://" in source:
        _unpack(work, _fetched(f"{source.rstrip('/')}/{work.ipst}.tar.gz", work.folder))
    else:
        found = list(_own_files(Path(source), work.ipst))
        for path in found:
            if path.name.endswith((".tar.gz", ".tar")):
                _unpack(work, path)
            else:
                shutil.copyfile(path, work.folder / path.name)
        if not found:
            raise JobError(Exit.DOWNLOAD, f"{source} has no file of {work.ipst}")
    work.staged = frozenset(path.name for path in work.folder.iterdir())


def _own_files(folder: Path, ipst: str) -> Iterator[Path]:
    """Files that begin with the dataset's name, and all files of a folder that is called so."""
    if not folder.is_dir():
        raise JobError(Exit.DOWNLOAD, f"{folder}: no such folder")
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name.lower() == ipst.lower():
            yield from sorted(inner for inner in path.iterdir() if inner.is_file())
        elif path.is_file() and path.name.lower().startswith(ipst.lower()):
            yield path


def _fetched(address: str, folder: Path) -> Path:
    from pipelines.calcloud.program.remote import download

    try:
        return download(address, folder / address.rpartition("/")[2])
    except InputError as error:
        raise JobError(Exit.DOWNLOAD, str(error)) from error


def _unpack(work: Work, path: Path) -> None:
    try:
        with tarfile.open(path) as tar:
            tar.extractall(work.folder, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise JobError(Exit.INPUT_TAR, f"{path} cannot be unpacked: {error}") from error
    for inner in [found for found in work.folder.rglob("*") if found.is_file() and found.parent != work.folder]:
        inner.replace(work.folder / inner.name)


# ---- calibration


def _calibrate(work: Work, instrument: str, references: Path | None) -> None:
    """By the instrument's own programs where they are installed, else by the family's."""
    if instruments.is_installed(instrument, work.environment.get("PATH")):
        work.calibration = instruments.INSTRUMENTS[instrument].stage1[0]
        planned = instruments.stages(instrument, work.folder, work.ipst)
        if not planned:
            raise JobError(Exit.STAGE1, f"there is no raw file of {work.ipst} that {work.calibration} could take")
    else:
        work.calibration = instruments.OWN
        argv = [sys.executable, "-m", "pipelines.calcloud.calibrate", work.ipst]
        planned = [("stage1", argv + (["--references", str(references)] if references else []))]
        work.environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), *_python_path()])
    for stage, argv in planned:
        begin = work.log.stat().st_size
        try:
            used = usage.run(argv, folder=work.folder, environment=work.environment, log=work.log)
        except OSError as error:
            raise JobError(_STAGES[stage], f"{argv[0]} cannot be run: {error.strerror}") from error
        work.usages.append(used)
        if used.status:
            memory = usage.memory_status(work.log, begin)
            without_reference = work.calibration == instruments.OWN and used.status == Exit.BESTREFS
            failed = Exit.BESTREFS if without_reference else _STAGES[stage]
            raise JobError(memory or failed, f"{argv[0]} ended with status {used.status}")


def _folder(name: str | None) -> Path | None:
    return None if name in (None, "none") else Path(name).absolute()


def _python_path() -> list[str]:
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


_STAGES: Mapping[str, Exit] = {"stage1": Exit.STAGE1, "stage2": Exit.STAGE2}


# ---- files out


def metrics(
    work: Work, status: Exit, reason: str, variables: Mapping[str, str], arguments: argparse.Namespace, seconds: float
) -> dict[str, Any]:
    """What the job used. `memory` (GB, the peak of the largest program) and `wallclock` (s) are what models learn."""
    peak_kb = max((used.maxrss_kb for used in work.usages), default=0)
    wall = sum(used.wall_s for used in work.usages)
    features = next(work.folder.glob(f"*{SUFFIX}"), None)
    return {
        "ipst": work.ipst.lower(),
        "timestamp": round(time.time(), 3),
        "status": int(status),
        "reason": reason,
        "calibration": work.calibration,
        "memory": round(peak_kb / 1e6 / arguments.memory_scale, 6),
        "wallclock": round(wall / arguments.time_scale, 3),
        "cpu_s": round(sum(used.user_s + used.system_s for used in work.usages), 3),
        "peak_kb": peak_kb,
        "wall_s": round(wall, 3),
        "job_s": round(seconds, 3),
        "memory_scale": arguments.memory_scale,
        "time_scale": arguments.time_scale,
        "products": [path.name for path in work.products],
        "features": None if features is None else features.read_text(errors="replace"),
        "variables": dict(variables),
        "commands": [" ".join(used.command) for used in work.usages],
    }


def _keep(work: Work, facts: Mapping[str, Any], arguments: argparse.Namespace) -> None:
    """Log and metrics beside the products; then all of it to the outputs' folder and to the bucket."""
    named = {"metrics.json": json.dumps(facts, indent=1) + "\n"}
    named["process_metrics.txt"] = usage.time_report(work.usages, int(facts["status"]))
    for name, text in named.items():
        (work.folder / name).write_text(text)
    if arguments.outputs:
        arguments.outputs.mkdir(parents=True, exist_ok=True)
        for name in (*named, "process.txt"):
            shutil.copyfile(work.folder / name, arguments.outputs / f"{work.ipst}_{name}")
        if work.products:
            with tarfile.open(arguments.outputs / f"{work.ipst}_products.tar", "w") as tar:
                for path in work.products:
                    tar.add(path, arcname=path.name)
    if arguments.bucket != "none":
        from pipelines.calcloud.program.remote import upload

        target = "/".join([arguments.bucket.rstrip("/"), *([arguments.batch] if arguments.batch != "none" else [])])
        try:
            for path in (*work.products, *(work.folder / name for name in named), work.log):
                upload(path, f"{target}/{work.ipst}/{path.name}")
        except InputError as error:
            raise JobError(Exit.UPLOAD, str(error)) from error


if __name__ == "__main__":
    raise SystemExit(main())
