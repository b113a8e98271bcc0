"""A call on the worker: inputs in, programs run, outputs checked and stored, each step in the journal."""

from __future__ import annotations

import errno
import os
import re
import shlex
import threading
import time
from collections import Counter

from framework.job.journal import Journal
from framework.job.late import LateError, Secrets, resolve
from framework.job.limits import MEMORY, TIME, Limits
from framework.job.process import Process
from framework.job.programs import Programs
from framework.job.software import Shelf, Software, SoftwareError
from framework.job.spec import CallSpec, FileSpec, JobSpec, StepSpec
from framework.job.transfer import (
    READ_ONLY,
    Facts,
    Measurer,
    TransferError,
    check,
    copy,
    link,
    make_directory,
    measure,
    place,
    store,
    with_suffix,
)
from framework.job.unknown import BadNameError, Unknown
from framework.job.workplace import Workplace
from wrappers import Generic, Work, WrapperError, load_wrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from framework.job.programs import Outcome

#: Exit status of a call or job that the surroundings failed, as sysexits has it: worth another try elsewhere.
INFRASTRUCTURE = 75
#: Exit status of a call whose programs did well but whose results are not what they should be.
BAD_RESULT = 1
ERROR, WARNING, INFORMATION = 1, 2, 3
#: What the surroundings, not the program, are to blame for.
SURROUNDINGS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.EMFILE, errno.ENOMEM})


class Tools:
    """What a worker keeps from one job to the next."""

    def __init__(
        self, workplace: Workplace, journal: Journal, programs: Programs, environment: dict[str, str], images: str
    ) -> None:
        self.workplace = workplace
        self.journal = journal
        self.programs = programs
        self.measurer = Measurer()
        self.secrets = Secrets(environment)
        # What programs get besides what the pipeline says; a secret reaches only those that are given it by name.
        given = {key: value for key, value in environment.items() if not key.startswith("FW_SECRET")}
        self.software = Shelf(programs, given, images)


class Bench:
    """What the calls of one job share."""

    def __init__(self, job: JobSpec, queue: str, tools: Tools) -> None:
        self.job = job
        self.queue = queue
        self.workplace = tools.workplace
        self.journal = tools.journal
        self.programs = tools.programs
        self.measurer = tools.measurer
        self.secrets = tools.secrets
        self.software = tools.software
        #: Whether programs are held to their memory here, or by the pool that has given it.
        self.watches_memory = True
        #: The graphics processors that the job may use; none where nobody counts them.
        self.gpus: list[int] = []
        #: Where outputs and logs are put: the archive, unless the call is only repeated.
        self.store_root = job.archive_root
        #: The rights of what is put there.
        self.store_mode = READ_ONLY
        #: Whether programs get copies of the archive's files, so that nothing they do can reach it.
        self.is_apart = False
        #: Archive paths that calls of this job read.
        self.wanted = {file.path for call in job.calls for file in call.inputs}
        #: Archive path to place in the job, for what earlier calls of this job made.
        self.placed: dict[str, str] = {}
        #: Calls that run at the same time share inputs: how many use each path now. Held while files are placed.
        self.users: Counter[str] = Counter()
        self.placing = threading.Lock()
        #: Archive paths that calls of this job made.
        self.made: set[str] = set()
        #: What is known of files that other jobs of the run made.
        self.known: dict[str, Facts] = {}
        #: In which the steps run that share one.
        self.process = Process(job, tools.programs)

    def kept_at(self, path: str) -> str:
        """Where a file of the archive lies: with the outputs of this job, or where its inputs come from."""
        made = os.path.join(self.store_root, path)
        if self.store_root != self.job.archive_root and os.path.exists(made):
            return made
        return os.path.join(self.job.archive_root, path)


