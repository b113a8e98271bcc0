"""Check the installation: Python, libraries, home, disk, registry, programs and the site's software, with remedies."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click

from framework.commands.shared.options import json_option, registry_option
from framework.configuration.home import home
from framework.errors import FrameworkError
from framework.output.text import counted

#: Below this a run may fill the disk.
LOW_DISK_GB = 1.0
EXTRAS = {
    "graph": ("pygraphviz",),
    "ml": ("tensorflow", "pandas", "matplotlib", "sklearn"),
    "postgres": ("psycopg",),
}


@dataclass(frozen=True)
class CheckResult:
    """One checked item: its name, the result, and the remedy where it is not good enough."""

    what: str
    found: str
    #: ok, note (works, but) or bad.
    state: str = "ok"
    remedy: str = ""


@click.command(name="doctor", epilog="Example: fw doctor --json")
@registry_option
@json_option("As a JSON list.")
def command(registry: str | None, as_json: bool) -> int:
    """Check everything that a run needs on this machine."""
    findings = list(examine(registry))
    if as_json:
        click.echo(json.dumps([vars(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            click.echo(f"{finding.state:<5} {finding.what:<12} {finding.found}")
            if finding.remedy:
                click.echo(f"{'':<18} {finding.remedy}")
    return 3 if any(finding.state == "bad" for finding in findings) else 0


def examine(registry: str | None) -> Iterator[CheckResult]:
    """Yield the results of all checks, in the order in which a run would need them."""
    checks: list[Callable[[], Iterator[CheckResult]]] = [
        _python,
        _libraries,
        _home,
        lambda: _registry(registry),
        _process,
        _pool,
        _software,
    ]
    for check in checks:
        yield from check()


def _python() -> Iterator[CheckResult]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield CheckResult("python", f"{version} ({sys.executable})")


def _libraries() -> Iterator[CheckResult]:
    # Loaded when the verb runs: its help needs none of it.
    from importlib.util import find_spec

    for extra, names in EXTRAS.items():
        missing = [name for name in names if find_spec(name) is None]
        if missing:
            yield CheckResult(f"[{extra}]", f"without {', '.join(missing)}", "note", f"pip install 'skyfw[{extra}]'")
        else:
            yield CheckResult(f"[{extra}]", ", ".join(names))


def _home() -> Iterator[CheckResult]:

    place = home()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        yield CheckResult("home", f"{place}: {error.strerror}", "bad", "set FW_HOME to a directory that you may write")
        return
    if not os.access(place, os.W_OK):
        yield CheckResult("home", f"{place} may not be written", "bad", "set FW_HOME to a directory of yours")
        return
    yield CheckResult("home", str(place))
    free = shutil.disk_usage(place).free / 1e9
    low = free < LOW_DISK_GB
    yield CheckResult("disk", f"{free:.1f} GB free", "bad" if low else "ok", "free some space" if low else "")


def _registry(url: str | None) -> Iterator[CheckResult]:
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry

    try:
        registry = open_registry(url)
        with registry.read():
            yield CheckResult("registry", f"{registry.dialect} at {registry.place}, schema {registry.revision()}")
    except FrameworkError as error:
        yield CheckResult("registry", "cannot be used", "bad", str(error))


def _process() -> Iterator[CheckResult]:
    if not os.path.isdir("/proc/self"):
        yield CheckResult("/proc", "is not there", "bad", "the local engine finds the processes of a killed run in it")
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield CheckResult(
        "machine", f"{counted(cores, 'processor')}, {memory:.1f} GiB of memory: {counted(cores, 'job')} at a time"
    )
    for program in ("python", "cp"):
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
        if shutil.which(program, path=path) is None:
            yield CheckResult(
                "program", f"no {program} on PATH", "bad", "put it there, or name another in the pipeline"
            )


def _pool() -> Iterator[CheckResult]:
    """Check whether runs can be submitted to HTCondor from here, and by which interface."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.engines.htcondor.pool import PoolError, find_interfaces, machines, setting

    try:
        found = find_interfaces()
        if not found.commands:
            remedy = "nothing is missing for runs on this machine; for a pool, install HTCondor and join it"
            yield CheckResult("pool", "no HTCondor here", "note", remedy)
            return
        if found.objection:
            yield CheckResult("pool", f"HTCondor {found.commands}, by its own commands: bindings {found.objection}")
        else:
            yield CheckResult("pool", f"HTCondor {found.commands}, by the bindings {found.bindings}")
        slots = {str(slot["Name"]).split("@", 1)[-1] for slot in machines(["Name"])}
        state, remedy = ("ok", "") if slots else ("bad", "see condor_status; is the collector the right one?")
        yield CheckResult("machines", f"{len(slots)} in the pool", state, remedy)
        if os.geteuid() == 0:
            yield CheckResult("user", "root", "bad", "HTCondor takes no jobs of root's: submit as an ordinary user")
        if setting("ENABLE_CHIRP_IO") in ("false", "False"):
            remedy = "ENABLE_CHIRP_IO = True shows what jobs do while they run without a shared file system"
            yield CheckResult("chirp", "is switched off", "note", remedy)
    except PoolError as error:
        yield CheckResult("pool", "does not answer", "bad", str(error))


def _software() -> Iterator[CheckResult]:
    """Check the environments and containers that the site's file defines."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.configuration.site_file import site_values
    from framework.runs.software_check import try_software
    from wcl import WclError

    try:
        for each in try_software(site_values()):
            if each.error:
                yield CheckResult(each.label, each.error, "bad", "put it right, or correct its definition")
            else:
                yield CheckResult(each.label, each.summary)
    except (FrameworkError, WclError) as error:
        yield CheckResult("site", "its file cannot be read", "bad", str(error))
