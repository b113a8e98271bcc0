"""Pool: requests to HTCondor, by its Python bindings if these suit it, else by its own commands."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from framework.errors import InfrastructureError

#: Attribute of the DAGMan job that says which run it is, by the run's directory.
RUN_ATTRIBUTE = "SkyfwRun"
#: Seconds for one answer.
PATIENCE = 60
_VERSION = re.compile(r"\$CondorVersion: (\d+)\.(\d+)\.(\d+)")


class PoolError(InfrastructureError):
    """HTCondor did not do what it was asked."""


@dataclass(frozen=True)
class QueuedJob:
    """Job in the queue."""

    cluster: int
    #: HTCondor's own: 1 idle, 2 running, 3 removed, 4 completed, 5 held.
    state: int
    attributes: Mapping[str, Any]


class Pool(Protocol):
    """Requests to HTCondor."""

    name: str

    def submit_dag(self, dag: Path, run: str, idle: int, lock: int) -> int: ...
    def query(self, constraint: str, attributes: Sequence[str]) -> list[QueuedJob]: ...
    def act(self, verb: str, constraint: str, reason: str) -> None: ...


@dataclass(frozen=True)
class PoolInterfaces:
    """Ways to reach the pool from this machine."""

    #: Version of the pool's own commands; empty where there are none.
    commands: str
    #: Version of the bindings; empty where they are not installed.
    bindings: str
    #: Why the bindings are not used, if they are not.
    objection: str


@functools.cache
def find_interfaces() -> PoolInterfaces:
    """Return what is installed, and whether it belongs together."""
    commands = _commands_version()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import htcondor2  # heavy, and not everywhere
        found = _VERSION.match(htcondor2.version())
        bindings = ".".join(found.groups()) if found else "?"
    except ImportError:
        return PoolInterfaces(commands, "", "not installed (pip install 'skyfw[condor]')")
    except Exception as error:  # noqa: BLE001 (a shared library that does not suit the machine says so in its own way)
        return PoolInterfaces(commands, "", f"cannot be loaded: {error}")
    if commands and bindings.split(".")[0] != commands.split(".")[0]:
        return PoolInterfaces(
            commands, bindings, f"of series {bindings.split('.')[0]}, the pool is of {commands.split('.')[0]}"
        )
    return PoolInterfaces(commands, bindings, "")


def find_pool() -> Pool:
    """Return the pool of this machine; PoolError with a remedy where there is none."""
    found = find_interfaces()
    if not found.commands:
        raise PoolError("HTCondor's commands (condor_submit_dag, ...) are not on PATH: is this a submitting machine?")
    if os.geteuid() == 0:
        raise PoolError("HTCondor takes no jobs of root's: submit as an ordinary user")
    return Commands() if found.objection else Bindings()


class Commands:
    """Pool by its own commands."""

    name = "commands"

    def submit_dag(self, dag: Path, run: str, idle: int, lock: int) -> int:
        """Submit a DAG and return the cluster of its DAGMan job.

        The submitting command inherits the lock, which so lasts until it has ended, whatever is killed.
        """
        output = _run(
            ["condor_submit_dag", "-notification", "never", "-maxidle", str(idle), "-append",
             f"+{RUN_ATTRIBUTE} = {quoted(run)}", str(dag)], cwd=dag.parent, keep=(lock,),
        )  # fmt: skip
        found = re.search(r"submitted to cluster (\d+)", output)
        if found is None:
            raise PoolError(f"condor_submit_dag names no cluster: {output.strip()}")
        return int(found[1])

    def query(self, constraint: str, attributes: Sequence[str]) -> list[QueuedJob]:
        """Return the jobs in the queue that a constraint describes."""
        wanted = ",".join(["ClusterId", "JobStatus", *attributes])
        output = _run(["condor_q", "-allusers", "-json", "-constraint", constraint, "-attributes", wanted])
        found = json.loads(output) if output.strip() else []
        return [_queued_job(job) for job in found]

    def act(self, verb: str, constraint: str, reason: str) -> None:
        """Remove, hold or release all jobs that a constraint describes; that there are none is no error."""
        command = {"remove": "condor_rm", "hold": "condor_hold", "release": "condor_release"}[verb]
        try:
            _run([command, "-constraint", constraint, "-reason", reason])
        except PoolError as error:
            if "ouldn't find" not in str(error):
                raise


class Bindings(Commands):
    """Pool by the bindings; a DAG is submitted as condor_submit_dag describes it."""

    name = "bindings"

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import htcondor2  # heavy, and not everywhere
        self._condor = htcondor2

    def submit_dag(self, dag: Path, run: str, idle: int, lock: int) -> int:
        here = os.getcwd()
        os.chdir(dag.parent)
        try:
            submit = self._condor.Submit.from_dag(dag.name, {"maxidle": idle, "notification": "never"})
            submit[f"My.{RUN_ATTRIBUTE}"] = quoted(run)
            return int(self._condor.Schedd().submit(submit).cluster())
        except Exception as error:
            raise PoolError(f"HTCondor does not take the run: {error}") from error
        finally:
            os.chdir(here)

    def query(self, constraint: str, attributes: Sequence[str]) -> list[QueuedJob]:
        try:
            found = self._condor.Schedd().query(constraint, ["ClusterId", "JobStatus", *attributes])
        except Exception as error:
            raise PoolError(f"HTCondor's queue does not answer: {error}") from error
        return [_queued_job(dict(job)) for job in found]

    def act(self, verb: str, constraint: str, reason: str) -> None:
        actions = self._condor.JobAction
        action = {"remove": actions.Remove, "hold": actions.Hold, "release": actions.Release}[verb]
        try:
            self._condor.Schedd().act(action, constraint, reason=reason)
        except Exception as error:
            raise PoolError(f"HTCondor does not {verb} the jobs: {error}") from error


def setting(name: str) -> str | None:
    """Return a value of the pool's configuration; None where it is not set."""
    done = subprocess.run(["condor_config_val", name], capture_output=True, text=True, check=False, timeout=PATIENCE)
    return done.stdout.strip() if done.returncode == 0 else None


