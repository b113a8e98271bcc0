"""Programs of the LSST stack's kind, which find their files by keys in a repository.

Settings: ``per_file_cmdline = list.x.y:--selectId visit=$(visit) ccd=$(ccd)`` adds these words for each file of the
list; ``add_cmdline = filter='^'.join(list.x.y.filter)`` adds them once, the values of one key joined, each value once
and in the order of the list. Several of either are separated by semicolons. Nothing of it is evaluated.
"""

from __future__ import annotations

import re
import shlex

from wrappers import Generic, WrapperError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Members = Mapping[str, list[Mapping[str, str]]]

KEY = re.compile(r"\$\((\w+)\)")
JOIN = re.compile(r"""(['"])(?P<between>[^'"]*)\1\.join\((?P<list>[\w.-]+)\.(?P<key>\w+)\)""")


class Wrapper(Generic):
    """Builds the words that a list of files stands for."""

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
