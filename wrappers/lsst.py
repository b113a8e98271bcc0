"""Programs of the LSST stack's kind, which find their files by keys in a repository.

Settings: ``repository`` is where the programs look; ``template.<dataset> = name[, name]`` says what their files are
called there, and goes into ``config/templates.json``; ``untar_files = file.x, ...`` unpacks archives beside themselves.
``per_file_cmdline = list.x.y:--selectId visit=$(visit) ccd=$(ccd)`` adds these words for each file of the
list; ``add_cmdline = filter='^'.join(list.x.y.filter)`` adds them once, the values of one key joined, each value once
and in the order of the list. Several of either are separated by semicolons. Nothing of it is evaluated.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import tarfile
import threading

from wrappers import Generic, Work, WrapperError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Members = Mapping[str, list[Mapping[str, str]]]

KEY = re.compile(r"\$\((\w+)\)")
JOIN = re.compile(r"""(['"])(?P<between>[^'"]*)\1\.join\((?P<list>[\w.-]+)\.(?P<key>\w+)\)""")


TEMPLATE = "template."
#: What was unpacked in this job's directory: calls of one job share it, and may come at the same time.
_unpacking = threading.Lock()


class Wrapper(Generic):
    """Sets the repository up, and builds the words that a list of files stands for."""

    def inputs(self, work: Work) -> None:
        repository = work.settings.get("repository")
        if not repository:
            raise WrapperError("no repository: set it in the section <wrapper>")
        with _unpacking:
            _write_templates(repository, work.settings)
            for label in _names(work.settings.get("untar_files", "")):
                for path in work.inputs.get(label, []):
                    _unpack(path)

    def arguments(self, settings: Mapping[str, str], members: Members) -> list[str]:
        found = []
        for part in _parts(settings.get("per_file_cmdline", "")):
            label, colon, template = part.partition(":")
            if not colon:
                raise WrapperError(f"per_file_cmdline = {part}: it is list.label.file:words")
            for member in _of(label.strip(), members):
                found += [_filled(word, member) for word in shlex.split(template)]
        for part in _parts(settings.get("add_cmdline", "")):
            found += shlex.split(JOIN.sub(lambda join: shlex.quote(_joined(join, members)), part))
        return found


def _write_templates(repository: str, settings: Mapping[str, str]) -> None:
    """A dataset's name, or several of them to look for."""
    templates: dict[str, str | list[str]] = {}
    for key, text in settings.items():
        if key.startswith(TEMPLATE):
            names = _names(text)
            templates[key.removeprefix(TEMPLATE)] = names if len(names) > 1 else text
    place = os.path.join(repository, "config", "templates.json")
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place + ".part", "w", encoding="utf-8") as file:
        json.dump(templates, file, indent=1)
    os.replace(place + ".part", place)


def _unpack(path: str) -> None:
    """Unpack a tar beside itself; no member may leave that directory."""
    try:
        with tarfile.open(path) as tar:
            tar.extractall(os.path.dirname(path) or ".", filter="data")
    except (OSError, tarfile.TarError) as error:
        raise WrapperError(f"{path} cannot be unpacked: {error}") from error


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _parts(text: str) -> Sequence[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _of(label: str, members: Members) -> list[Mapping[str, str]]:
    if label not in members:
        raise WrapperError(f"there is no list of files '{label}'; there is: {', '.join(members) or 'none'}")
    return members[label]


def _filled(word: str, member: Mapping[str, str]) -> str:
    def value(key: re.Match[str]) -> str:
        if key[1].lower() not in member:
            raise WrapperError(f"$({key[1]}): the files of the list have no such key; they have {', '.join(member)}")
        return member[key[1].lower()]

    return KEY.sub(value, word)


def _joined(join: re.Match[str], members: Members) -> str:
    values = []
    for member in _of(join["list"], members):
        if join["key"].lower() not in member:
            raise WrapperError(f"{join[0]}: the files of the list have no key '{join['key']}'")
        values.append(member[join["key"].lower()])
    return join["between"].join(dict.fromkeys(values))
