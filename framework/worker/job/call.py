"""A call on the worker: inputs in, programs run, outputs checked and stored, each step in the journal."""

from __future__ import annotations

import errno
import os
import re
import shlex
import time

from framework.worker.environments.base import PreparedSoftware, SoftwareError
from framework.worker.files.transfer import Checksum, TransferError, make_parents, measure, with_suffix
from framework.worker.job.deferred_values import DeferredValueError, resolve
from framework.worker.job.inputs import CallInputs
from framework.worker.job.job_context import BAD_RESULT, INFRASTRUCTURE, CallFailure, JobContext
from framework.worker.job.outputs import CallOutputs
from framework.worker.job.spec import CallSpec, ExecSpec, FileSpec
from framework.worker.job.wildcard_outputs import InvalidNameError
from framework.worker.journal import facts
from framework.worker.journal.facts import CallTry
from framework.worker.programs.limits import MEMORY, Limits
from wrappers import Generic, Work, WrapperError, load_wrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from framework.worker.journal.facts import FileObject
    from framework.worker.programs.programs import ProgramResult

ERROR, WARNING, INFORMATION = 1, 2, 3
#: What the surroundings, not the program, are to blame for.
SURROUNDINGS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.EMFILE, errno.ENOMEM})


class CallExecution:
    """One try at one call."""

    def __init__(
        self, bench: JobContext, spec: CallSpec, number_of_try: int, wanted: Mapping[str, int] | None = None
    ) -> None:
        self._bench = bench
        self._spec = spec
        #: How often it was ended before for want of memory and of time.
        self._wanted = wanted or {}
        self._try = CallTry(bench.job.number, bench.queue, spec.number, number_of_try)
        self._log_path = _numbered(spec.log.path, number_of_try)
        self._log_at = os.path.join(bench.store_root, self._log_path)
        self._inputs = CallInputs(bench, spec)
        self._outputs = CallOutputs(bench, spec)
        #: What is to be recorded of its log.
        self._log: list[FileObject] = []
        self._messages: list[dict[str, Any]] = []
        self._used: list[list[Any]] = []
        self._made: list[list[Any]] = []
        self._derived: list[list[str]] = []
        self.reason = ""
        #: Label of software that could not be made ready.
        self.broken = ""
        #: What it had too little of, where it failed for that.
        self.exceeded = ""

    @property
    def outputs(self) -> list[FileSpec]:
        """What it makes; where only its programs know which files that is, what they have made."""
        return self._outputs.files

    @property
    def stored(self) -> dict[str, Checksum]:
        """Path and facts of what is in the archive now."""
        return self._outputs.stored

    def run(self) -> int:
        """Run it to its end and journal it; 0, the status of the program that failed, 1, or 75."""
        spec, journal = self._spec, self._bench.journal
        about = {"module": spec.module, "wrapper": spec.wrapper, "log": self._log_path, "plan": self._bench.job.shard}
        journal.write(facts.call_start(self._try, keys=spec.keys, **about))
        # The log is written where it stays: a killed call's words are home already.
        make_parents(self._log_at)
        log = os.open(self._log_at, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            status = self._guarded(log)
            if self.reason:
                os.write(log, f"== {self.reason}\n".encode())
        finally:
            os.close(log)
        return self._end(status)

    def _guarded(self, log: int) -> int:
        """Do the work; turn what goes wrong into a status and a message."""
        try:
            wrapper = load_wrapper(self._spec.wrapper)
            software = self._make_ready(log)
            self._inputs.bring()
            work = self._work()
            wrapper.inputs(work)
            self._outputs.begin()
            self._bench.journal.write(facts.call_run(self._try))
            self._run_programs(wrapper, work, software, log)
            self._inputs.check()
            self._bench.journal.write(facts.call_store(self._try))
            wrapper.outputs(work)
            self._note_lineage(self._outputs.store(wrapper, work))
            self._bench.process.release_files_of(self._spec)
            self._messages += [facts.call_message(level, text) for level, text in work.messages]
        except CallFailure as failure:
            self.exceeded = failure.exceeded
            return self._failed(failure.status, failure.reason)
        except (WrapperError, DeferredValueError, InvalidNameError) as error:
            return self._failed(BAD_RESULT, str(error))
        except (TransferError, SoftwareError) as error:
            return self._failed(INFRASTRUCTURE, str(error))
        except OSError as error:
            status = INFRASTRUCTURE if error.errno in SURROUNDINGS else BAD_RESULT
            return self._failed(status, f"{error.strerror}: {error.filename or self._bench.workplace.root}")
        except Exception as error:  # noqa: BLE001 (a wrapper's mistake ends its call, and is on record with it)
            return self._failed(BAD_RESULT, f"{type(error).__name__}: {error}")
        return 0

    def _failed(self, status: int, reason: str) -> int:
        reason = self.reason = self._bench.secrets.redact(reason)
        self._messages.append(facts.call_message(ERROR, reason))
        return status

    def _work(self) -> Work:
        spec = self._spec
        return Work(spec.number, spec.module, spec.keys, spec.settings, _by_label(spec.inputs), _by_label(spec.outputs))

    # ---- programs

    def _make_ready(self, log: int) -> PreparedSoftware:
        bench, label = self._bench, self._spec.software
        try:
            return bench.software.get(label, bench.job.software.get(label), self._identity(), log, bench.journal.write)
        except SoftwareError as error:
            self.broken = label if error.lasting else ""
            raise

    def _run_programs(self, wrapper: Generic, work: Work, software: PreparedSoftware, log: int) -> None:
        own = {**self._late_environment(), **self._identity()}
        limits = self._limits()
        for step in self._spec.execs:
            argv = wrapper.command(work, step.number, list(step.argv))
            self._run_program(step, argv, software, own, log, limits)

    def _limits(self) -> Limits:
        """What its programs may take this time: time together, memory each."""
        memory = self._spec.memory_mb(self._wanted) if self._bench.watches_memory else None
        seconds = self._spec.seconds(self._wanted)
        return Limits(None if seconds is None else time.monotonic() + seconds, memory)

    def _late_environment(self) -> dict[str, str]:
        root, secrets = self._bench.workplace.root, self._bench.secrets
        gpus = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, self._bench.gpus))} if self._bench.gpus else {}
        return {**gpus, **{key: resolve(value, root, secrets) for key, value in self._spec.environment.items()}}

    def _identity(self) -> dict[str, str]:
        job = self._bench.job
        return {
            "FW_RUN": job.run, "FW_ATTEMPT": str(job.attempt), "FW_JOB": str(job.number),
            "FW_CALL": str(self._spec.number),
        }  # fmt: skip

    def _run_program(
        self, step: ExecSpec, argv: list[str], software: PreparedSoftware, own: dict[str, str], log: int, limits: Limits
    ) -> None:
        bench = self._bench
        text = shlex.join(argv)
        version = self._version(step, argv, software, own)
        os.write(log, f"== exec_{step.number}: {text}\n".encode("utf-8", "surrogateescape"))
        started = facts.exec_start(
            self._try, step.number, program=step.program, args=text, version=version, software=software.sha256
        )
        bench.journal.write(started)
        filled = list(argv)
        for number in step.deferred:
            filled[number] = resolve(argv[number], bench.workplace.root, bench.secrets)
        outcome = self._started(software, filled, own, log, limits, step)
        bench.journal.write(facts.exec_end(self._try, step.number, outcome.status, outcome.usage))
        self._used += [[step.number, path] for label in step.used for path in self._paths(label, self._inputs.present)]
        if step.number == self._spec.execs[0].number:
            self._used += [
                [step.number, file.path] for file in self._inputs.present if file.label.startswith("wrapper.")
            ]
        if outcome.status:
            if bench.programs.stopping:
                raise CallFailure(INFRASTRUCTURE, f"{step.display_name} was ended, because its job was told to stop")
            said = outcome.reason or last_line(self._log_at)
            detail = f": {said}" if said else ""
            is_full = bench.workplace.is_full()
            detail += f"; the disk of {bench.workplace.root} is full" if is_full else ""
            status = INFRASTRUCTURE if is_full or software.is_own_failure(outcome.status) else outcome.status
            exceeded = outcome.exceeded or (MEMORY if outcome.status in self._spec.needs.memory_statuses else "")
            raise CallFailure(status, f"{step.display_name} ended with status {outcome.status}{detail}", exceeded)

    def _started(
        self, software: PreparedSoftware, argv: list[str], own: dict[str, str], log: int, limits: Limits,
        step: ExecSpec | None = None,
    ) -> ProgramResult:  # fmt: skip
        """Run a program in its software to its end, or the step of a process that stands for it."""
        bench = self._bench
        started, environment = software.wrap_command(argv, own, bench.workplace.root, bench.job.archive_root)
        if step is not None and step.step:
            return bench.process.run(self._spec, step, started, environment, log, limits)
        return software.program_result(started, bench.programs.run(started, environment, log, limits))

    def _version(self, step: ExecSpec, argv: list[str], software: PreparedSoftware, own: dict[str, str]) -> str | None:
        """What the program says of itself, where the pipeline tells how to ask; asked once a worker."""
        if not step.version_flag:
            return None
        key = (argv[0], own.get("PATH", ""), software.sha256)
        if key not in _versions:
            at = self._bench.workplace.at(f".version-{self._spec.number}-{step.number}")
            answer = os.open(at, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                limits = Limits(time.monotonic() + 30)
                self._started(software, [argv[0], *shlex.split(step.version_flag)], own, answer, limits)
                text = os.pread(answer, 4096, 0).decode("utf-8", "replace")
            finally:
                os.close(answer)
                os.unlink(at)
            _versions[key] = version_in(text, step.version_pattern)
        return _versions[key]

    def _paths(self, label: str, files: list[FileSpec]) -> list[str]:
        whole = label + "."
        return [file.path for file in files if file.label == label or file.label.startswith(whole)]

    def _note_lineage(self, made: list[FileSpec]) -> None:
        both = [*self._inputs.present, *made]
        for step in self._spec.execs:
            self._made += [[step.number, path] for label in step.made for path in self._paths(label, made)]
            for parent, child in step.derived:
                self._derived += [[c, p] for c in self._paths(child, both) for p in self._paths(parent, both)]

    # ---- the end

    def _end(self, status: int) -> int:
        bench = self._bench
        try:
            self._keep_log()
        except OSError as error:
            status = self._failed(INFRASTRUCTURE, f"the log cannot be kept: {error.strerror}: {self._log_path}")
        outside, made = self._inputs.outside, self._outputs.facts
        ended = facts.call_end(
            self._try, status,
            files=[*outside, *(made if status == 0 else []), *self._log],
            used=self._used,
            made=[*(self._made if status == 0 else []), *([0, record["path"]] for record in self._log)],
            derived=self._derived if status == 0 else [],
            messages=self._messages, exceeded=self.exceeded,
        )  # fmt: skip
        bench.journal.write(ended)
        bench.journal.flush()
        return status

    def _redact_log(self) -> None:
        """A program may have said a secret that it was given."""
        with open(self._log_at, "r+", encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
            clean = self._bench.secrets.redact(text)
            if clean != text:
                file.seek(0)
                file.write(clean)
                file.truncate()

    def _keep_log(self) -> None:
        if self._bench.secrets.revealed:
            self._redact_log()
        found = measure(self._log_at)
        os.chmod(self._log_at, self._bench.store_mode)
        record = facts.file_record(
            self._log_path, self._spec.log.filetype, size=found.size, sha256=found.sha256,
            archive=self._bench.job.archive, metadata=self._spec.log.metadata,
        )  # fmt: skip
        self._log.append(record)


def last_line(log: str) -> str:
    """The last words of a program, which usually say why it failed; none where it said nothing."""
    with open(log, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return "" if not lines or lines[-1].startswith("== ") else lines[-1][:500]


_versions: dict[tuple[str, str, str], str | None] = {}


def version_in(answer: str, pattern: str) -> str | None:
    """The version in what a program says of itself: by its pattern, or the first number with points."""
    found = re.search(pattern or r"(\d+(\.\d+)+)", answer)
    return None if found is None else (found[1] if found.re.groups else found[0])


def _by_label(files: list[FileSpec]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for file in files:
        found.setdefault(file.label, []).append(file.job_path)
    return found


def _numbered(path: str, number_of_try: int) -> str:
    """Every try has a log of its own."""
    return path if number_of_try == 1 else with_suffix(path, f"_try{number_of_try}")
