"""Files of networks: Keras archives without dates and memory addresses, so that equal networks give equal files."""

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from pipelines.calcloud.networks.determinism import import_tensorflow
from pipelines.calcloud.program.archive import NO_DATE
from pipelines.calcloud.program.errors import InputError


def write_model(model: Any, path: Path) -> None:
    """Write a network as a `.keras` archive that `keras.models.load_model` reads.

    Parameters
    ----------
    model : keras.Model
        The network.
    path : Path
        File to write; its directory is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        dated = Path(scratch) / "dated.keras"
        model.save(dated)
        with zipfile.ZipFile(dated) as archive:
            parts = {name: archive.read(name) for name in sorted(archive.namelist())}
    metadata = json.loads(parts["metadata.json"])
    metadata.pop("date_saved", None)
    parts["metadata.json"] = json.dumps(metadata).encode()
    parts["config.json"] = json.dumps(_renumbered(json.loads(parts["config.json"]), {})).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, NO_DATE), content)


def _renumbered(part: Any, numbers: dict[int, int]) -> Any:
    """Return the configuration with shared objects, which Keras numbers by their addresses, numbered from 1."""
    if isinstance(part, list):
        return [_renumbered(one, numbers) for one in part]
    if not isinstance(part, dict):
        return part
    renumbered = {name: _renumbered(one, numbers) for name, one in part.items()}
    if "shared_object_id" in part:
        renumbered["shared_object_id"] = numbers.setdefault(part["shared_object_id"], len(numbers) + 1)
    return renumbered


def read_model(path: Path) -> Any:
    """Read a network.

    Parameters
    ----------
    path : Path
        A `.keras` archive.

    Returns
    -------
    keras.Model
        The trained network, from inputs of shape (n, 9) to probabilities, or to GB or seconds.

    Raises
    ------
    InputError
        If there is no such file, or Keras cannot read it.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file (network writes it)")
    import_tensorflow()
    import keras  # start-up: TensorFlow is set up before

    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: is not a model that Keras can read ({error})") from error
