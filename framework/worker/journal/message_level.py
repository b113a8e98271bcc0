"""Levels of messages, as journals and the table ``task_message`` have them."""

from __future__ import annotations

from enum import IntEnum


class MessageLevel(IntEnum):
    """How grave a message is, or that it is an event."""

    ERROR = 1
    WARNING = 2
    INFORMATION = 3
    #: What people and queues did to a run, which is not part of its results.
    EVENT = 4
