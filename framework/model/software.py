"""Software of programs, as a plan describes it: environments and containers."""

from __future__ import annotations

from framework.model.part import Part


class Environment(Part, frozen=True, kw_only=True, tag_field="kind", tag="environment"):
    """Environment variables of programs, set by the following parts in this order."""

    name: str
    #: Script that bash sources, and its arguments.
    setup: tuple[str, ...] = ()
    #: Arguments of ``module load``, and the script that defines this command (empty for its usual path).
    module_load: tuple[str, ...] = ()
    module_init: str = ""
    #: Directories of a conda environment and of a virtual environment.
    conda: str = ""
    venv: str = ""
    #: Longest time that its setup may take.
    setup_minutes: float

    @property
    def label(self) -> str:
        return f"environment {self.name}"


class Bind(Part, frozen=True, array_like=True):
    """Directory or file of the machine that is mounted in a container."""

    outside: str
    inside: str
    writable: bool


class Container(Part, frozen=True, kw_only=True, tag_field="kind", tag="container"):
    """Image that programs run in, and its runtime."""

    name: str
    runtime: str
    image: str
    binds: tuple[Bind, ...] = ()
    #: Further options of the runtime.
    options: tuple[str, ...] = ()
    setup_minutes: float

    @property
    def label(self) -> str:
        return f"container {self.name}"
