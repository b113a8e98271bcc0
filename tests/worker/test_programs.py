"""Programs: run, measured, and ended whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from framework.worker.programs.limits import MEMORY, TIME, Limits
from framework.worker.programs.programs import ProgramResult, Programs
from framework.worker.programs.warden import Warden

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., ProgramResult]]:
    warden = Warden()
    programs = Programs(warden)
    log = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)

    def begin(
        *argv: str, deadline: float | None = None, memory_mb: int | None = None, path: str = os.defpath
    ) -> ProgramResult:
        return programs.run(list(argv), {"PATH": path, "FW_CALL": "1"}, log, Limits(deadline, memory_mb))

    yield begin
    os.close(log)
    warden.dismiss()


def test_a_program_is_run_and_measured(run, tmp_path):
    outcome = run(sys.executable, "-S", "-c", "x = bytearray(50_000_000); print('hello')")
    assert outcome.status == 0
    assert outcome.usage["maxrss"] > 50_000
    assert 0 < outcome.usage["utime"] + outcome.usage["stime"] <= outcome.usage["wall"] * 2
    assert (tmp_path / "log").read_text() == "hello\n"


@pytest.mark.parametrize(("lines", "status"), [("exit 3", 3), ("kill -SEGV $$", 139), ("kill -KILL $$", 137)])
def test_its_status_is_the_exit_code_or_128_and_the_signal(run, lines, status):
    assert run("sh", "-c", lines).status == status


def test_a_program_that_is_not_there_is_127(run):
    outcome = run("no-such-program")
    assert (outcome.status, outcome.reason) == (127, f"program 'no-such-program' was not found on PATH ({os.defpath})")


def test_a_file_that_is_not_executable_is_126(run, tmp_path):
    (tmp_path / "text").write_text("text")
    assert run(str(tmp_path / "text")).status == 126


def test_a_program_whose_time_is_up_is_ended(run):
    began = time.monotonic()
    outcome = run("sleep", "60", deadline=time.monotonic() + 0.1)
    assert (outcome.status, outcome.reason) == (124, "its time was up")
    assert time.monotonic() - began < 5


def test_what_a_program_leaves_running_is_ended_with_it(run, tmp_path):
    run("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/left")
    assert ends(int((tmp_path / "left").read_text()))


def test_programs_end_when_their_worker_is_killed(tmp_path):
    code = (
        f"import sys, os; sys.path.insert(0, {str(ROOT)!r})\n"
        "from framework.worker.programs.programs import Programs\nfrom framework.worker.programs.warden import Warden\n"
        f"Programs(Warden()).run(['sh', '-c', 'echo $$ > {tmp_path}/pid; exec sleep 60'], {{'PATH': os.defpath}}, 2)"
    )
    worker = subprocess.Popen([sys.executable, "-S", "-I", "-c", code])
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    program = int((tmp_path / "pid").read_text())
    assert lives(program)
    time.sleep(0.5)  # the program may be quicker than the word of it to the warden
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    assert ends(program)


def lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def ends(pid: int) -> bool:
    """A killed process is gone at once, but not in the same instant."""
    deadline = time.monotonic() + 10
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not lives(pid)


#: Uses 120 MB: alone, in a child, in three children together, or in one that left its session.
HUNGRY = "x = bytearray(b'x') * 120_000_000; import time; time.sleep(60)"
PART = "x = bytearray(b'x') * 40_000_000; import time; time.sleep(60)"


@pytest.mark.parametrize(
    "lines",
    [
        'exec "$0" -S -c "$1"',
        '"$0" -S -c "$1"; true',
        '"$0" -S -c "$2" & "$0" -S -c "$2" & "$0" -S -c "$2" & wait',
        'setsid "$0" -S -c "$1" & sleep 60',
    ],
)
def test_a_program_that_uses_more_memory_than_it_asked_for_is_ended_with_all_it_started(run, lines):
    began = time.monotonic()
    outcome = run("sh", "-c", lines, sys.executable, HUNGRY, PART, memory_mb=100)
    assert (outcome.status, outcome.exceeded) == (128 + signal.SIGKILL, MEMORY)
    assert "and had asked for 100" in outcome.reason
    assert time.monotonic() - began < 30


def test_what_processes_share_is_not_counted_twice(run):
    lines = "import os\nx = bytearray(b'x') * 60_000_000\nfor _ in range(3):\n    if os.fork() == 0:\n        break\n"
    outcome = run(sys.executable, "-S", "-c", lines + "import time\ntime.sleep(0.5)", memory_mb=120)
    assert (outcome.status, outcome.exceeded) == (0, "")


def test_a_program_whose_time_is_up_wanted_time(run):
    outcome = run("sleep", "60", deadline=time.monotonic() + 0.2, memory_mb=100)
    assert (outcome.status, outcome.exceeded, outcome.reason) == (124, TIME, "its time was up")


def test_a_program_within_its_memory_comes_to_its_end(run):
    assert run(sys.executable, "-S", "-c", "x = bytearray(b'x') * 20_000_000", memory_mb=100).status == 0
