"""Errors that a user or an operator can act upon."""

from __future__ import annotations


class FrameworkError(Exception):
    """An error that the user can put right; the message says where, what and how."""

    #: What the command ends with: 2 usage or configuration, 1 the run or check failed, 3 infrastructure.
    exit_code = 2


class PlanError(FrameworkError):
    """A pipeline that cannot be run as it is written."""


class RunError(FrameworkError):
    """A run that failed, or is not in a state for the request."""

    exit_code = 1


class DamagedPlanError(RunError):
    """A file of a run's plan is damaged or gone."""


class InfrastructureError(FrameworkError):
    """A failure of a disk, a database or a scheduler."""

    exit_code = 3


class RegistryError(InfrastructureError):
    """A registry that cannot be reached, read or written."""


class RegistryAway(RegistryError):  # noqa: N818  (what is so for a while, not what went wrong)
    """A registry's server that does not answer now, and may do so later by itself."""
