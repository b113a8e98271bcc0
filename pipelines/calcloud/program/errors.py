"""Errors in the input of a program, which its user can correct."""


class InputError(Exception):
    """Invalid file or argument; the message says where, what, and what would be right."""

    #: Exit status of the program.
    status = 2


class MissingReferenceError(InputError):
    """Reference file that a header names and the cache does not have; the exit status is that of CALCLOUD."""

    status = 27
