"""Software of programs: the definitions of environments and containers, and the choice of a module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from framework.model.job import Bind, Container, Environment
from framework.pipeline.definition import ModuleDefinition
from framework.pipeline.numbers import parse_number
from framework.pipeline.problems import error_at, problem_at, suggest_name
from wcl import (
    Problem,
    Scope,
    Section,
    SourcePosition,
    WclError,
    deferred_calls,
    expand,
    split_command,
    split_list,
    suggest,
)

#: Kinds of software that a module, a block, the site or the pipeline may name, with the sections of definitions.
KINDS = {"environment": "environment_def", "container": "container_def"}
#: Name that undoes the choice of an outer section.
NONE = "none"
#: Keys that make an environment; one of them is needed.
WAYS = ("setup", "module_load", "conda", "venv")
KEYS = {
    "environment": frozenset({*WAYS, "module_init", "max_setuptime"}),
    "container": frozenset({"image", "runtime", "bind", "options", "max_setuptime"}),
}
#: Runtimes that read image files and fetch images by address, and those that keep images of their own.
FILE_RUNTIMES = ("apptainer", "singularity")
STORE_RUNTIMES = ("podman", "docker")
RUNTIMES = (*FILE_RUNTIMES, *STORE_RUNTIMES)
#: Minutes that it may take to make an environment ready, and to fetch an image.
SETUP_MINUTES = {"environment": 5.0, "container": 30.0}
#: Name, with registry and tag or digest, of an image that a registry has.
REFERENCE = re.compile(r"\w[\w./:@+-]*", re.ASCII)
ADDRESS = re.compile(r"(docker|oras|library|https)://(\S+)", re.ASCII)


def check_software(pipeline: Section) -> Iterator[Problem]:
    """Yield the problems of all definitions, also of those that nothing names."""
    for kind, holder in KINDS.items():
        if isinstance(value := pipeline.get(kind), Section):
            hint = f"write <{holder}> around the definitions; {kind} = name chooses one of them"
            yield problem_at(value.opened_position, f"'{kind}' is a name, and not a section", hint)
        if isinstance(pipeline.get(holder), str):
            hint = f"write <{holder}>, and in it a section for each {kind}"
            yield problem_at(pipeline.position(holder), f"'{holder}' is a section, and not a plain value", hint)
            continue
        for name, value in pipeline.section(holder).items():
            if isinstance(value, Section):
                yield from _check_definition(kind, name, value)
            else:
                position = pipeline.section(holder).position(name)
                yield problem_at(position, f"'{name}' of {holder} is a section, and not a plain value")


def _check_definition(kind: str, name: str, section: Section) -> Iterator[Problem]:
    if name == NONE or not re.fullmatch(r"[\w.-]+", name):
        yield problem_at(
            section.opened_position, f"'{name}' cannot be the name of {kind}s", "letters, digits and _ . -"
        )
    for key in section:
        # One that is nearly a known key is reported as in every section (wcl/keys/checks.py).
        if key not in KEYS[kind] and not suggest(key, KEYS[kind]):
            yield problem_at(
                section.position(key), f"{kind} '{name}' has an unknown key '{key}'", suggest_name(key, KEYS[kind])
            )
    yield from (_check_container if kind == "container" else _check_environment)(name, section)


def _check_container(name: str, section: Section) -> Iterator[Problem]:
    if "image" not in section:
        hint = "image = /path/of/file.sif, or docker://registry/name:tag"
        yield problem_at(section.opened_position, f"container '{name}' has no image", hint)


def _check_environment(name: str, section: Section) -> Iterator[Problem]:
    def named(message: str) -> str:
        return f"environment '{name}' {message}"

    if not any(way in section for way in WAYS):
        yield problem_at(section.opened_position, named("defines no software"), f"give it one of {', '.join(WAYS)}")
    if "conda" in section and "venv" in section:
        yield problem_at(
            section.position("venv"), named("has both conda and venv"), "name the one whose Python is meant"
        )
    if "module_init" in section and "module_load" not in section:
        yield problem_at(section.position("module_init"), named("loads no modules"), "say which in module_load")


class SoftwareDefinitions:
    """Definitions of environments and containers, read when they are first named."""

    def __init__(self, pipeline: Section, scope: Scope) -> None:
        self._pipeline = pipeline
        self._scope = scope
        self._known: dict[tuple[str, str], Environment | Container] = {}

    @property
    def by_label(self) -> Mapping[str, Environment | Container]:
        """Environments and containers that were named so far, by label."""
        return {found.label: found for found in self._known.values()}

    def find(self, kind: str, name: str, position: SourcePosition) -> Environment | Container:
        """Return the environment or container of a name, which stands at the position."""
        if (kind, name) not in self._known:
            holder = self._pipeline.section(KINDS[kind])
            section = holder.get(name)
            if not isinstance(section, Section):
                hint = suggest_name(name, [each for each, _ in holder.sections()])
                raise error_at(position, f"unknown {kind} '{name}'", f"{hint} (of <{KINDS[kind]}>)")
            problems = [problem for problem in _check_definition(kind, name, section) if problem.severity == "error"]
            if problems:
                raise WclError(*problems)
            read = _read_container if kind == "container" else _read_environment
            self._known[kind, name] = read(name, _Values(section, self._scope.child(section), kind))
        return self._known[kind, name]


class SoftwareChoice:
    """Choice of a module for its programs: the innermost of module, block, site and pipeline decides."""

    def __init__(
        self, module: ModuleDefinition, site: Section, pipeline: Section, definitions: SoftwareDefinitions
    ) -> None:
        self._definitions = definitions
        self._choice = next(filter(None, map(_find_choice, (module.section, module.block, site, pipeline))), None)

    def find_label(self, scope: Scope, values: Mapping[str, str]) -> str:
        """Return the label of a call's software, empty for none; the name may hold loop values."""
        if self._choice is None:
            return ""
        kind, text, position = self._choice
        name = expand(text, scope.child(values), position).strip().lower() if "$" in text else text.strip().lower()
        return "" if name == NONE else self._definitions.find(kind, name, position).label


