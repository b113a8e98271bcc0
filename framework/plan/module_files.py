"""Files and lists of a module: read once, and resolved for each of its calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial

from msgspec.structs import replace

from framework.model.job import File, ListFile
from framework.pipeline.definition import FileDefinition, ListDefinition, ModuleDefinition, NamingDefinition
from framework.pipeline.file_rules import FileRules
from framework.pipeline.problems import error_at, suggest_name
from framework.pipeline.text_template import ModuleScope
from framework.plan.file_lines import LineSources, find_lines, known_names
from framework.plan.file_names import FileNaming
from framework.plan.list_files import ListStyle, sort_lines
from framework.plan.products import FileLine, Sublists
from wcl import Quoted, Scope, Section

#: A function that gives a file of a line this module's label and path, for a call with some loop values.
Relabeller = Callable[[File, FileLine, Mapping[str, str]], File]
#: A function that makes a list file of a call from its lines; with the paths of files that may be missing.
ListWriter = Callable[[Sequence[FileLine], Mapping[str, str], tuple[tuple[str, ...], ...]], ListFile]


class CallObjects:
    """Files and lists of one call."""

    __slots__ = ("inputs", "lines", "lists", "outputs")

    def __init__(self) -> None:
        self.inputs: list[File] = []
        self.outputs: list[File] = []
        self.lists: list[ListFile] = []
        #: Lines of each list that is read, in the order of the list.
        self.lines: dict[str, list[FileLine]] = {}

    def list_members(self, values: Mapping[str, str]) -> dict[str, list[Mapping[str, str]]]:
        """Return the keys of each member of the lists, by label and nickname: ``list.corr.img_corr``."""
        members: dict[str, list[Mapping[str, str]]] = {}
        for label, lines in self.lines.items():
            for line in lines:
                for nick, file in zip(line.nicks, line.files, strict=True):
                    keys = {**values, **file.metadata, **line.keys, "fullname": file.job_path}
                    members.setdefault(f"list.{label}.{nick}", []).append(keys)
        return members


class ModuleFiles:
    """Files and lists of a module."""

    def __init__(self, module: ModuleDefinition, scope: Scope, rules: FileRules, sources: LineSources) -> None:
        self._module = module
        self._scope = scope
        self._rules = rules
        self._sources = sources
        self._read_definitions()
        self._find_all_lines()
        self._relabellers = self._make_relabellers()
        self._writers = {label: self._list_writers(part) for label, part in self._used_lists.items()}
        self._allows_several = {label: part.allows_several for label, part in module.files.items()}
        self._allows_missing = {label: part.allows_missing for label, part in self._used_lists.items()}
        self._add_products()

    @property
    def may_be_empty(self) -> bool:
        """True if the object of the loop may be empty."""
        part = self._module.objects.get(self._module.loop_object)
        return part is not None and part.allows_empty

    def loop_values(self) -> list[tuple[str, ...]]:
        """Return the combinations of values that the loop keys have in the loop's object, sorted."""
        module = self._module
        kind, _, label = module.loop_object.partition(".")
        lines = {"list": self._list_lines, "file": self._file_lines}.get(kind, {}).get(label)
        position = module.section.position("loopobj")
        if lines is None:
            known = [f"file.{name}" for name in self._file_lines] + [f"list.{name}" for name in self._list_lines]
            hint = suggest_name(module.loop_object, known)
            raise error_at(position, f"unknown object '{module.loop_object}'", hint)
        combinations = Sublists(lines, module.loop, position, module.loop_object).combinations()
        found = sorted(combinations, key=_natural_key)
        # They are data: a comma or a dollar in one is text.
        quoted = {value: Quoted(value) for values in found for value in values}
        return [tuple(quoted[value] for value in values) for values in found]

    def resolve(self, values: Mapping[str, str]) -> CallObjects:
        """Return the files and lists of the call with these loop values."""
        files = CallObjects()
        for label in self._outputs:
            files.outputs += self._namings[label].make(values)
        for label in self._inputs:
            files.inputs += self._resolve_file(label, values)
        for label in self._used_lists:
            self._resolve_list(label, values, files)
        return files

    def _resolve_file(self, label: str, values: Mapping[str, str]) -> Iterable[File]:
        if label not in self._subfiles:
            return self._resolve_by_name(label, values)
        lines = self._subfiles[label].matching(values)
        if len(lines) > 1 and not self._allows_several[label]:
            message = f"{len(lines)} files to choose from for file.{label}, such as {lines[0].first.path}"
            hint = "give it match = keys, or make it a list"
            raise error_at(self._module.files[label].position, message, hint)
        relabel = self._relabellers[f"file.{label}"]
        return [relabel(line.file(label), line, values) for line in lines]

    def _resolve_by_name(self, label: str, values: Mapping[str, str]) -> list[File]:
        """Return the files of a name: those that an earlier call makes under it, or else files of the archive."""
        naming = self._namings[label]
        files = []
        for file in naming.make(values):
            made = self._sources.products.find_file(file.path)
            files.append(naming.relabel(made[1], f"file.{label}", values) if made else file)
        return files

    def _resolve_list(self, label: str, values: Mapping[str, str], files: CallObjects) -> None:
        part, may_miss = self._used_lists[label], self._allows_missing[label]
        # Only a list that is empty as a whole has no lines for a call.
        lines = self._sublists[label].matching(values) if self._list_lines[label] else ()
        relabelled = sort_lines([self._relabel_line(label, line, values) for line in lines], part)
        may_miss = may_miss or any([file.optional for line in relabelled for file in line.files])
        paths = _paths_of_lines(relabelled) if may_miss else ()
        for write in self._writers[label]:
            files.lists.append(write(relabelled, values, paths))
        for line in relabelled:
            files.inputs += line.files
        files.lines[label] = relabelled

    def _relabel_line(self, label: str, line: FileLine, values: Mapping[str, str]) -> FileLine:
        files = []
        for nick, file in zip(line.nicks, line.files, strict=True):
            relabelled = self._relabellers[f"list.{label}.{nick}"](file, line, values)
            files.append(replace(relabelled, optional=True) if self._allows_missing[label] else relabelled)
        return FileLine(nicks=line.nicks, files=tuple(files), keys=line.keys)

    # ---- reading of the objects

    def _read_definitions(self) -> None:
        files = self._module.files
        self._outputs = [label for label in files if f"file.{label}" in self._module.made]
        self._inputs = [
            label for label, part in files.items() if f"file.{label}" in self._module.used and not part.is_list_only
        ]
        self._namings = {label: self._file_naming(part) for label, part in files.items()}
        self._used_lists = {label: part for label, part in self._module.lists.items() if _is_used(part, self._module)}

    def _find_all_lines(self) -> None:
        """Find the lines of all objects, and divide them by the keys that calls have."""
        self._list_lines = self._find_list_lines()
        self._file_lines = self._find_file_lines()
        self._sublists = {
            label: Sublists(self._list_lines[label], part.divide_by, part.position, f"list.{label}")
            for label, part in self._used_lists.items()
        }
        self._subfiles = {label: self._divide_file(label) for label in self._inputs if label in self._file_lines}

    def _add_products(self) -> None:
        """Let later modules depend on the objects that this module reads."""
        products = self._sources.products
        for label, lines in self._file_lines.items():
            products.add_lines(self._module.name, f"file.{label}", lines)
        for label, lines in self._list_lines.items():
            products.add_lines(self._module.name, f"list.{label}", lines)

    def _find_list_lines(self) -> dict[str, list[FileLine]]:
        lists = self._module.lists
        order = [label for label in self._module.list_order if label in lists]
        return {label: self._find_lines_of_list(lists[label]) for label in dict.fromkeys([*order, *lists])}

    def _find_lines_of_list(self, part: ListDefinition) -> list[FileLine]:
        nicknames = self._nicknames(part.label)
        source = part.section.get("depends", "")
        inherited = source.rpartition(".")[2] if isinstance(source, str) else ""
        naming = self._namings.get(nicknames[0]) if nicknames else None
        nickname = nicknames[0] if nicknames else inherited or part.label
        return self._find_lines(part, nickname, naming)

    def _find_file_lines(self) -> dict[str, list[FileLine]]:
        return {
            label: self._find_lines(part, label, self._namings[label])
            for label, part in self._module.files.items()
            if part.has_source and label not in self._outputs
        }

    def _find_lines(
        self, part: ListDefinition | FileDefinition, nickname: str, naming: FileNaming | None
    ) -> list[FileLine]:
        rename = partial(_rename, nickname=nickname, naming=naming) if naming else None
        return find_lines(part, nickname, self._scope, self._sources, rename)

    def _nicknames(self, label: str) -> list[str]:
        """Return the nicknames by which the module's programs use a list's files."""
        used = (name.split(".") for step in self._module.execs for name in step.used)
        return list(dict.fromkeys(parts[2] for parts in used if parts[:2] == ["list", label] and len(parts) > 2))

    def _divide_file(self, label: str) -> Sublists:
        part, lines = self._module.files[label], self._file_lines[label]
        if part.match is not None:
            keys = part.match
        else:
            # A file's own keys tell it from its siblings: what the loop shares with them finds the right one.
            keys = tuple(key for key in self._module.loop if all(line.value(key) is not None for line in lines))
        return Sublists(lines, keys, part.position, f"file.{label}")

    def _make_relabellers(self) -> dict[str, Relabeller]:
        relabellers = {
            f"file.{label}": self._relabeller(f"file.{label}", label, lines)
            for label, lines in self._file_lines.items()
        }
        for label in self._used_lists:
            lines = self._list_lines[label]
            for nick in dict.fromkeys(nick for line in lines for nick in line.nicks):
                relabellers[f"list.{label}.{nick}"] = self._relabeller(f"list.{label}.{nick}", nick, lines)
        return relabellers

    def _relabeller(self, label: str, nickname: str, lines: Iterable[FileLine]) -> Relabeller:
        naming = self._namings.get(nickname)
        if naming is None:
            return lambda file, line, values: file.relabelled(label, file.job_path, "")
        if not naming.sets_directory:
            return lambda file, line, values: naming.relabel(file, label)
        ours = naming.with_loop((*self._module.loop, *known_names(lines)))

        def relabel(file: File, line: FileLine, values: Mapping[str, str]) -> File:
            return ours.relabel(file, label, line.keys, values, file.metadata)

        return relabel

    def _list_writers(self, part: ListDefinition) -> list[ListWriter]:
        return [self._list_writer(f"list.{label}", section, part) for label, section in part.parts]

    def _list_writer(self, label: str, section: Section, part: ListDefinition) -> ListWriter:
        naming = self._naming(label, section, self._module.loop)
        style = ListStyle(section, part.position)

        def write(lines: Sequence[FileLine], values: Mapping[str, str], paths: tuple[tuple[str, ...], ...]) -> ListFile:
            target = naming.make(values)[0]
            return ListFile(label=label, job_path=target.job_path, lines=style.lines(lines, values), files=paths)

        return write

    def _file_naming(self, part: FileDefinition) -> FileNaming:
        # Names of files that come from elsewhere depend on the keys of those files, which nobody knows yet.
        loop = None if part.has_source or part.is_list_only else self._module.loop
        return self._naming(f"file.{part.label}", part.section, loop)

    def _naming(self, label: str, section: Section, loop: Sequence[str] | None) -> FileNaming:
        definition = NamingDefinition(label=label, section=section, is_output=label in self._module.made)
        return FileNaming(definition, self._rules, ModuleScope(self._scope, loop))


def _is_used(part: ListDefinition, module: ModuleDefinition) -> bool:
    """Return whether a program of the module uses a list."""
    labels = part.part_labels
    used = (name.split(".") for name in module.used if "." in name)
    return any(kind == "list" and label in labels for kind, label, *_ in used)


def _paths_of_lines(lines: list[FileLine]) -> tuple[tuple[str, ...], ...]:
    return tuple([tuple([file.path for file in line.files]) for line in lines])


def _rename(lines: list[FileLine], nickname: str, naming: FileNaming) -> list[FileLine]:
    """Return lines with the same keys, and files of this object's own names."""
    ours = naming.with_loop(known_names(lines))
    return [
        FileLine(nicks=(nickname,), files=(ours.make({**line.first.metadata, **line.keys})[0],), keys=line.keys)
        for line in lines
    ]


def _natural_key(values: tuple[str, ...]) -> tuple[tuple[int, int, str], ...]:
    """Sort numbers by value and before words, so that ccd 2 comes before ccd 10."""
    return tuple(map(_natural_value, values))


@lru_cache(65536)
def _natural_value(value: str) -> tuple[int, int, str]:
    return (0, int(value), value) if value.isdecimal() else (1, 0, value)