class Failure(Exception):  # noqa: N818 (an outcome, not a mistake of the code)
    """The call ends here, with this status and reason."""

    def __init__(self, status: int, reason: str, want: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.want = want


class Call:
    """One try at one call."""

    def __init__(
        self, bench: Bench, spec: CallSpec, number_of_try: int, wanted: Mapping[str, int] | None = None
    ) -> None:
        self._bench = bench
        self._spec = spec
        #: How often it was ended before for want of memory and of time.
        self._wanted = wanted or {}
        self._same: dict[str, Any] = {
            "job": bench.job.number, "queue": bench.queue, "call": spec.number, "try": number_of_try
        }  # fmt: skip
        self._log_path = _numbered(spec.log.path, number_of_try)
        self._log_at = os.path.join(bench.store_root, self._log_path)
        #: Inputs that may be missing, and are.
        self._absent: set[str] = set()
        #: What it has made, where only its programs know which files that is.
        self.outputs: list[FileSpec] = [file for file in spec.outputs if not file.pattern]
        self._unknown: Unknown | None = None
        self._files: list[dict[str, Any]] = []
        self._messages: list[dict[str, Any]] = []
        self._used: list[list[Any]] = []
        self._made: list[list[Any]] = []
        self._derived: list[list[str]] = []
        #: Path and facts of what is in the archive now.
        self.stored: dict[str, Facts] = {}
        self.reason = ""
        #: Label of software that could not be made ready.
        self.broken = ""
        #: What it had too little of, where it failed for that.
        self.want = ""

    def run(self) -> int:
        """Run it to its end and journal it; 0, the status of the program that failed, 1, or 75."""
        spec, journal = self._spec, self._bench.journal
        journal.write(
            "call.start", **self._same, module=spec.module, wrapper=spec.wrapper, keys=spec.keys,
            log=self._log_path, plan=self._bench.job.shard,
        )  # fmt: skip
        # The log is written where it stays: a killed call's words are home already.
        make_directory(self._log_at)
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
            self._place_inputs()
            work = self._work()
            wrapper.inputs(work)
            self._unknown = Unknown(self._spec.outputs, self._bench.workplace.root)
            self._bench.journal.write("call.run", **self._same)
            self._run_programs(wrapper, work, software, log)
            self._check_inputs()
            self._bench.journal.write("call.store", **self._same)
            wrapper.outputs(work)
            self._store_outputs(wrapper, work)
            self._bench.process.is_done_with(self._spec)
            self._messages += [{"level": level, "text": text, "exec": 0} for level, text in work.messages]
        except Failure as failure:
            self.want = failure.want
            return self._failed(failure.status, failure.reason)
        except (WrapperError, LateError, BadNameError) as error:
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
        reason = self.reason = self._bench.secrets.redacted(reason)
        self._messages.append({"level": ERROR, "text": reason, "exec": 0})
        return status

    def _work(self) -> Work:
        spec = self._spec
        return Work(spec.number, spec.module, spec.keys, spec.settings, _by_label(spec.inputs), _by_label(spec.outputs))

    # ---- inputs

    @property
    def _present(self) -> list[FileSpec]:
        return [file for file in self._spec.inputs if file.path not in self._absent]

    def _place_inputs(self) -> None:
        with self._bench.placing:
            for file in self._spec.inputs:
                self._bench.users[file.path] += 1
                if not self._bench.process.holds(file):
                    self._place(file)
        for at, lines, files in self._spec.lists:
            with open(self._bench.workplace.at(at), "w", encoding="utf-8") as listing:
                for number, line in enumerate(lines):
                    if not files or not self._absent.intersection(files[number]):
                        listing.write(line + "\n")

    def _check_inputs(self) -> None:
        """A program may spoil its own copies, and the next call gets new ones; what the archive keeps it may not."""
        with self._bench.placing:
            for file in self._spec.inputs:
                self._bench.users[file.path] -= 1
            files = [file for file in self._present if not self._bench.process.holds(file)]
            self._withdraw_copies([file for file in files if not self._bench.users[file.path]])

    def _withdraw_copies(self, files: list[FileSpec]) -> None:
        bench = self._bench
        for file in files:
            at = bench.workplace.at(file.at)
            kept = bench.kept_at(file.path)
            try:
                here = os.stat(at)
            except OSError:
                bench.placed.pop(file.path, None)
                continue
            if not file.outside and bench.measurer.is_changed(kept):
                raise Failure(BAD_RESULT, f"the program changed {file.path}, which the archive keeps")
            own = file.outside or not os.path.exists(kept) or here.st_ino != os.stat(kept).st_ino
            if own and bench.placed.get(file.path) == file.at and file.path not in bench.made:
                os.unlink(at)
                bench.placed.pop(file.path, None)

    def _place(self, file: FileSpec) -> None:
        """Bring a file to its place; one that may be missing, and is, is left out of the call."""
        bench = self._bench
        target = bench.workplace.at(file.at)
        there = bench.placed.get(file.path)
        if there is not None:
            if there != file.at and not os.path.lexists(target):
                place(bench.workplace.at(there), target)
            return
        if file.optional and file.outside and "://" not in file.path and not os.path.exists(file.sent or file.path):
            self._absent.add(file.path)
            return
        if file.optional and not file.outside and not os.path.exists(bench.kept_at(file.archived)):
            self._absent.add(file.path)
            return
        expected = bench.known.get(file.archived)
        if expected is None and file.size is not None and file.sha256 is not None:
            expected = Facts(file.size, file.sha256)
        if not file.outside:
            self._take_out(file, target, expected)
        elif "://" in file.path:
            from framework.job.download import download  # few jobs fetch anything

            self._note_outside(file, download(file.path, target, expected, bench.job.max_transfers))
        else:
            self._note_outside(file, copy(file.sent or file.path, target, expected))
        bench.placed[file.path] = file.at
        if file.rename:
            place(target, os.path.join(os.path.dirname(target), file.rename))

    def _take_out(self, file: FileSpec, target: str, expected: Facts | None) -> None:
        """Bring a file of the archive, checked as the archive keeps it."""
        measurer, kept = self._bench.measurer, self._bench.kept_at(file.archived)
        if file.compression:
            from framework.job import packing  # few archives keep files compressed

            check(kept, expected, measurer)
            packing.unpack(kept, target, file.compression)
        elif self._bench.is_apart:
            copy(kept, target, expected)
        else:
            link(kept, target, expected, measurer)

    def _note_outside(self, file: FileSpec, found: Facts) -> None:
        self._files.append(
            {"path": file.path, "type": file.type, "size": found.size, "sha256": found.sha256, "archive": "external",
             "meta": file.meta}
        )  # fmt: skip

    # ---- programs

    def _make_ready(self, log: int) -> Software:
        bench, label = self._bench, self._spec.software
        tell = bench.journal.write
        try:
            return bench.software.take(label, bench.job.software.get(label), self._identity(), log, tell)
        except SoftwareError as error:
            self.broken = label if error.lasting else ""
            raise

    def _run_programs(self, wrapper: Generic, work: Work, software: Software, log: int) -> None:
        own = {**self._late_environment(), **self._identity()}
        limits = self._limits()
        for step in self._spec.steps:
            argv = wrapper.command(work, step.number, list(step.argv))
            self._run_program(step, argv, software, own, log, limits)

    def _limits(self) -> Limits:
        """What its programs may take this time: time together, memory each."""
        memory = self._spec.asks(MEMORY, self._wanted) if self._bench.watches_memory else None
        seconds = self._spec.asks(TIME, self._wanted)
        return Limits(None if seconds is None else time.monotonic() + seconds, None if memory is None else int(memory))

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
        self, step: StepSpec, argv: list[str], software: Software, own: dict[str, str], log: int, limits: Limits
    ) -> None:
        bench, same = self._bench, {**self._same, "exec": step.number}
        text = shlex.join(argv)
        version = self._version(step, argv, software, own)
        os.write(log, f"== exec_{step.number}: {text}\n".encode("utf-8", "surrogateescape"))
        told = {"software": software.sha256} if software.sha256 else {}
        bench.journal.write("exec.start", **same, program=step.program, args=text, version=version, **told)
        filled = list(argv)
        for number in step.late:
            filled[number] = resolve(argv[number], bench.workplace.root, bench.secrets)
        outcome = self._started(software, filled, own, log, limits, step)
        bench.journal.write("exec.end", **same, status=outcome.status, usage=outcome.usage)
        self._used += [[step.number, path] for label in step.used for path in self._paths(label, self._present)]
        if step.number == self._spec.steps[0].number:
            self._used += [[step.number, file.path] for file in self._present if file.label.startswith("wrapper.")]
        if outcome.status:
            if bench.programs.stopping:
                raise Failure(INFRASTRUCTURE, f"{step.spoken} was ended, because its job was told to stop")
            said = outcome.reason or last_line(self._log_at)
            detail = f": {said}" if said else ""
            is_full = bench.workplace.is_full()
            detail += f"; the disk of {bench.workplace.root} is full" if is_full else ""
            status = INFRASTRUCTURE if is_full or software.is_at_fault(outcome.status) else outcome.status
            want = outcome.want or (MEMORY if outcome.status in self._spec.memory_statuses else "")
            raise Failure(status, f"{step.spoken} ended with status {outcome.status}{detail}", want)

    def _started(
        self, software: Software, argv: list[str], own: dict[str, str], log: int, limits: Limits,
        step: StepSpec | None = None,
    ) -> Outcome:  # fmt: skip
        """Run a program in its software to its end, or the step of a process that stands for it."""
        bench = self._bench
        started, environment = software.started(argv, own, bench.workplace.root, bench.job.archive_root)
        if step is not None and step.step:
            return bench.process.run(self._spec, step, started, environment, log, limits)
        return software.ended(started, bench.programs.run(started, environment, log, limits))

    def _version(self, step: StepSpec, argv: list[str], software: Software, own: dict[str, str]) -> str | None:
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

    # ---- outputs

    def _store_outputs(self, wrapper: Generic, work: Work) -> None:
        bench = self._bench
        missing = self._find_unknown()
        present = []
        held = []
        for file in self.outputs:
            at = bench.workplace.at(file.at)
            if os.path.isfile(at):
                present.append((file, at))
            elif os.path.lexists(at):
                raise Failure(BAD_RESULT, f"{file.label}: {file.at} is not a regular file")
            elif bench.process.holds(file):
                held.append((file, at))
            elif not file.optional:
                missing.append(f"{file.label}: {file.at}")
        if missing:
            raise Failure(BAD_RESULT, f"the programs ended well but did not make {'; '.join(missing)}")
        for file, at in present:
            if file.header:
                self._update_headers(file, at)
            meta = {**file.meta, **wrapper.metadata(work, file.label, at)}
            self._store(file, at, meta)
        for file, at in held:
            # It never was bytes: it has no size and no checksum.
            meta = {**file.meta, **wrapper.metadata(work, file.label, at)}
            self._files.append({"path": file.path, "type": file.type, "meta": meta})
        self._note_lineage([file for file, _ in (*present, *held)])

    def _update_headers(self, file: FileSpec, at: str) -> None:
        from framework.job.headers import HeaderError, update_headers  # few files are given cards

        try:
            update_headers(at, file.header)
        except HeaderError as error:
            raise Failure(BAD_RESULT, f"{file.label}: its headers cannot be updated: {error}") from error

    def _find_unknown(self) -> list[str]:
        """Look for what only the programs know of; what should be there and is not."""
        missing = []
        for file in self._spec.outputs:
            if file.pattern and self._unknown is not None:
                found = self._unknown.found(file)
                self.outputs += found
                if not found and not file.optional:
                    missing.append(f"{file.label}: {file.at}")
        return missing

    def _note_lineage(self, made: list[FileSpec]) -> None:
        both = [*self._present, *made]
        for step in self._spec.steps:
            self._made += [[step.number, path] for label in step.made for path in self._paths(label, made)]
            for parent, child in step.derived:
                self._derived += [[c, p] for c in self._paths(child, both) for p in self._paths(parent, both)]

    def _store(self, file: FileSpec, at: str, meta: dict[str, Any]) -> None:
        bench = self._bench
        fact: dict[str, Any] = {"path": file.path, "type": file.type, "meta": meta}
        if file.keep and file.compression:
            found = self._store_packed(file, at, fact)
        elif file.keep:
            target = os.path.join(bench.store_root, file.path)
            found = self.stored[file.path] = store(at, target, bench.store_mode)
            if file.path in bench.wanted:
                place(target, at)
        else:
            found = self.stored[file.path] = measure(at)
        fact |= {"size": found.size, "sha256": found.sha256}
        if file.keep:
            fact["archive"] = bench.job.archive
        self._files.append(fact)
        bench.placed[file.path] = file.at
        bench.made.add(file.path)

    def _store_packed(self, file: FileSpec, at: str, fact: dict[str, Any]) -> Facts:
        """Put it compressed into the archive; the job goes on with the file itself."""
        from framework.job import packing  # few archives keep files compressed

        bench = self._bench
        target = os.path.join(bench.store_root, file.archived)
        found, packed = packing.pack(at, target, file.compression, bench.job.compression_args)
        fact["packed"] = [file.compression, packed.size, packed.sha256]
        self.stored[file.archived] = packed
        if file.path in bench.wanted:
            os.chmod(at, READ_ONLY)
        else:
            os.unlink(at)
        return found

    # ---- the end

    def _end(self, status: int) -> int:
        bench = self._bench
        try:
            self._keep_log()
        except OSError as error:
            status = self._failed(INFRASTRUCTURE, f"the log cannot be kept: {error.strerror}: {self._log_path}")
        outside = [fact for fact in self._files if fact.get("archive") == "external"]
        log = [fact for fact in self._files if fact["path"] == self._log_path]
        bench.journal.write(
            "call.end", **self._same, status=status,
            files=self._files if status == 0 else outside + log,
            used=self._used,
            made=[*(self._made if status == 0 else []), *([0, fact["path"]] for fact in log)],
            derived=self._derived if status == 0 else [],
            messages=self._messages, **({"want": self.want} if self.want else {}),
        )  # fmt: skip
        bench.journal.flush()
        return status

    def _redact_log(self) -> None:
        """A program may have said a secret that it was given."""
        with open(self._log_at, "r+", encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
            clean = self._bench.secrets.redacted(text)
            if clean != text:
                file.seek(0)
                file.write(clean)
                file.truncate()

    def _keep_log(self) -> None:
        if self._bench.secrets.told:
            self._redact_log()
        found = measure(self._log_at)
        os.chmod(self._log_at, self._bench.store_mode)
        self._files.append(
            {"path": self._log_path, "type": self._spec.log.type, "size": found.size, "sha256": found.sha256,
             "archive": self._bench.job.archive, "meta": self._spec.log.meta}
        )  # fmt: skip


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
        found.setdefault(file.label, []).append(file.at)
    return found


def _numbered(path: str, number_of_try: int) -> str:
    """Every try has a log of its own."""
    return path if number_of_try == 1 else with_suffix(path, f"_try{number_of_try}")
