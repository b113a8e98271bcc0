"""Opening of a registry, which is created or upgraded first where necessary."""

from __future__ import annotations

from framework.errors import RegistryError
from framework.registry.database.connection import Registry, connect
from framework.registry.schema.tables import REVISION


def open_registry(url: str | None = None, *, read_only: bool = False) -> Registry:
    """Open a registry; create it, or upgrade an SQLite file, unless ``read_only``.

    The default URL is ``$FW_REGISTRY``, or else that of ``registry.sqlite`` in ``$FW_HOME``.
    """
    registry = connect(url, read_only=read_only)
    try:
        _make_current(registry)
    except BaseException:
        registry.close()
        raise
    return registry


def _make_current(registry: Registry) -> None:
    """Create a registry, or upgrade it to the newest schema.

    Raises RegistryError with the remedy where that is not allowed.
    """
    revision = registry.revision()
    if revision == REVISION:
        return
    refuse_newer(registry, revision)
    if registry.read_only:
        raise RegistryError(f"{registry.place}: no registry, or an older one: any command that writes makes it")
    if revision is not None and registry.dialect == "postgresql":
        # Others may be using it, and theirs might not know what it would become.
        raise RegistryError(
            f"{registry.place}: the registry is older than this skyfw (schema {revision}; this one needs {REVISION}): "
            "when all who use it have the new skyfw, fw registry upgrade"
        )
    from framework.registry.database.upgrade import upgrade  # a registry that is up to date needs none of it

    upgrade(registry)


def refuse_newer(registry: Registry, revision: str | None) -> None:
    """Raise RegistryError for a registry of a newer skyfw."""
    if revision is not None and revision > REVISION:
        raise RegistryError(
            f"{registry.place}: the registry was made by a newer skyfw (schema {revision}; this one knows up to "
            f"{REVISION}): update skyfw"
        )
