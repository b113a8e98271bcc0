"""What stops a step, so that its user sees at once whether the input or the sky is to blame."""


class InputError(Exception):
    """A file or an argument is not what it has to be; the message says where, what, and what would be right."""


class QualityError(Exception):
    """The data are readable, but not good enough to go on with."""
