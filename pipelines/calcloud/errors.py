"""What goes wrong with the input of a program, so that its user can put it right."""


class InputError(Exception):
    """A file or an argument is not what it has to be; the message says where, what, and what would be right."""
