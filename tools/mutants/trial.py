"""A mutant's trial: the tests that should know its line run until one of them fails."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools.mutants.line_map import PYTEST, LineMap
from tools.mutants.operators import Mutation
from tools.mutants.tree import Tree

#: The variable by which processes that a trial leaves behind are found.
MARK = "MUTANTS_TRIAL"
#: Seconds for the start of pytest, and how much slower than on record the tests may be.
START_SECONDS = 60
SLOWER = 4
NO_TESTS_RAN = 5


@dataclass(frozen=True)
class Mutant:
    """A mutation of a module."""

    module: str
    source: str
    mutation: Mutation

    @property
    def line(self) -> int:
        return self.source.encode()[: self.mutation.begin].count(b"\n") + 1


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    outcome: Literal["killed", "killed: time", "survived", "survived: no test executes it"]
    tests: tuple[str, ...] = ()
    #: How many tests execute the line; more than ran where they would have taken too long.
    known: int = 0


def chosen_tests(lines: LineMap, mutant: Mutant, seconds: float) -> tuple[list[str], int]:
    """Return the quickest tests that execute a mutant's line, as many as fit in the time, and how many there are."""
    known = lines.tests_of(mutant.module, mutant.source, mutant.mutation.lines)
    chosen: list[str] = []
    for test in known:
        seconds -= lines.seconds[test]
        if chosen and seconds < 0:
            break
        chosen.append(test)
    return chosen, len(known)


def judge(mutant: Mutant, tests: list[str], known: int, tree: Tree, limit: float) -> Verdict:
    """Run tests on a mutant in a copy of the tree, which is put right again afterwards."""
    if not tests:
        return Verdict(mutant, "survived: no test executes it")
    tree.write(mutant.module, mutant.mutation.apply(mutant.source))
    mark = f"{os.getpid()}.{tree.root}"
    process = subprocess.Popen(
        [*PYTEST, "-x", f"--basetemp={tree.root.parent}/tests", *tests],
        cwd=tree.root, env={**tree.environment(), MARK: mark}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        status = process.wait(limit)
        outcome: Literal["survived", "killed"] = "survived" if status in (0, NO_TESTS_RAN) else "killed"
        return Verdict(mutant, outcome, tuple(tests), known)
    except subprocess.TimeoutExpired:
        return Verdict(mutant, "killed: time", tuple(tests), known)
    finally:
        end_processes(mark)
        process.wait()
        tree.write(mutant.module, mutant.source)


def end_processes(mark: str) -> None:
    """End every process that a trial left behind, wherever it has gone."""
    wanted = f"{MARK}={mark}".encode()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (path / "environ").read_bytes().split(b"\0"):
                os.kill(int(path.name), signal.SIGKILL)
