"""The repository: datasets in files, whose names come from templates that the framework writes.

Modules that open files are imported where they are used: a step reads few kinds, and numpy and astropy take most of
its start.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.hsc.errors import InputError
from pipelines.hsc.repository.data_id import DataId, format_data_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.hsc.pixels.background import SkyBackground
    from pipelines.hsc.pixels.exposure import Exposure
    from pipelines.hsc.repository.registry import ButlerRegistry
    from pipelines.hsc.sky.geometry import SkyMap

TEMPLATES = "config/templates.json"


@dataclass(frozen=True)
class Repository:
    """Data by dataset and data id, written to one directory, and read from there or else from another."""

    inputs: Path
    outputs: Path
    #: For each dataset the names to try in turn, `%(key)` standing for a value and, when reading, `*` for any text.
    templates: Mapping[str, Sequence[str]]

    @classmethod
    def open(cls, inputs: Path, outputs: Path) -> "Repository":
        """Open a repository with the templates in the directory that is read.

        Raises
        ------
        InputError
            If the templates are missing or unusable.
        """
        return cls(inputs, outputs, read_templates(inputs / TEMPLATES))

    def file_names(self, dataset: str, data_id: DataId) -> list[str]:
        """Return file names below the repository: the one to write to, then the others to look for.

        Raises
        ------
        InputError
            If there is no template, or the data id lacks a key of it.
        """
        return [self._fill_template(dataset, template, data_id) for template in self._find_templates(dataset)]

    def output_path(self, dataset: str, **data_id: str | int) -> Path:
        """Return the path to write to, by the dataset's first template; its folder is made.

        Raises
        ------
        InputError
            If that template has a wildcard.
        """
        name = self.file_names(dataset, data_id)[0]
        if "*" in name:
            raise InputError(f"{TEMPLATES}: {dataset} is written here, so its first template may have no *: {name}")
        path = self.outputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def find_file(self, dataset: str, **data_id: str | int) -> Path:
        """Return the one file of a dataset and data id.

        Raises
        ------
        InputError
            If there is none, or more than one for a template.
        """
        names = self.file_names(dataset, data_id)
        for root in dict.fromkeys((self.outputs, self.inputs)):
            for name in names:
                found = sorted(root.glob(name)) if "*" in name else [root / name] * (root / name).exists()
                if len(found) > 1:
                    raise InputError(f"{root / name} means {len(found)} files: {', '.join(p.name for p in found)}")
                if found:
                    return found[0]
        described = format_data_id(data_id) or "anything"
        raise InputError(f"no {dataset} for {described}: {self.inputs / names[0]} is missing")

    def find_all(self, dataset: str) -> list[Path]:
        """Return all files of a dataset, whatever their data ids.

        Returns
        -------
        list of Path
            Files in the outputs and the inputs, sorted.

        Raises
        ------
        InputError
            If the dataset has no template.
        """
        patterns = [re.sub(r"%\(\w+\)[-0-9.]*[a-z]", "*", template) for template in self._find_templates(dataset)]
        roots = dict.fromkeys((self.outputs, self.inputs))
        return sorted({path for root in roots for pattern in patterns for path in root.glob(pattern)})

    @cached_property
    def registry(self) -> "ButlerRegistry":
        """Registry of raw images and calibration frames.

        Raises
        ------
        InputError
            If its file is missing.
        """
        from pipelines.hsc.repository.registry import ButlerRegistry  # few steps read it

        return ButlerRegistry.open(self.find_file("registry"))

    @cached_property
    def sky_map(self) -> "SkyMap":
        """Sky map of the survey.

        Raises
        ------
        InputError
            If its file is missing, or is no sky map.
        """
        from pipelines.hsc.sky.geometry import SkyMap  # few steps read it

        path = self.find_file("skyMap")
        try:
            return SkyMap.from_json(path.read_text(encoding="utf-8"))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def read_exposure(self, dataset: str, **data_id: str | int) -> "Exposure":
        """Read an image with its planes.

        Raises
        ------
        InputError
            If there is no such file, or it is no exposure.
        """
        from pipelines.hsc.pixels.exposure import read_exposure  # astropy: start-up

        return read_exposure(self.find_file(dataset, **data_id))

    def write_exposure(self, dataset: str, exposure: "Exposure", **data_id: str | int) -> None:
        """Write an image with its planes.

        Raises
        ------
        InputError
            If the dataset has no template to write to, or the data id lacks a key of it.
        OSError
            If the file cannot be written.
        """
        from pipelines.hsc.pixels.exposure import write_exposure  # astropy: start-up

        write_exposure(exposure, self.output_path(dataset, **data_id))

    def write_background(self, dataset: str, background: "SkyBackground", **data_id: str | int) -> None:
        """Write the mesh of a sky background.

        Raises
        ------
        InputError
            If the dataset has no template to write to, or the data id lacks a key of it.
        OSError
            If the file cannot be written.
        """
        from pipelines.hsc.pixels.background import write_background  # astropy: start-up

        write_background(background, self.output_path(dataset, **data_id))

    def read_table(self, dataset: str, **data_id: str | int) -> "NDArray[Any]":
        """Read a catalogue.

        Returns
        -------
        structured array, shape (rows,)
            The columns of the dataset.

        Raises
        ------
        InputError
            If there is no such file, or its columns are not those of the dataset.
        """
        from pipelines.hsc.catalogues.catalogue import read_catalogue  # astropy: start-up

        return read_catalogue(self.find_file(dataset, **data_id), dataset)

    def write_table(self, dataset: str, table: "NDArray[Any]", **data_id: str | int) -> None:
        """Write a catalogue, if the schema file of its dataset agrees.

        Raises
        ------
        InputError
            If the schema file is missing or differs from this software's columns.
        """
        from pipelines.hsc.catalogues.catalogue import write_catalogue  # astropy: start-up

        self.check_schema(dataset)
        write_catalogue(table, self.output_path(dataset, **data_id), dataset, data_id)

    def check_schema(self, dataset: str) -> None:
        """Check that the schema file of a dataset agrees with this software.

        Raises
        ------
        InputError
            If the schema file is missing or differs from this software's columns.
        """
        from pipelines.hsc.catalogues.catalogue import check_schema  # astropy: start-up
        from pipelines.hsc.catalogues.schema import SOFTWARE_VERSION  # with it

        check_schema(self.find_file("schema", catalogue=dataset, version=SOFTWARE_VERSION), dataset)

    def _find_templates(self, dataset: str) -> Sequence[str]:
        # Some languages of configurations do not keep capitals.
        dataset = dataset if dataset in self.templates else dataset.lower()
        if dataset not in self.templates:
            raise InputError(f"{self.inputs / TEMPLATES} has no template for {dataset}")
        return self.templates[dataset]

    def _fill_template(self, dataset: str, template: str, data_id: DataId) -> str:
        try:
            name = template % self._complete_data_id(template, data_id)
        except KeyError as error:
            raise InputError(f"{TEMPLATES}: {dataset} needs {error}, which {format_data_id(data_id)} lacks") from error
        except (TypeError, ValueError) as error:
            raise InputError(f"{TEMPLATES}: {dataset}: {template!r} cannot be filled in: {error}") from error
        if ".." in Path(name).parts:
            raise InputError(f"{dataset} for {format_data_id(data_id)} leaves the repository: {name}")
        return name

    def _complete_data_id(self, template: str, data_id: DataId) -> dict[str, object]:
        """Return the data id, with the registry's values of its visit and ccd if the template needs more keys."""
        try:
            template % data_id
        except KeyError:
            if "visit" in data_id and "ccd" in data_id:
                return {**self.registry.find_raw(int(data_id["visit"]), int(data_id["ccd"])).data_id, **data_id}
        return dict(data_id)


def read_templates(path: Path) -> dict[str, list[str]]:
    """Read the file names of each dataset: one template, or several to try in turn.

    Raises
    ------
    InputError
        If the file is missing, is no JSON, maps a dataset to anything else, or leads out of the repository.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: it maps datasets to file names") from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    if not isinstance(entries, dict):
        raise InputError(f"{path} must map datasets to file names")
    return {dataset: _check_names(path, dataset, value) for dataset, value in entries.items()}


def _check_names(path: Path, dataset: str, value: object) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: {dataset} must be a file name or a list of them, not {value!r}")
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
        raise InputError(f"{path}: {dataset} leaves the repository: {value!r}")
    return names
