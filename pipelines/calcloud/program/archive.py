"""Zip archives of arrays whose bytes depend on the content only: no dates, names in order, nothing pickled."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.program.errors import InputError

#: Earliest date of a file in a zip archive.
NO_DATE = (1980, 1, 1, 0, 0, 0)
_FACTS = "facts.json"


def write_archive(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write facts as JSON and each array as `.npy` into one zip file.

    Parameters
    ----------
    path : Path
        File to write; its directory is made.
    facts : Mapping[str, Any]
        Values that JSON can hold.
    arrays : Mapping[str, NDArray]
        Arrays of any shape and dtype, but not of objects.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        _add(archive, _FACTS, json.dumps(facts, sort_keys=True).encode())
        for name in sorted(arrays):
            stored = io.BytesIO()
            np.save(stored, arrays[name], allow_pickle=False)
            _add(archive, f"{name}.npy", stored.getvalue())


def read_archive(path: Path) -> tuple[dict[str, object], dict[str, npt.NDArray[Any]]]:
    """Read a file of `write_archive`.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    facts : dict[str, object]
        The facts.
    arrays : dict[str, NDArray]
        The arrays by name, with their shapes and dtypes.

    Raises
    ------
    InputError
        If there is no such file, or it is not such an archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read(_FACTS))
            arrays = {
                name.removesuffix(".npy"): np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
                for name in archive.namelist()
                if name != _FACTS
            }
    except FileNotFoundError:
        raise InputError(f"{path}: no such file (learn writes it)") from None
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise InputError(f"{path}: is not a tabular model ({error})") from error
    return facts, arrays


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, NO_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content, compresslevel=6)
