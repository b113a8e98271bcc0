"""Errors that stop a step: its input is wrong, or the data are too poor."""


class InputError(Exception):
    """An unusable file or argument; the message says where, what, and what would be right."""


class QualityError(Exception):
    """Readable data that are too poor to go on with."""
