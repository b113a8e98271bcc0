"""Execution of a call: inputs staged, programs run, outputs stored, each step recorded in the journal."""

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
from framework.worker.job.job_context import CallFailure, JobContext
from framework.worker.job.outputs import CallOutputs
from framework.worker.job.spec import CallSpec, ExecSpec, FileSpec
from framework.worker.job.wildcard_outputs import InvalidNameError
from framework.worker.journal import facts
from framework.worker.journal.facts import CallTry
from framework.worker.journal.message_level import MessageLevel
from framework.worker.journal.statuses import BAD_RESULT, INFRASTRUCTURE
from framework.worker.programs.limits import MEMORY, Limits
from wrappers import Generic, Work, WrapperError, load_wrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from framework.worker.journal.facts import FileObject
    from framework.worker.programs.programs import ProgramResult

#: Errors of the machine, not of the program.
MACHINE_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.EMFILE, errno.ENOMEM}
)


class CallExecution:
    """One try at one call."""

    def __init__(
        self, context: JobContext, spec: CallSpec, try_number: int, exceeded: Mapping[str, int] | None = None
    ) -> None:
        self._context = context
        self._spec = spec
        #: Memory and time to how often earlier tries exceeded them.
        self._exceeded_before = exceeded or {}
        self._try = CallTry(context.job.number, context.execution_id, spec.number, try_number)
        self._log_path = _log_path(spec.log.path, try_number)
        self._log_at = os.path.join(context.store_root, self._log_path)
        self._inputs = CallInputs(context, spec)
        self._outputs = CallOutputs(context, spec)
        #: Record of its log, once that is stored.
        self._log_record: list[FileObject] = []
        self._messages: list[dict[str, object]] = []
        self._used: list[list[Any]] = []
        self._made: list[list[Any]] = []
        self._derived: list[list[str]] = []
        #: Why it failed.
        self.reason = ""
        #: Label of software that cannot be made ready.
        self.broken = ""
        #: MEMORY or TIME, where it exceeded that; else empty.
        self.exceeded = ""

    @property
    def outputs(self) -> list[FileSpec]:
        """Output files; those with wildcards in their names as they were found."""
        return self._outputs.files

    @property
    def stored(self) -> dict[str, Checksum]:
        """Checksums by archive path, of the outputs."""
        return self._outputs.stored

    def run(self) -> int:
        """Run and record the call; return 0, the status of the program that failed, BAD_RESULT or INFRASTRUCTURE."""
        spec, journal = self._spec, self._context.journal
        about = {"module": spec.module, "wrapper": spec.wrapper, "log": self._log_path, "plan": self._context.job.shard}
        journal.write(facts.call_start(self._try, keys=spec.keys, **about))
        # The log is written where it is kept, so that the log of a killed call is not lost.
        make_parents(self._log_at)
        log = os.open(self._log_at, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            status = self._run_guarded(log)
            if self.reason:
                os.write(log, f"== {self.reason}\n".encode())
        finally:
            os.close(log)
        return self._end(status)

    def _run_guarded(self, log: int) -> int:
        """Do the work of the call; turn errors into a status and a message."""
        try:
            wrapper = load_wrapper(self._spec.wrapper)
            software = self._prepare_software(log)
            self._inputs.stage()
            work = self._work_of_wrapper()
            wrapper.inputs(work)
            self._outputs.note_present_files()
            self._context.journal.write(facts.call_run(self._try))
            self._run_programs(wrapper, work, software, log)
            self._inputs.check()
            self._context.journal.write(facts.call_store(self._try))
            wrapper.outputs(work)
            self._note_provenance(self._outputs.store(wrapper, work))
            self._context.process.release_files_of(self._spec)
            self._messages += [facts.call_message(level, text) for level, text in work.messages]
        except CallFailure as failure:
            self.exceeded = failure.exceeded
            return self._fail(failure.status, failure.reason)
        except (WrapperError, DeferredValueError, InvalidNameError) as error:
            return self._fail(BAD_RESULT, str(error))
        except (TransferError, SoftwareError) as error:
            return self._fail(INFRASTRUCTURE, str(error))
        except OSError as error:
            status = INFRASTRUCTURE if error.errno in MACHINE_ERRORS else BAD_RESULT
            return self._fail(status, f"{error.strerror}: {error.filename or self._context.work_dir.root}")
        except Exception as error:  # noqa: BLE001 (an error of a wrapper is recorded with its call)
            return self._fail(BAD_RESULT, f"{type(error).__name__}: {error}")
        return 0

    def _fail(self, status: int, reason: str) -> int:
        """Note the reason of a failure; return the status."""
        reason = self.reason = self._context.secrets.redact(reason)
        self._messages.append(facts.call_message(MessageLevel.ERROR, reason))
        return status

    def _work_of_wrapper(self) -> Work:
        spec = self._spec
        return Work(spec.number, spec.module, spec.keys, spec.settings, _by_label(spec.inputs), _by_label(spec.outputs))

    # ---- programs

    def _prepare_software(self, log: int) -> PreparedSoftware:
        context, label = self._context, self._spec.software
        try:
            return context.software.get(
                label, context.job.software.get(label), self._identity(), log, context.journal.write
            )
        except SoftwareError as error:
            self.broken = label if error.lasting else ""
            raise

    def _run_programs(self, wrapper: Generic, work: Work, software: PreparedSoftware, log: int) -> None:
        own = {**self._pipeline_environment(), **self._identity()}
        limits = self._limits()
        for step in self._spec.execs:
            argv = wrapper.command(work, step.number, list(step.argv))
            self._run_program(step, argv, software, own, log, limits)

    def _limits(self) -> Limits:
        """Return the limits of its programs: of time together, of memory each."""
        memory = self._spec.memory_mb(self._exceeded_before) if self._context.watches_memory else None
        seconds = self._spec.seconds(self._exceeded_before)
        return Limits(None if seconds is None else time.monotonic() + seconds, memory)

    def _pipeline_environment(self) -> dict[str, str]:
        """Return the variables that the pipeline sets, with deferred values filled in."""
        root, secrets = self._context.work_dir.root, self._context.secrets
        gpus = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, self._context.gpus))} if self._context.gpus else {}
        return {**gpus, **{key: resolve(value, root, secrets) for key, value in self._spec.environment.items()}}

    def _identity(self) -> dict[str, str]:
        """Return the variables that identify the call."""
        job = self._context.job
        return {
            "FW_RUN": job.run, "FW_ATTEMPT": str(job.attempt), "FW_JOB": str(job.number),
            "FW_CALL": str(self._spec.number),
        }  # fmt: skip

    def _run_program(
        self, step: ExecSpec, argv: list[str], software: PreparedSoftware, own: dict[str, str], log: int, limits: Limits
    ) -> None:
        context = self._context
        text = shlex.join(argv)
        version = self._version(step, argv, software, own)
        os.write(log, f"== exec_{step.number}: {text}\n".encode("utf-8", "surrogateescape"))
        started = facts.exec_start(
            self._try, step.number, program=step.program, args=text, version=version, software=software.sha256
        )
        context.journal.write(started)
        filled = list(argv)
        for number in step.deferred:
            filled[number] = resolve(argv[number], context.work_dir.root, context.secrets)
        result = self._execute(software, filled, own, log, limits, step)
        context.journal.write(facts.exec_end(self._try, step.number, result.status, result.usage))
        self._note_used(step)
        if result.status:
            raise self._program_failure(step, software, result)

    def _program_failure(self, step: ExecSpec, software: PreparedSoftware, result: ProgramResult) -> CallFailure:
        """Return the failure of the call that a program caused."""
        context = self._context
        if context.programs.stopping:
            return CallFailure(INFRASTRUCTURE, f"{step.display_name} was ended, because its job was told to stop")
        reason = result.reason or last_line(self._log_at)
        detail = f": {reason}" if reason else ""
        is_full = context.work_dir.is_full()
        detail += f"; the disk of {context.work_dir.root} is full" if is_full else ""
        status = INFRASTRUCTURE if is_full or software.is_own_failure(result.status) else result.status
        exceeded = result.exceeded or (MEMORY if result.status in self._spec.needs.memory_statuses else "")
        return CallFailure(status, f"{step.display_name} ended with status {result.status}{detail}", exceeded)

    def _execute(
        self, software: PreparedSoftware, argv: list[str], own: dict[str, str], log: int, limits: Limits,
        step: ExecSpec | None = None,
    ) -> ProgramResult:  # fmt: skip
        """Run a program in its software until it ends, or the step of the shared process in its place."""
        context = self._context
        command, environment = software.wrap_command(argv, own, context.work_dir.root, context.job.archive_root)
        if step is not None and step.step:
            return context.process.run(self._spec, step, command, environment, log, limits)
        return software.program_result(command, context.programs.run(command, environment, log, limits))

    def _version(self, step: ExecSpec, argv: list[str], software: PreparedSoftware, own: dict[str, str]) -> str | None:
        """Return the version of a program, if the pipeline defines how it prints that; it is run once a worker."""
        if not step.version_flag:
            return None
        key = (argv[0], own.get("PATH", ""), software.sha256)
        if key not in _versions:
            at = self._context.work_dir.at(f".version-{self._spec.number}-{step.number}")
            output = os.open(at, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                limits = Limits(time.monotonic() + 30)
                self._execute(software, [argv[0], *shlex.split(step.version_flag)], own, output, limits)
                text = os.pread(output, 4096, 0).decode("utf-8", "replace")
            finally:
                os.close(output)
                os.unlink(at)
            _versions[key] = find_version(text, step.version_pattern)
        return _versions[key]

    def _note_used(self, step: ExecSpec) -> None:
        """Note which inputs a program used; the first one also uses those of the wrapper."""
        inputs = self._inputs.present
        self._used += [[step.number, path] for label in step.used for path in _labelled_paths(label, inputs)]
        if step.number == self._spec.execs[0].number:
            self._used += [[step.number, file.path] for file in inputs if file.label.startswith("wrapper.")]

    def _note_provenance(self, made: list[FileSpec]) -> None:
        """Note which program made each file, and from which files it was derived."""
        both = [*self._inputs.present, *made]
        for step in self._spec.execs:
            self._made += [[step.number, path] for label in step.made for path in _labelled_paths(label, made)]
            for parent, child in step.derived:
                self._derived += [[c, p] for c in _labelled_paths(child, both) for p in _labelled_paths(parent, both)]

    # ---- the end

    def _end(self, status: int) -> int:
        """Record the end of the call; return its status."""
        context = self._context
        try:
            self._store_log()
        except OSError as error:
            status = self._fail(INFRASTRUCTURE, f"the log cannot be kept: {error.strerror}: {self._log_path}")
        external, made = self._inputs.external, self._outputs.records
        ended = facts.call_end(
            self._try, status,
            files=[*external, *(made if status == 0 else []), *self._log_record],
            used=self._used,
            made=[*(self._made if status == 0 else []), *([0, record["path"]] for record in self._log_record)],
            derived=self._derived if status == 0 else [],
            messages=self._messages, exceeded=self.exceeded,
        )  # fmt: skip
        context.journal.write(ended)
        context.journal.flush()
        return status

    def _redact_log(self) -> None:
        """Remove secrets that programs printed."""
        with open(self._log_at, "r+", encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
            redacted = self._context.secrets.redact(text)
            if redacted != text:
                file.seek(0)
                file.write(redacted)
                file.truncate()

    def _store_log(self) -> None:
        """Complete the log, and note its record."""
        if self._context.secrets.revealed:
            self._redact_log()
        found = measure(self._log_at)
        os.chmod(self._log_at, self._context.store_mode)
        record = facts.file_record(
            self._log_path, self._spec.log.filetype, size=found.size, sha256=found.sha256,
            archive=self._context.job.archive, metadata=self._spec.log.metadata,
        )  # fmt: skip
        self._log_record.append(record)


def last_line(log: str) -> str:
    """Return the last line of a program's output, which usually is the reason of a failure; empty without output."""
    with open(log, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return "" if not lines or lines[-1].startswith("== ") else lines[-1][:500]


#: Versions by program, PATH and fingerprint of the software.
_versions: dict[tuple[str, str, str], str | None] = {}


def find_version(output: str, pattern: str) -> str | None:
    """Return the version in a program's output: by the pattern, or the first number with points."""
    found = re.search(pattern or r"(\d+(\.\d+)+)", output)
    return None if found is None else (found[1] if found.re.groups else found[0])


def _labelled_paths(label: str, files: list[FileSpec]) -> list[str]:
    """Return the archive paths of files with a label, or of the members of a list with it."""
    members = label + "."
    return [file.path for file in files if file.label == label or file.label.startswith(members)]


def _by_label(files: list[FileSpec]) -> dict[str, list[str]]:
    """Return the paths in the job by label."""
    found: dict[str, list[str]] = {}
    for file in files:
        found.setdefault(file.label, []).append(file.job_path)
    return found


def _log_path(path: str, try_number: int) -> str:
    """Return the archive path for the log of a try."""
    return path if try_number == 1 else with_suffix(path, f"_try{try_number}")
