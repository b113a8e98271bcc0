"""Shipped code: what runs on the execute side, as a folder or one small archive, frozen at submission."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import framework
import wrappers

#: Folders that jobs run from; the standard library is all that these import.
PACKAGES = (
    ("framework/worker", Path(framework.__file__).parent / "worker"),
    ("wrappers", Path(wrappers.__file__).parent),
)
ROOTS = (("framework/__init__.py", Path(framework.__file__)),)
#: Whatever goes wrong before the worker can put it on record is no fault of the science: another try may do better.
GUARD = """\
try:
    from framework.worker.job.{module} import main
    status = main(sys.argv[1:])
except Exception:
    from framework.worker.job.chirp import report_exception
    report_exception()
    status = 75
{end}
"""
#: All output of a job is written by its end, and freeing its memory would take as long as half of its start.
AT_ONCE = "sys.stderr.flush()\nos._exit(status)"
HERE = """\
import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
"""
#: A machine may start jobs without PATH, and then Python does not know where it lies itself.
UNPACK = """\
import os, sys, zipfile
sys.executable = sys.executable or os.readlink("/proc/self/exe")
here = os.path.join(os.environ.get("_CONDOR_SCRATCH_DIR") or os.getcwd(), ".code")
with zipfile.ZipFile(sys.argv[0]) as packed:
    packed.extractall(here)
sys.path.insert(0, here)
"""
#: File of the folder to the module that it starts.
STARTS = {"start.py": ("htcondor_job", AT_ONCE), "receive.py": ("htcondor_receive", "sys.exit(status)")}


def read_sources() -> Iterator[tuple[str, bytes]]:
    """Yield each file of the code: path below the folder, and content."""
    for name, path in ROOTS:
        yield name, path.read_bytes()
    for folder, path in PACKAGES:
        for file in sorted(path.rglob("*.py")):
            yield f"{folder}/{file.relative_to(path).as_posix()}", file.read_bytes()


def write_code(target: Path) -> None:
    """Write the code as a folder, compiled once for all jobs that share it."""
    import compileall  # only here: no other command needs it

    for name, content in read_sources():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, (module, end) in STARTS.items():
        (target / name).write_text(HERE + GUARD.format(module=module, end=end), encoding="utf-8")
    compileall.compile_dir(target, quiet=2)


def write_archive(target: Path, python: str) -> None:
    """Write the code as one executable file that needs a Python and nothing else."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in read_sources():
            packed.writestr(name, text)
        packed.writestr("__main__.py", UNPACK + GUARD.format(module="htcondor_job", end=AT_ONCE))
    first = f"#!{python} -SI\n" if os.path.isabs(python) else f"#!/usr/bin/env -S {python} -SI\n"
    target.write_bytes(first.encode() + content.getvalue())
    target.chmod(0o755)
