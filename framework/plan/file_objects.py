"""Objects: the files and lists of a module, read once and resolved for each of its calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from msgspec.structs import replace

from framework.model.plan import File, ListFile
from framework.pipeline.definition import FileDefinition, ListDefinition, ModuleDefinition
from framework.pipeline.problems import error_at, suggest_name
from framework.plan.file_lines import LineSources, flag, is_sourced, lines_of, names_known, placed
from framework.plan.file_names import FileNaming
from framework.plan.list_files import ListStyle, in_order
from framework.plan.products import FileLine, Sublists
from wcl import Quoted, Scope, Section

#: Gives a file of a line, for a call with some loop values, the module's name and place.
Placing = Callable[[File, FileLine, Mapping[str, str]], File]
#: Writes lines for a call as a list, with the paths of files that may be missing.
Writer = Callable[[Sequence[FileLine], Mapping[str, str], tuple[tuple[str, ...], ...]], ListFile]


class CallFiles:
    """What one call reads, makes and is given as lists."""

    __slots__ = ("inputs", "lines", "lists", "outputs")

    def __init__(self) -> None:
        self.inputs: list[File] = []
        self.outputs: list[File] = []
        self.lists: list[ListFile] = []
        #: The lines of each list that is read, in the order of the list.
        self.lines: dict[str, list[FileLine]] = {}

    def members(self, values: Mapping[str, str]) -> dict[str, list[Mapping[str, str]]]:
        """``list.corr.img_corr`` to what is known of each of its files, in the order of the list."""
        found: dict[str, list[Mapping[str, str]]] = {}
        for label, lines in self.lines.items():
            for line in lines:
                for nick, file in zip(line.nicks, line.files, strict=True):
                    known = {**values, **file.metadata, **line.keys, "fullname": file.job_path}
                    found.setdefault(f"list.{label}.{nick}", []).append(known)
        return found


class Objects:
    """The objects of a module."""

    def __init__(
        self, module: ModuleDefinition, scope: Scope, pipeline: Section, submit_directory: str, sources: LineSources
    ) -> None:
        self._module = module
        self._scope = scope
        self._pipeline = pipeline
        self._submit_directory = submit_directory
        self._sources = sources
        self._made = [label for label in module.files if f"file.{label}" in module.made]
        self._read = [label for label in module.files if f"file.{label}" in module.used and not self._is_member(label)]
        self._namings = {label: self._naming(f"file.{label}", part.section) for label, part in module.files.items()}
        self._lists = {label: part for label, part in module.lists.items() if self._is_used(label)}
        order = [label for label in module.list_order if label in module.lists]
        self._lines = {label: self._list_lines(module.lists[label]) for label in dict.fromkeys([*order, *module.lists])}
        self._file_lines = {
            label: lines_of(part, label, scope, sources, self._namings[label])
            for label, part in module.files.items()
            if is_sourced(part.section) and label not in self._made
        }
        self._sublists = {label: self._divide_list(part) for label, part in self._lists.items()}
        self._subfiles = {
            label: self._divide_file(module.files[label]) for label in self._read if label in self._file_lines
        }
        self._placings = {
            f"file.{label}": self._placing(f"file.{label}", label, lines) for label, lines in self._file_lines.items()
        }
        for label in self._lists:
            lines = self._lines[label]
            for nick in dict.fromkeys(nick for line in lines for nick in line.nicks):
                self._placings[f"list.{label}.{nick}"] = self._placing(f"list.{label}.{nick}", nick, lines)
        self._writers = {label: self._list_writers(label, part) for label, part in self._lists.items()}
        self._several = {label: flag(part.section, "ignore_multiple_error") for label, part in module.files.items()}
        self._may_miss = {label: flag(part.section, "allow_missing") for label, part in self._lists.items()}
        for label, lines in self._file_lines.items():
            sources.products.add_lines(module.name, f"file.{label}", lines)
        for label, lines in self._lines.items():
            sources.products.add_lines(module.name, f"list.{label}", lines)

    @property
    def may_be_empty(self) -> bool:
        """Whether the loop may find nothing to loop over."""
        kind, _, label = self._module.loop_object.partition(".")
        parts: Mapping[str, ListDefinition | FileDefinition] = (
            self._module.lists if kind == "list" else self._module.files
        )
        return label in parts and flag(parts[label].section, "allow_empty")

    def loop_values(self) -> list[tuple[str, ...]]:
        """The combinations of the loop keys that exist in the loop's object, sorted."""
        kind, _, label = self._module.loop_object.partition(".")
        lines = {"list": self._lines, "file": self._file_lines}.get(kind, {}).get(label)
        position = self._module.section.position("loopobj")
        if lines is None:
            known = [f"file.{name}" for name in self._file_lines] + [f"list.{name}" for name in self._lines]
            raise error_at(
                position, f"unknown object '{self._module.loop_object}'", suggest_name(self._module.loop_object, known)
            )
        found = sorted(
            Sublists(lines, self._module.loop, position, self._module.loop_object).combinations(), key=_natural
        )
        # They are data: a comma or a dollar in one is text.
        data = {value: Quoted(value) for values in found for value in values}
        return [tuple(data[value] for value in values) for values in found]

    def resolve(self, values: Mapping[str, str]) -> CallFiles:
        """The files and lists of the call with these loop values."""
        found = CallFiles()
        for label in self._made:
            found.outputs += self._namings[label].make(values)
        for label in self._read:
            found.inputs += self._files(label, values)
        for label in self._lists:
            self._resolve_list(label, values, found)
        return found

    # ---- files

    def _files(self, label: str, values: Mapping[str, str]) -> Iterable[File]:
        if label not in self._subfiles:
            naming = self._namings[label]
            files = naming.make(values)
            made = [self._sources.products.at(file.path) for file in files]
            return [
                placed(found[1], file.label, naming, values) if found else file
                for file, found in zip(files, made, strict=True)
            ]
        lines = self._subfiles[label].matching(values)
        if len(lines) > 1 and not self._several[label]:
            message = f"{len(lines)} files to choose from for file.{label}, such as {lines[0].first.path}"
            raise error_at(self._module.files[label].position, message, hint="give it match = keys, or make it a list")
        placing = self._placings[f"file.{label}"]
        return [placing(line.file(label), line, values) for line in lines]

    def _placing(self, label: str, definition: str, lines: Iterable[FileLine]) -> Placing:
        """What gives a file of these lines this module's name and place."""
        naming = self._namings.get(definition)
        if naming is None or not naming.is_placed:
            return lambda file, line, values: placed(file, label, naming)
        ours = naming.open_to((*self._module.loop, *names_known(lines)))

        def placing(file: File, line: FileLine, values: Mapping[str, str]) -> File:
            return placed(file, label, ours, line.keys, values, file.metadata)

        return placing

    def _divide_file(self, part: FileDefinition) -> Sublists:
        lines = self._file_lines[part.label]
        if part.match is not None:
            keys = part.match
        else:
            # A file's own keys tell it from its siblings: what the loop shares with them finds the right one.
            keys = tuple(key for key in self._module.loop if all(line.value(key) is not None for line in lines))
        return Sublists(lines, keys, part.position, f"file.{part.label}")

    # ---- lists

    def _list_lines(self, part: ListDefinition) -> list[FileLine]:
        nicks = self._nicks(part.label)
        source = part.section.get("depends", "")
        inherited = source.rpartition(".")[2] if isinstance(source, str) else ""
        naming = self._namings.get(nicks[0]) if nicks else None
        return lines_of(part, nicks[0] if nicks else inherited or part.label, self._scope, self._sources, naming)

    def _nicks(self, label: str) -> list[str]:
        """The nicknames by which the module's programs use a list's files."""
        used = (name.split(".") for step in self._module.execs for name in step.used)
        return list(dict.fromkeys(parts[2] for parts in used if parts[:2] == ["list", label] and len(parts) > 2))

    def _divide_list(self, part: ListDefinition) -> Sublists:
        return Sublists(self._lines[part.label], part.divide_by, part.position, f"list.{part.label}")

    def _resolve_list(self, label: str, values: Mapping[str, str], found: CallFiles) -> None:
        part, may_miss = self._lists[label], self._may_miss[label]
        lines = [self._placed_line(label, line, values) for line in self._matching(label, values)]
        lines = in_order(lines, part)
        may_miss = may_miss or any([file.optional for line in lines for file in line.files])
        paths = tuple([tuple([file.path for file in line.files]) for line in lines]) if may_miss else ()
        for write in self._writers[label]:
            found.lists.append(write(lines, values, paths))
        for line in lines:
            found.inputs += line.files
        found.lines[label] = lines

    def _matching(self, label: str, values: Mapping[str, str]) -> Sequence[FileLine]:
        """The lines of a list for a call; none only where the list as a whole came to nothing."""
        return self._sublists[label].matching(values) if self._lines[label] else ()

    def _placed_line(self, label: str, line: FileLine, values: Mapping[str, str]) -> FileLine:
        files = []
        for nick, file in zip(line.nicks, line.files, strict=True):
            here = self._placings[f"list.{label}.{nick}"](file, line, values)
            files.append(replace(here, optional=True) if self._may_miss[label] else here)
        return FileLine(nicks=line.nicks, files=tuple(files), keys=line.keys)

    def _list_writers(self, label: str, part: ListDefinition) -> list[Writer]:
        """What writes the list's files from its lines: the list itself, or one for each set of columns."""
        return [self._list_writer(f"list.{name}", section, part) for name, section in self._children(label, part)]

    def _list_writer(self, label: str, section: Section, part: ListDefinition) -> Writer:
        naming = self._naming(label, section, named=True)
        style = ListStyle(section, part.position)

        def write(lines: Sequence[FileLine], values: Mapping[str, str], paths: tuple[tuple[str, ...], ...]) -> ListFile:
            target = naming.make(values)[0]
            return ListFile(label=label, job_path=target.job_path, lines=style.lines(lines, values), files=paths)

        return write

    def _children(self, label: str, part: ListDefinition) -> Sequence[tuple[str, Section]]:
        """The list files that are written from the same lines: the list itself, or one for each set of columns."""
        children = [(name, child) for name, child in part.section.section("div_list_by_col").sections()]
        if not children:
            return [(label, part.section)]
        shared = {key: value for key, value in part.section.items() if isinstance(value, str)}
        return [(name, Section.of({**shared, **child}, child.opened_position, child.path)) for name, child in children]

    # ---- what kind of object it is

    def _is_used(self, label: str) -> bool:
        children = {name for name, _ in self._module.lists[label].section.section("div_list_by_col").sections()}
        return any(
            name.split(".")[0] == "list" and name.split(".")[1] in {label, *children}
            for name in self._module.used
            if "." in name
        )

    def _is_member(self, label: str) -> bool:
        return flag(self._module.files[label].section, "listonly")

    def _naming(self, label: str, section: Section, *, named: bool = False) -> FileNaming:
        """``named``: whether it has a name of its own, also where its lines come from elsewhere."""
        made = label in self._module.made
        is_other = not named and (is_sourced(section) or flag(section, "listonly"))
        loop = None if is_other else self._module.loop
        return FileNaming(label, section, self._scope, self._pipeline, self._submit_directory, made=made, loop=loop)


def _natural(values: tuple[str, ...]) -> tuple[tuple[int, int, str], ...]:
    """Numbers by value and before words, so that ccd 2 comes before ccd 10."""
    return tuple(map(_natural_value, values))


@lru_cache(65536)
def _natural_value(value: str) -> tuple[int, int, str]:
    return (0, int(value), value) if value.isdecimal() else (1, 0, value)
