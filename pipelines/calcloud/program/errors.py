"""What goes wrong with the input of a program, so that its user can put it right."""


class InputError(Exception):
    """A file or an argument is not what it has to be; the message says where, what, and what would be right."""

    #: Exit status of the program that it ends.
    status = 2


class MissingReferenceError(InputError):
    """A reference file is named and is not in the cache; the status is the original's for that."""

    status = 27
