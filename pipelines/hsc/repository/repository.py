"""Where data are: file names come from templates that the framework writes, and are only looked up here."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.hsc.errors import InputError
from pipelines.hsc.repository.data_id import DataId, spell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.hsc.pixels.background import Background
    from pipelines.hsc.pixels.exposure import Exposure
    from pipelines.hsc.repository.registry import Registry
    from pipelines.hsc.sky.geometry import SkyMap

TEMPLATES = "config/templates.json"


@dataclass(frozen=True)
class Repository:
    """Data by dataset and data id; written to one directory, read from there or else from the other."""

    inputs: Path
    outputs: Path
    #: For each dataset the names to try in turn, `%(key)` standing for a value and, when reading, `*` for any text.
    templates: Mapping[str, Sequence[str]]

    @classmethod
    def open(cls, inputs: Path, outputs: Path) -> "Repository":
        """With the templates in the directory that is read."""
        return cls(inputs, outputs, read_templates(inputs / TEMPLATES))

    def names(self, dataset: str, data_id: DataId) -> list[str]:
        """Its names below the repository: the one it is written to, then those to look for as well."""
        return [self._name(dataset, template, data_id) for template in self._templates(dataset)]

    def place(self, dataset: str, **data_id: str | int) -> Path:
        """Where to write, after the dataset's first template; the folder is made."""
        name = self.names(dataset, data_id)[0]
        if "*" in name:
            raise InputError(f"{TEMPLATES}: {dataset} is written here, so its first template may have no *: {name}")
        path = self.outputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def find(self, dataset: str, **data_id: str | int) -> Path:
        """The one file of this name."""
        names = self.names(dataset, data_id)
        for root in dict.fromkeys((self.outputs, self.inputs)):
            for name in names:
                found = sorted(root.glob(name)) if "*" in name else [root / name] * (root / name).exists()
                if len(found) > 1:
                    raise InputError(f"{root / name} means {len(found)} files: {', '.join(p.name for p in found)}")
                if found:
                    return found[0]
        raise InputError(f"no {dataset} for {spell(data_id) or 'anything'}: {self.inputs / names[0]} is missing")

    def every(self, dataset: str) -> list[Path]:
        """All files of a dataset, whatever their data ids."""
        patterns = [re.sub(r"%\(\w+\)[-0-9.]*[a-z]", "*", template) for template in self._templates(dataset)]
        roots = dict.fromkeys((self.outputs, self.inputs))
        return sorted({path for root in roots for pattern in patterns for path in root.glob(pattern)})

    @cached_property
    def registry(self) -> "Registry":
        """What is known of raw images and calibrations."""
        from pipelines.hsc.repository.registry import Registry

        return Registry.open(self.find("registry"))

    @cached_property
    def sky_map(self) -> "SkyMap":
        from pipelines.hsc.sky.geometry import SkyMap

        path = self.find("skyMap")
        try:
            return SkyMap.parse(path.read_text(encoding="utf-8"))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def exposure(self, dataset: str, **data_id: str | int) -> "Exposure":
        from pipelines.hsc.pixels.exposure import read_exposure

        return read_exposure(self.find(dataset, **data_id))

    def put_exposure(self, dataset: str, exposure: "Exposure", **data_id: str | int) -> None:
        from pipelines.hsc.pixels.exposure import write_exposure

        write_exposure(exposure, self.place(dataset, **data_id))

    def put_background(self, dataset: str, background: "Background", **data_id: str | int) -> None:
        from pipelines.hsc.pixels.background import write_background

        write_background(background, self.place(dataset, **data_id))

    def table(self, dataset: str, **data_id: str | int) -> "NDArray[Any]":
        from pipelines.hsc.catalogues.catalogue import read_catalogue

        return read_catalogue(self.find(dataset, **data_id), dataset)

    def put_table(self, dataset: str, table: "NDArray[Any]", **data_id: str | int) -> None:
        """Refused where the schema file of this dataset says otherwise."""
        from pipelines.hsc.catalogues.catalogue import write_catalogue

        self.check_schema(dataset)
        write_catalogue(table, self.place(dataset, **data_id), dataset, data_id)

    def check_schema(self, dataset: str) -> None:
        """The schema file of a catalogue agrees with this software."""
        from pipelines.hsc.catalogues.catalogue import check_schema
        from pipelines.hsc.catalogues.schema import SOFTWARE_VERSION

        check_schema(self.find("schema", catalogue=dataset, version=SOFTWARE_VERSION), dataset)

    def _templates(self, dataset: str) -> Sequence[str]:
        # Some languages of configurations do not keep capitals.
        dataset = dataset if dataset in self.templates else dataset.lower()
        if dataset not in self.templates:
            raise InputError(f"{self.inputs / TEMPLATES} has no template for {dataset}")
        return self.templates[dataset]

    def _name(self, dataset: str, template: str, data_id: DataId) -> str:
        try:
            name = template % self._complete(template, data_id)
        except KeyError as error:
            raise InputError(f"{TEMPLATES}: {dataset} needs {error}, which {spell(data_id)} lacks") from error
        except (TypeError, ValueError) as error:
            raise InputError(f"{TEMPLATES}: {dataset}: {template!r} cannot be filled in: {error}") from error
        if ".." in Path(name).parts:
            raise InputError(f"{dataset} for {spell(data_id)} leaves the repository: {name}")
        return name

    def _complete(self, template: str, data_id: DataId) -> dict[str, Any]:
        """With what the registry knows of the visit and ccd, if the template wants more than was given."""
        try:
            template % data_id
        except KeyError:
            if "visit" in data_id and "ccd" in data_id:
                return {**self.registry.raw(int(data_id["visit"]), int(data_id["ccd"])).data_id, **data_id}
        return dict(data_id)


def read_templates(path: Path) -> dict[str, list[str]]:
    """The file names of each dataset: one template, or several to try in turn."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: it maps datasets to file names") from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    if not isinstance(entries, dict):
        raise InputError(f"{path} must map datasets to file names")
    return {dataset: _names(path, dataset, value) for dataset, value in entries.items()}


def _names(path: Path, dataset: str, value: object) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: {dataset} must be a file name or a list of them, not {value!r}")
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
        raise InputError(f"{path}: {dataset} leaves the repository: {value!r}")
    return names