def _find_choice(section: Section) -> tuple[str, str, SourcePosition] | None:
    """Return the kind, the name and the position of the software that a section names; None if it names none."""
    found = [(kind, value) for kind in KINDS if isinstance(value := section.get(kind), str)]
    if len(found) > 1:
        message = "an environment and a container are named both"
        raise error_at(
            section.position("container"), message, "programs of a container find nothing else: leave one out"
        )
    return (*found[0], section.position(found[0][0])) if found else None


class _Values:
    """Values of a definition, expanded."""

    def __init__(self, section: Section, scope: Scope, kind: str) -> None:
        self._section = section
        self._scope = scope
        self.kind = kind

    def text(self, key: str, default: str = "") -> str:
        """Return the expanded text of a key; the default if there is no such key."""
        text = self._section.get(key)
        if not isinstance(text, str):
            return default
        return self._refuse_deferred(key, str(expand(text, self._scope, self._section.position(key)).strip()))

    def words(self, key: str) -> tuple[str, ...]:
        """Return the words of a key; none if there is no such key."""
        text = self._section.get(key)
        if not isinstance(text, str):
            return ()
        return tuple(
            self._refuse_deferred(key, str(word))
            for word in split_command(text, self._scope, self._section.position(key))
        )

    def names(self, key: str) -> tuple[str, ...]:
        """Return the names in a list; none if there is no such key."""
        return tuple(name for name in split_list(self.text(key)) if name)

    def path(self, key: str, text: str | None = None) -> str:
        """Return an absolute path, which jobs need since they run in directories of their own."""
        text = self.text(key) if text is None else text
        if text and not text.startswith("/"):
            raise self.error(key, f"{key} = {text} is not absolute", "begin it with /, or with ${fw_home}")
        return text

    def minutes(self) -> float:
        """Return the longest time to make the software ready."""
        if "max_setuptime" not in self._section:
            return SETUP_MINUTES[self.kind]
        return parse_number("max_setuptime", self.text("max_setuptime"), self._section.position("max_setuptime"))

    def runtime(self) -> str:
        """Return the program that runs the container: the definition's, or else the site's."""
        text = self._section.get("runtime") or self._scope.find("container_runtime")
        return expand(str(text), self._scope, self.position("runtime")).strip().lower()

    def position(self, key: str) -> SourcePosition:
        """Return the position of a key; that of the definition if it has no such key."""
        return self._section.position(key) if key in self._section else self._section.opened_position

    def error(self, key: str, message: str, hint: str) -> WclError:
        """Return an error at the position of a key."""
        return error_at(self.position(key), message, hint)

    def _refuse_deferred(self, key: str, text: str) -> str:
        if found := deferred_calls(text):
            raise self.error(key, f"${found[0][0].upper()}{{}} cannot be used here", "it is known in a call only")
        return text


def _read_environment(name: str, values: _Values) -> Environment:
    setup = values.words("setup")
    if setup:
        values.path("setup", setup[0])
    for module in values.names("module_load"):
        if not REFERENCE.fullmatch(module):
            raise values.error("module_load", f"'{module}' is no module's name", "name, or name/version")
    return Environment(
        name=name,
        setup=setup,
        module_load=values.names("module_load"),
        module_init=values.path("module_init"),
        conda=values.path("conda").rstrip("/"),
        venv=values.path("venv").rstrip("/"),
        setup_minutes=values.minutes(),
    )


def _read_container(name: str, values: _Values) -> Container:
    runtime = values.runtime()
    if runtime not in RUNTIMES:
        hint = f"runtime, or container_runtime of the site, is one of {', '.join(RUNTIMES)}"
        raise values.error("runtime", f"'{runtime}' runs no containers", hint)
    return Container(
        name=name,
        runtime=runtime,
        image=_read_image(values, runtime),
        binds=tuple(_parse_bind(values, text) for text in values.names("bind")),
        options=values.words("options"),
        setup_minutes=values.minutes(),
    )


def _read_image(values: _Values, runtime: str) -> str:
    """Return the name of an image as its runtime expects it; ``docker://`` may stand before an image of a registry."""
    image = values.text("image")
    if image.startswith("/"):
        if runtime in STORE_RUNTIMES:
            hint = "name the image as the runtime does, or use apptainer"
            raise values.error("image", f"{runtime} runs no image files, and {image} is one", hint)
        return image
    address = ADDRESS.fullmatch(image)
    scheme, reference = (address[1], address[2]) if address else ("docker", image)
    if not REFERENCE.fullmatch(reference) or (runtime in STORE_RUNTIMES and scheme != "docker"):
        hint = "an absolute path, or docker://registry/name:tag"
        raise values.error("image", f"{runtime} knows no image '{image}'", hint)
    return reference if runtime in STORE_RUNTIMES else f"{scheme}://{reference}"


def _parse_bind(values: _Values, text: str) -> Bind:
    outside, inside, mode, *more = [*text.split(":"), "", ""][: max(3, text.count(":") + 1)]
    if more or mode not in ("", "ro", "rw") or not outside.startswith("/") or (inside and not inside.startswith("/")):
        hint = "/path, /path:/inside, or /path:/inside:rw"
        raise values.error("bind", f"'{text}' cannot be bound", hint)
    return Bind(outside=outside, inside=inside or outside, writable=mode == "rw")
