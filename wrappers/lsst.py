"""Wrapper of programs like those of the LSST stack, which find their files by keys in a repository.

Settings:

``repository``        the directory of the repository
``template.DATASET``  one or more names of the dataset's files, written to ``config/templates.json`` of the repository
``untar_files``       labels of tar files (``file.x, ...``), each of which is unpacked in its own directory; links are
                      refused
``per_file_cmdline``  words added to the command line for each file of a list, such as
                      ``list.x.y:--selectId visit=$(visit) ccd=$(ccd)``
``add_cmdline``       words added once, such as ``filter='^'.join(list.x.y.filter)``: the values of one key joined, each
                      value once, in the order of the list

Several words of the last two are separated by semicolons. They are not evaluated as Python.
"""

from __future__ import annotations

import json
import lzma
import os
import re
import shlex
import shutil
import tarfile
import tempfile
import threading
import zlib

from wrappers import Generic, Work, WrapperError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Members = Mapping[str, list[Mapping[str, str]]]

KEY = re.compile(r"\$\((\w+)\)")
JOIN = re.compile(r"""(['"])(?P<separator>[^'"]*)\1\.join\((?P<list>[\w.-]+)\.(?P<key>\w+)\)""")
TEMPLATE = "template."
#: Held while files are unpacked: calls of one job share its directory, and may run at the same time.
_unpacking = threading.Lock()


class Wrapper(Generic):
    """A wrapper that prepares a repository, and adds words for the files of lists to the command line."""

    def inputs(self, work: Work) -> None:
        repository = work.settings.get("repository")
        if not repository:
            raise WrapperError("no repository: set it in the section <wrapper>")
        with _unpacking:
            _write_templates(repository, work.settings)
            for label in _split_names(work.settings.get("untar_files", "")):
                for path in work.inputs.get(label, []):
                    _unpack(path)

    def arguments(self, settings: Mapping[str, str], members: Members) -> list[str]:
        words = []
        for part in _split_parts(settings.get("per_file_cmdline", "")):
            label, colon, template = part.partition(":")
            if not colon:
                raise WrapperError(f"per_file_cmdline = {part}: write it as list.label.file:words")
            for member in _list_members(label.strip(), members):
                words += [_fill_keys(word, member) for word in shlex.split(template)]
        for part in _split_parts(settings.get("add_cmdline", "")):
            words += shlex.split(JOIN.sub(lambda join: shlex.quote(_join_values(join, members)), part))
        return words


def _write_templates(repository: str, settings: Mapping[str, str]) -> None:
    """Write the file names of each dataset, one or several, to the repository's templates."""
    templates: dict[str, str | list[str]] = {}
    for key, text in settings.items():
        if key.startswith(TEMPLATE):
            names = _split_names(text)
            templates[key.removeprefix(TEMPLATE)] = names if len(names) > 1 else text
    path = os.path.join(repository, "config", "templates.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(templates, file, indent=1)
    os.replace(path + ".part", path)


def _unpack(path: str) -> None:
    """Unpack the directories and plain files of a tar file in its own directory; WrapperError for anything else.

    The filters of tarfile are not in every Python 3.11, and follow links that lead out of the directory by a long way.
    """
    root = os.path.realpath(os.path.dirname(path))
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                _unpack_member(tar, member, root)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        raise WrapperError(f"{path} cannot be unpacked: {error}") from error


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, root: str) -> None:
    """Write a member of a tar file below a directory; raise TarError for a link, and for a path that leads out."""
    name = os.path.normpath(member.name)
    if not (member.isdir() or member.isreg()):
        raise tarfile.TarError(f"{member.name!r} is a link or a device, which is not unpacked")
    target = os.path.join(root, name)
    directory = target if member.isdir() else os.path.dirname(target)
    if os.path.isabs(name) or name.split(os.sep)[0] == os.pardir:
        raise tarfile.TarError(f"{member.name!r} leads out of the directory of the tar file")
    if os.path.realpath(directory) != directory:
        raise tarfile.TarError(f"{member.name!r} leads through a link")
    os.makedirs(directory, exist_ok=True)
    if member.isreg() and (stored := tar.extractfile(member)) is not None:
        # Whoever reads the file meanwhile has the old one or the new one, whole.
        with tempfile.NamedTemporaryFile(dir=directory, delete=False) as part, stored:
            shutil.copyfileobj(stored, part)
        os.chmod(part.name, 0o644 | member.mode & 0o111)
        os.utime(part.name, (member.mtime, member.mtime))
        os.replace(part.name, target)


def _split_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _split_parts(text: str) -> Sequence[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _list_members(label: str, members: Members) -> list[Mapping[str, str]]:
    """Return the keys of each file of a list."""
    if label not in members:
        raise WrapperError(f"there is no list of files '{label}'; there is: {', '.join(members) or 'none'}")
    return members[label]


def _fill_keys(word: str, member: Mapping[str, str]) -> str:
    """Replace each ``$(key)`` of a word by the value of a file's key."""

    def value(key: re.Match[str]) -> str:
        if key[1].lower() not in member:
            raise WrapperError(f"$({key[1]}): the files of the list have no such key; they have {', '.join(member)}")
        return member[key[1].lower()]

    return KEY.sub(value, word)


def _join_values(join: re.Match[str], members: Members) -> str:
    """Join the values of one key of a list's files, each value once."""
    values = []
    for member in _list_members(join["list"], members):
        if join["key"].lower() not in member:
            raise WrapperError(f"{join[0]}: the files of the list have no key '{join['key']}'")
        values.append(member[join["key"].lower()])
    return join["separator"].join(dict.fromkeys(values))