def machines(attributes: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the pool's slots."""
    output = _run(["condor_status", "-json", "-attributes", ",".join(attributes)])
    found: list[Mapping[str, Any]] = json.loads(output) if output.strip() else []
    return found


def has_other_machines() -> bool:
    """Return whether there are two machines at least, so that a job can be retried on another one."""
    return len({str(slot["Name"]).split("@", 1)[-1] for slot in machines(["Name"])}) > 1


def matching_machines(constraint: str) -> list[str]:
    """Return the names of the slots that an expression is true of."""
    return _run(["condor_status", "-constraint", constraint, "-af", "Name"]).split()


def idle_jobs(run: str, attributes: Sequence[str]) -> list[dict[str, str]]:
    """Return the jobs of a run that wait for a machine, with the values of some attributes now."""
    names = ["ClusterId", *attributes]
    waiting = f"{run_constraint(run)} && JobStatus == 1 && JobUniverse == 5"
    output = _run(["condor_q", "-allusers", "-constraint", waiting, "-af", *names])
    return [dict(zip(names, line.split(), strict=True)) for line in output.splitlines()]


def run_constraint(run: str) -> str:
    """Return the constraint that describes the jobs of a run: DAGMan's own, and the nodes."""
    return f"{RUN_ATTRIBUTE} =?= {quoted(run)}"


def dagman_constraint(run: str) -> str:
    """Return the constraint that describes the DAGMan job of a run."""
    return f"{run_constraint(run)} && JobUniverse == 7"


def _commands_version() -> str:
    if shutil.which("condor_submit_dag") is None:
        return ""
    found = _VERSION.search(_run(["condor_version"]))
    return ".".join(found.groups()) if found else "?"


def _run(command: list[str], cwd: Path | None = None, keep: tuple[int, ...] = ()) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE, cwd=cwd, pass_fds=keep
        )
    except FileNotFoundError as error:
        raise PoolError(f"{command[0]} is not on PATH: is this a submitting machine?") from error
    except subprocess.TimeoutExpired as error:
        raise PoolError(f"{command[0]} has not answered in {PATIENCE} s") from error
    if done.returncode:
        raise PoolError(f"{command[0]}: {' '.join((done.stderr or done.stdout).split())[:1000]}")
    return done.stdout


def _queued_job(job: Mapping[str, Any]) -> QueuedJob:
    return QueuedJob(int(job["ClusterId"]), int(job["JobStatus"]), job)


def quoted(text: str) -> str:
    """Return a text as a string literal of ClassAds."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
