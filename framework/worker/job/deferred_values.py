"""Values that only the job knows: ``$HEAD{file,KEY,...}`` from a FITS header, ``$SECRET{name}`` from its keeper.

A secret comes from the environment (``FW_SECRET_NAME``), or from the file ``$FW_SECRETS`` of lines ``name = value``,
which nobody but its owner may read. It goes to the program and nowhere else: what is journalled and logged has the
text as it was written.
"""

from __future__ import annotations

import os
import re
import stat

from framework.worker.files.fits_headers import FitsError, header_values, headers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

CALL = re.compile(r"(\$?)\$(head|secret)\{([^{}]*)\}", re.IGNORECASE)
SECRET_VARIABLE = "FW_SECRET_"  # noqa: S105 (a name)


class DeferredValueError(Exception):
    """A value cannot be had in this job; the message says why, and never the value."""


class Secrets:
    """The secrets of the person whom the worker works for."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        #: Values that were handed out, to be kept out of everything that is written.
        self.told: set[str] = set()

    def find(self, name: str) -> str:
        value = self._environment.get(SECRET_VARIABLE + re.sub(r"\W", "_", name).upper())
        if value is None:
            value = self._from_file(name)
        if value:
            self.told.add(value)
        return value

    def redacted(self, text: str) -> str:
        """The text without any secret that was handed out."""
        for value in sorted(self.told, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def _from_file(self, name: str) -> str:
        path = self._environment.get("FW_SECRETS", "")
        try:
            with open(path, encoding="utf-8") as file:
                status = os.fstat(file.fileno())
                if stat.S_IMODE(status.st_mode) & 0o077:
                    raise DeferredValueError(f"{path} may be read by others: chmod 600 {path}")
                for line in file:
                    key, equals, value = line.partition("=")
                    if equals and key.strip().lower() == name.lower():
                        return value.strip()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise DeferredValueError(f"{path}: {error.strerror}") from error
        variable = SECRET_VARIABLE + re.sub(r"\W", "_", name).upper()
        raise DeferredValueError(f"there is no secret '{name}': set {variable}, or add it to {path}")


def resolve(text: str, root: str, secrets: Secrets) -> str:
    """Put the values in; ``$$HEAD{...}`` stands for the text itself."""

    def answer(call: re.Match[str]) -> str:
        if call[1]:
            return call[0][1:]
        arguments = [argument.strip() for argument in call[3].split(",")]
        if call[2].lower() == "secret":
            return secrets.find(arguments[0])
        return ",".join(header_value(os.path.join(root, arguments[0]), key) for key in arguments[1:])

    return CALL.sub(answer, text)


def header_value(path: str, key: str) -> str:
    """The value of a key in a FITS file: in the first of its headers that has it."""
    try:
        for cards in headers(path):
            values = header_values(cards)
            if key.upper() in values:
                return values[key.upper()]
    except FitsError as error:
        raise DeferredValueError(f"$HEAD: {error}") from error
    except OSError as error:
        raise DeferredValueError(f"$HEAD: {path}: {error.strerror}") from error
    raise DeferredValueError(f"$HEAD: no header of {path} has {key.upper()}")
