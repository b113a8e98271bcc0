"""Worker's side of the process that the steps of a job share: started with the first step, ended after the last.

An order is a JSON line {step, arguments, memory, names, forget, environment}, sent with the call's log:

``step``         ``package.module:function``
``arguments``    command line after the program's name
``memory``       paths (in the job) of outputs that the step leaves in memory instead of writing them
``names``        pairs [path, other path]: an object that this step knows by another path than the one that made it
``forget``       paths of objects that no later step reads
``environment``  variables that identify the call

The answer is a JSON line {status, held, usage}: the exit status, which of ``memory`` the step left there, and what it
used: sums as of wait4, and the peak of the process's memory.
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

    from framework.worker.job.records import StepAnswer, StepOrder

STEPS = os.path.join(os.path.dirname(__file__), "shared_process_child.py")
#: Runs the file by its path, without its directory on the import path.
BEGIN = f"import runpy; runpy.run_path({STEPS!r}, run_name='__main__')"
CHUNK = 1 << 16


class SharedProcess:
    """Process of one job; an object in its memory is known by the archive path that it would have as a file."""

    def __init__(self, job: JobSpec, programs: Programs) -> None:
        self._programs = programs
        self._program: Program | None = None
        self._orders: socket.socket | None = None
        #: Archive path of a file that may be in memory, to how many calls have still to read it.
        self._readers = Counter(file.path for call in job.calls for file in call.inputs if file.in_memory)
        #: Archive path to path in the job, of objects in memory.
        self._held: dict[str, str] = {}
        self._forget: list[str] = []
        #: What the steps so far have used, of what the process has used.
        self._used: dict[str, float] = {}

    def holds(self, file: FileSpec) -> bool:
        """Return whether the file is an object in memory."""
        return file.path in self._held

    def run(
        self, call: CallSpec, step: ExecSpec, argv: list[str], environment: Mapping[str, str], log: int,
        limits: Limits,
    ) -> ProgramResult:  # fmt: skip
        """Run one step until it ends or exceeds its limits, as Programs.run runs a program."""
        if self._programs.stopping:
            return self._programs.stopped_result()
        began = time.monotonic()
        program = self._program or self._start(argv[0], environment, log)
        if isinstance(program, ProgramResult):
            return program
        os.write(log, f"== in process {program.pid}\n".encode())
        answer = self._send(program, self._order(call, step, argv, environment), log, limits)
        wall = round(time.monotonic() - began, 6)
        if answer is None:
            return self._result_of_death(limits, wall)
        self._programs.end_orphans_of(environment.get("FW_CALL", ""))
        usage = answer["usage"]
        self._used = {name: self._used.get(name, 0) + value for name, value in usage.items()}
        self._held.update({file.path: file.job_path for file in call.outputs if file.job_path in answer["held"]})
        return ProgramResult(answer["status"], {"wall": wall, **usage})

    def release_files_of(self, call: CallSpec) -> None:
        """Forget the objects that no call reads any more, after a call has ended well."""
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
        """End the process, with all objects in its memory."""
        program, self._program = self._program, None
        if program is None:
            return
        if self._orders is not None:
            self._orders.close()
        self._programs.finish(program, Limits(time.monotonic() + GRACE))
        self._held.clear()

    def _start(self, python: str, environment: Mapping[str, str], log: int) -> Program | ProgramResult:
        import socket  # most workers run no steps

        ours, theirs = socket.socketpair()
        program = self._programs.start([python, "-c", BEGIN], environment, log, theirs.fileno())
        theirs.close()
        if isinstance(program, ProgramResult):
            ours.close()
        else:
            self._orders, self._program = ours, program
        return program

    def _order(self, call: CallSpec, step: ExecSpec, argv: list[str], environment: Mapping[str, str]) -> StepOrder:
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

    def _send(self, program: Program, order: StepOrder, log: int, limits: Limits) -> StepAnswer | None:
        """Send an order and return the answer; None if the process died or exceeded its limits."""
        import socket  # as above

        if self._orders is None:
            return None
        text = json.dumps(order, separators=(",", ":")).encode("utf-8", "surrogateescape") + b"\n"
        process = os.pidfd_open(program.pid)
        try:
            sent = socket.send_fds(self._orders, [text], [log])
            self._orders.sendall(text[sent:])
            received = b""
            while not received.endswith(b"\n"):
                if not self._wait_for_answer(self._orders.fileno(), process, program, limits):
                    return None
                more = self._orders.recv(CHUNK)
                if not more:
                    return None
                received += more
        except (BrokenPipeError, ConnectionResetError):
            return None
        finally:
            os.close(process)
        answer: StepAnswer = json.loads(received)
        return answer

    def _wait_for_answer(self, answers: int, process: int, program: Program, limits: Limits) -> bool:
        """Wait for an answer; return False if the process ended without one or exceeded its limits."""
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

    def _result_of_death(self, limits: Limits, wall: float) -> ProgramResult:
        """Return the result of a step whose process gave no answer; earlier steps account for the rest of its usage."""
        program, self._program = self._program, None
        if program is None or self._orders is None:
            raise RuntimeError("there is no process")
        self._orders.close()
        self._held.clear()
        outcome = self._programs.finish(program, limits)
        used = {name: max(0, value - self._used.get(name, 0)) for name, value in outcome.usage.items()}
        usage = {**used, "wall": wall, "maxrss": outcome.usage["maxrss"]}
        # A step that ended its process did not report its end: even status 0 is a failure.
        reason = outcome.reason or _death_reason(outcome.status)
        return ProgramResult(outcome.status or 128 + signal.SIGABRT, usage, reason, outcome.exceeded)


def _death_reason(status: int) -> str:
    if status - 128 in set(signal.Signals):
        return f"its process was killed by {signal.Signals(status - 128).name}"
    return "it ended the process that it shares with other steps"
