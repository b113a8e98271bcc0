"""The process that a job's steps share, as the worker sees it: started with the first step, ended after the last.

An order is a JSON line {step, arguments, memory, names, forget, environment}, sent with the call's log:

``step``         ``package.module:function``
``arguments``    the words of the command line after the program's name
``memory``       places (in the job) of what the step is to leave in memory instead of writing it
``names``        pairs [place, other place]: what this step knows by another name than the one that made it
``forget``       places of what nobody reads any more
``environment``  what tells the call from others

The answer is a JSON line {status, held, usage}: the exit status, which of ``memory`` are there now, and what the step
took: sums as wait4 has them, and the most memory that the process had meanwhile.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections import Counter

from framework.worker.job.spec import CallSpec, ExecSpec, FileSpec, JobSpec
from framework.worker.programs.limits import GRACE, Limits
from framework.worker.programs.programs import Program, ProgramResult, Programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from typing import Any

STEPS = os.path.join(os.path.dirname(__file__), "shared_process_child.py")
#: Run by its path, and without its folder to import from.
BEGIN = f"import runpy; runpy.run_path({STEPS!r}, run_name='__main__')"
CHUNK = 1 << 16


class SharedProcess:
    """One for a job; what is in its memory is known by the archive path that it would have as a file."""

    def __init__(self, job: JobSpec, programs: Programs) -> None:
        self._programs = programs
        self._program: Program | None = None
        self._orders: socket.socket | None = None
        #: How many calls have still to read each path that may be in memory.
        self._readers = Counter(file.path for call in job.calls for file in call.inputs if file.in_memory)
        #: Path to place in the job.
        self._held: dict[str, str] = {}
        self._forget: list[str] = []
        #: What the steps so far have taken, of all that the process has.
        self._taken: dict[str, float] = {}

    def holds(self, file: FileSpec) -> bool:
        return file.path in self._held

    def run(
        self, call: CallSpec, step: ExecSpec, argv: list[str], environment: Mapping[str, str], log: int,
        limits: Limits,
    ) -> ProgramResult:  # fmt: skip
        """Run one step to its end, as Programs.run does a program."""
        if self._programs.stopping:
            return self._programs.stopped_result()
        began = time.monotonic()
        program = self._program or self._start(argv[0], environment, log)
        if isinstance(program, ProgramResult):
            return program
        os.write(log, f"== in process {program.pid}\n".encode())
        answer = self._ask(program, self._order(call, step, argv, environment), log, limits)
        wall = round(time.monotonic() - began, 6)
        if answer is None:
            return self._died(limits, wall)
        self._programs.end_orphans_of(environment.get("FW_CALL", ""))
        usage = answer["usage"]
        self._taken = {name: self._taken.get(name, 0) + value for name, value in usage.items()}
        self._held.update({file.path: file.job_path for file in call.outputs if file.job_path in answer["held"]})
        return ProgramResult(answer["status"], {"wall": wall, **usage})

    def is_done_with(self, call: CallSpec) -> None:
        """A call has ended well: what no other one reads may go."""
        if not self._held:
            return
        for file in call.inputs:
            self._readers[file.path] -= 1
            if self._held.get(file.path, file.job_path) != file.job_path:
                self._forget.append(file.job_path)
        for file in (*call.inputs, *call.outputs):
            if file.path in self._held and self._readers[file.path] <= 0:
                self._forget.append(self._held.pop(file.path))

    def end(self) -> None:
        """No more steps; what is in memory goes."""
        program, self._program = self._program, None
        if program is None:
            return
        if self._orders is not None:
            self._orders.close()
        self._programs.finish(program, Limits(time.monotonic() + GRACE))
        self._held.clear()

    def _start(self, python: str, environment: Mapping[str, str], log: int) -> Program | ProgramResult:
        import socket  # a worker without steps starts faster

        ours, theirs = socket.socketpair()
        program = self._programs.start([python, "-c", BEGIN], environment, log, theirs.fileno())
        theirs.close()
        if isinstance(program, ProgramResult):
            ours.close()
        else:
            self._orders, self._program = ours, program
        return program

    def _order(self, call: CallSpec, step: ExecSpec, argv: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
        held = [(file.job_path, self._held[file.path]) for file in call.inputs if file.path in self._held]
        names = [pair for pair in held if pair[0] != pair[1]]
        forget, self._forget = self._forget, []
        return {
            "step": step.step,
            "arguments": argv[3:],
            "memory": [file.job_path for file in call.outputs if file.in_memory],
            "names": names,
            "forget": forget,
            "environment": {name: value for name, value in environment.items() if name.startswith("FW_")},
        }

    def _ask(self, program: Program, order: dict[str, Any], log: int, limits: Limits) -> dict[str, Any] | None:
        """The answer to an order; None where the process died, or has no more time or memory."""
        import socket

        if self._orders is None:
            return None
        text = json.dumps(order, separators=(",", ":")).encode("utf-8", "surrogateescape") + b"\n"
        process = os.pidfd_open(program.pid)
        try:
            sent = socket.send_fds(self._orders, [text], [log])
            self._orders.sendall(text[sent:])
            said = b""
            while not said.endswith(b"\n"):
                if not self._has_answered(self._orders.fileno(), process, program, limits):
                    return None
                more = self._orders.recv(CHUNK)
                if not more:
                    return None
                said += more
        except (BrokenPipeError, ConnectionResetError):
            return None
        finally:
            os.close(process)
        answer: dict[str, Any] = json.loads(said)
        return answer

    def _has_answered(self, answers: int, process: int, program: Program, limits: Limits) -> bool:
        """Wait for an answer; False where the process ended without one, or is at the end of its limits."""
        poll = select.poll()
        poll.register(answers, select.POLLIN)
        poll.register(process, select.POLLIN)
        while True:
            pause = limits.pause()
            ready = dict(poll.poll(None if pause is None else pause * 1000))
            if ready:
                return bool(ready.get(answers, 0) & select.POLLIN)
            if limits.exceeded(program.pid, lambda: self._programs.detached_of(program.call))[0]:
                return False

    def _died(self, limits: Limits, wall: float) -> ProgramResult:
        """What became of a process that gave no answer; what it took for steps that ended well is theirs."""
        program, self._program = self._program, None
        if program is None or self._orders is None:
            raise RuntimeError("there is no process")
        self._orders.close()
        self._held.clear()
        outcome = self._programs.finish(program, limits)
        taken = {name: max(0, value - self._taken.get(name, 0)) for name, value in outcome.usage.items()}
        usage = {**taken, "wall": wall, "maxrss": outcome.usage["maxrss"]}
        # A step that ends its process has not answered for what it did, whatever it says.
        reason = outcome.reason or _how(outcome.status)
        return ProgramResult(outcome.status or 128 + signal.SIGABRT, usage, reason, outcome.exceeded)


def _how(status: int) -> str:
    if status - 128 in set(signal.Signals):
        return f"its process was killed by {signal.Signals(status - 128).name}"
    return "it ended the process that it shares with other steps"
