"""Cache of the environments and containers of a worker: each is made ready once."""

from __future__ import annotations

import threading

from framework.worker.environments.base import PreparedSoftware, SetupRunner, SoftwareError, fingerprint
from framework.worker.journal.facts import software as software_fact
from framework.worker.programs.programs import Programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from framework.worker.journal.facts import FactObject


class EnvironmentCache:
    """Software of a worker by label: prepared when it is first needed, and tried once."""

    def __init__(self, programs: Programs, environment: Mapping[str, str], images: str) -> None:
        self._programs = programs
        self._environment = environment
        #: Directory for pulled images, which all workers of a run share.
        self._images = images
        self._ready: dict[str, PreparedSoftware | SoftwareError] = {"": PreparedSoftware(environment)}
        # Calls of one job may need software at the same time.
        self._preparing = threading.Lock()

    def get(
        self, label: str, definition: Mapping[str, Any] | None, own: Mapping[str, str], log: int,
        write: Callable[[FactObject], None],
    ) -> PreparedSoftware:  # fmt: skip
        """Return the software of a label; raise SoftwareError, each time, if it cannot be prepared."""
        with self._preparing:
            found = self._ready.get(label)
            if found is None:
                found = self._prepare(label, definition or {}, {**self._environment, **own}, log, write)
                if not isinstance(found, SoftwareError) or found.lasting:
                    self._ready[label] = found
        if isinstance(found, SoftwareError):
            raise found
        return found

    def _prepare(
        self, label: str, definition: Mapping[str, Any], environment: Mapping[str, str], log: int,
        write: Callable[[FactObject], None],
    ) -> PreparedSoftware | SoftwareError:  # fmt: skip
        runner = SetupRunner(self._programs, environment, log, definition["setup_minutes"] * 60)
        runner.log(f"{label} is made ready")
        software: PreparedSoftware
        try:
            if definition["kind"] == "container":
                # seldom needed
                from framework.worker.environments.container import make_container

                software, found = make_container(definition, runner, self._environment, self._programs, self._images)
            else:
                # seldom needed
                from framework.worker.environments.environment import make_environment

                software, found = make_environment(definition, runner)
        except (SoftwareError, OSError) as error:
            reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
            lasting = not isinstance(error, SoftwareError) or error.lasting
            return SoftwareError(f"{label} cannot be made ready: {reason}", lasting=lasting)
        software.sha256 = fingerprint(definition["kind"], definition["name"], found)
        runner.log(f"{label}: {software.summary}")
        kind, name = definition["kind"], definition["name"]
        write(software_fact(software.sha256, kind=kind, name=name, found=found))
        return software
