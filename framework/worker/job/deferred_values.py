"""Deferred values, which the job fills in: ``$HEAD{file,KEY,...}`` of FITS headers, ``$SECRET{name}`` of its user.

A secret comes from the environment (``FW_SECRET_NAME``), or from the file ``$FW_SECRETS`` of lines ``name = value``,
which only its owner may read. It is passed to the program only: journals and logs hold the text ``$SECRET{name}``.
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
    """A deferred value cannot be filled in; the message never holds a secret."""


class Secrets:
    """Secrets of the user whose jobs the worker runs."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        #: Values that programs got, which must not be written anywhere.
        self.revealed: set[str] = set()

    def find(self, name: str) -> str:
        """Return a secret; raise DeferredValueError if there is none."""
        value = self._environment.get(SECRET_VARIABLE + re.sub(r"\W", "_", name).upper())
        if value is None:
            value = self._read_from_file(name)
        if value:
            self.revealed.add(value)
        return value

    def redact(self, text: str) -> str:
        """Return the text with ``***`` in the place of secrets that programs got."""
        for value in sorted(self.revealed, key=len, reverse=True):
            text = text.replace(value, "***")
        return text

    def _read_from_file(self, name: str) -> str:
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
    """Fill deferred values in; ``$$HEAD{...}`` stands for the text ``$HEAD{...}``."""

    def value_of(call: re.Match[str]) -> str:
        if call[1]:
            return call[0][1:]
        arguments = [argument.strip() for argument in call[3].split(",")]
        if call[2].lower() == "secret":
            return secrets.find(arguments[0])
        return ",".join(header_value(os.path.join(root, arguments[0]), key) for key in arguments[1:])

    return CALL.sub(value_of, text)


def header_value(path: str, key: str) -> str:
    """Return the value of a key in the first header of a FITS file that has it."""
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
