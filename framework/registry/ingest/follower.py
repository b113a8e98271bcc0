"""The follower: a process next to the engine that ingests a run's journals while the run goes on."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path

from framework.errors import FrameworkError, RegistryAway, RegistryError
from framework.output.log import get_logger, log_to_run
from framework.registry.database.connection import Registry
from framework.registry.ingest.ingester import Ingester, ingest
from framework.worker.programs.warden import die_with_parent

log = get_logger(__name__)

#: Pause between two reads of the journals.
PAUSE_SECONDS = 0.5
#: Seconds after which a slow registry is reported.
SLOW_SECONDS = 10
#: Seconds that the end of a run waits for an unavailable registry.
PATIENCE_SECONDS = 300


class Follower:
    """Follower of one run, in a forked process, so that a slow or unavailable registry never delays the run."""

    def __init__(self, registry: Registry, attempt: int, journal: Path) -> None:
        self._registry = registry
        self._attempt = attempt
        self._journal = journal
        self._child = 0
        self._open = -1

    def begin(self) -> None:
        """Start the follower's process."""
        self.close_registry()
        reading, self._open = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self._child = os.fork()
        if self._child == 0:
            os.close(self._open)
            self._follow(reading, parent)
        os.close(reading)

    def close_registry(self) -> None:
        """Close the registry, which must not be open across a fork.

        SQLite keeps its locks by process: a child that inherits an open database believes that it holds locks which
        only its parent has, and the parent removes the child's write-ahead log when it closes.
        """
        self._registry.close()

    def finish(self) -> None:
        """Ingest the last facts of the journals and end the process; raise RegistryError if that fails."""
        if not self._child:
            return
        os.close(self._open)
        status = self._wait_for_child()
        self._child = 0
        if status:
            self.catch_up()

    def _wait_for_child(self) -> int:
        """Wait for the child and return its status; report a slow registry, and stop waiting on an interrupt."""
        ended = os.pidfd_open(self._child)
        try:
            if not _is_ready(ended, SLOW_SECONDS):
                print(f"registry {self._registry.place} is slow to ingest the last facts of the run", file=sys.stderr)
            return os.waitpid(self._child, 0)[1]
        except KeyboardInterrupt:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            raise self._not_ingested() from None
        finally:
            os.close(ended)

    def _not_ingested(self) -> RegistryError:
        return RegistryError(f"registry {self._registry.place} has not ingested the last facts yet")

    def catch_up(self) -> None:
        """Ingest the journals in this process; wait for a registry that is unavailable, until an interrupt."""
        deadline, unavailable = time.monotonic() + PATIENCE_SECONDS, None
        try:
            while True:
                try:
                    ingest(self._registry, self._attempt, self._journal)
                    return
                except RegistryAway as error:
                    if time.monotonic() > deadline:
                        raise
                    is_reported, unavailable = unavailable is not None, error
                if not is_reported:
                    print(f"{unavailable}\nwaiting for it, {PATIENCE_SECONDS // 60} minutes at most", file=sys.stderr)
                time.sleep(1)
        except KeyboardInterrupt:
            raise unavailable or self._not_ingested() from None

    def _follow(self, reading: int, parent: int) -> None:
        """Ingest, in the child, until the engine closes its side of the pipe, and once more after that."""
        status = 1
        try:
            die_with_parent(parent)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            # Waiting for the end is the pause: the last facts are ingested at once.
            log_to_run(self._journal.parent, "follower")
            log.info("follows the journals", extra={"run": self._journal.parent.name})
            ingester = Ingester(self._registry, self._attempt, self._journal)
            ingester.follow(lambda: _is_ready(reading, PAUSE_SECONDS), pause_seconds=0)
            status = 0
            log.info("all journals are in the registry", extra={"run": self._journal.parent.name})
        except RegistryError as error:
            status = 1  # the engine tries once more at the end, and reports the error if that fails too
            log.warning("the registry could not be written: %s", error, extra={"run": self._journal.parent.name})
        except FrameworkError as error:
            print(f"error: {error}", file=sys.stderr)
        except Exception:  # noqa: BLE001 (the process ends here, and must not return into the engine's code)
            traceback.print_exc()
        finally:
            os._exit(status)


def _is_ready(descriptor: int, seconds: float) -> bool:
    """Return whether a pipe's other side is closed, or a process has ended, within some seconds."""
    return bool(select.select([descriptor], [], [], seconds)[0])
