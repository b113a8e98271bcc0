"""Base of the parts of a plan: frozen, and written to its files as they are."""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Part of a job's record in a shard, whose keys are the names of the fields."""
