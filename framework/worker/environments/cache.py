"""Cache of the environments and containers of a worker: each is made ready once."""

from __future__ import annotations

import threading

from framework.worker.environments.base import PreparedSoftware, SetupRunner, SoftwareError, fingerprint
from framework.worker.programs.programs import Programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class EnvironmentCache:
    """The software of a worker: each is made ready when it is first asked for, and tried once."""

    def __init__(self, programs: Programs, environment: Mapping[str, str], images: str) -> None:
        self._programs = programs
        self._environment = environment
        #: Where images are put that have to be fetched: all workers of a run take the same.
        self._images = images
        self._ready: dict[str, PreparedSoftware | SoftwareError] = {"": PreparedSoftware(environment)}
        # Calls of one job may ask at the same time.
        self._making = threading.Lock()

    def take(
        self, label: str, definition: Mapping[str, Any] | None, own: Mapping[str, str], log: int,
        tell: Callable[..., None],
    ) -> PreparedSoftware:  # fmt: skip
        """The software of this label, ready; SoftwareError where it cannot be, whoever asks for it again."""
        with self._making:
            found = self._ready.get(label)
            if found is None:
                found = self._made(label, definition or {}, {**self._environment, **own}, log, tell)
                if not isinstance(found, SoftwareError) or found.lasting:
                    self._ready[label] = found
        if isinstance(found, SoftwareError):
            raise found
        return found

    def _made(
        self, label: str, definition: Mapping[str, Any], environment: Mapping[str, str], log: int,
        tell: Callable[..., None],
    ) -> PreparedSoftware | SoftwareError:  # fmt: skip
        shop = SetupRunner(self._programs, environment, log, definition["setup_minutes"] * 60)
        shop.say(f"{label} is made ready")
        software: PreparedSoftware
        try:
            # Jobs that name no software need not know of its kinds.
            if definition["kind"] == "container":
                from framework.worker.environments.container import make_container

                software, found = make_container(definition, shop, self._environment, self._programs, self._images)
            else:
                from framework.worker.environments.environment import make_environment

                software, found = make_environment(definition, shop)
        except (SoftwareError, OSError) as error:
            why = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
            lasting = not isinstance(error, SoftwareError) or error.lasting
            return SoftwareError(f"{label} cannot be made ready: {why}", lasting=lasting)
        software.sha256 = fingerprint(definition["kind"], definition["name"], found)
        shop.say(f"{label}: {software.summary}")
        tell("software", sha256=software.sha256, kind=definition["kind"], name=definition["name"], found=found)
        return software
