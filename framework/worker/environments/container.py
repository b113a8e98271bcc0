"""Containers: command lines by which a runtime runs programs in an image, and the digest of the image.

A program in a container sees its job's directory, which is its working directory and home, and the archive, read-only,
under the paths that they have outside, and the binds of the definition. Of the variables it gets those of its job only.
Their values are passed in the environment of the runtime, and are not on its command line.
"""

from __future__ import annotations

import fcntl
import json
import os
import re

from framework.worker.environments.base import PreparedSoftware, SetupRunner, SoftwareError
from framework.worker.files.checksum import sha256
from framework.worker.files.transfer import measure
from framework.worker.programs.programs import ProgramResult, program_error
from framework.worker.programs.warden import WORKER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from framework.worker.programs.programs import Programs

    Bind = tuple[str, str, bool]

#: Variables by which processes of a killed run are found (framework/engines/fence.py).
MARKS = ("FW_FENCE", WORKER)
#: Variables that the runtime uses itself: those of the program are passed as options.
RUNTIME_VARIABLES = frozenset({"PATH", "HOME", "LD_LIBRARY_PATH", "XDG_RUNTIME_DIR"})
#: Reference of an image that holds its digest.
PINNED = re.compile(r"@(sha256:[0-9a-f]{64})$")


class PreparedContainer(PreparedSoftware):
    """Image and the runtime that runs programs in it; subclasses know the options of the runtimes."""

    def __init__(self, definition: Mapping[str, Any], image: str, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self._image = image
        self._runtime: str = definition["runtime"]
        self._options: list[str] = definition.get("options", [])
        self._binds: list[Bind] = definition.get("binds", [])

    def wrap_command(
        self, argv: list[str], own: Mapping[str, str], root: str, archive_root: str
    ) -> tuple[list[str], dict[str, str]]:
        marks = {name: self._environment[name] for name in MARKS if name in self._environment}
        variables = {**marks, **own}
        # The job's directory is last, since it may be below another bind.
        binds = [(archive_root, archive_root, False), *self._binds, (root, root, True)]
        for path in (path for bind in binds for path in bind[:2]):
            if ":" in path or "," in path:
                raise SoftwareError(f"{path} cannot be bound: {self._runtime} takes no : or , in a path")
        return self._command(argv, variables, root, binds), {**self._environment, **self._passed_variables(variables)}

    def _command(self, argv: list[str], variables: Mapping[str, str], root: str, binds: list[Bind]) -> list[str]:
        """Return the command line by which the runtime runs a program."""
        raise NotImplementedError

    def _passed_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of the runtime by which it passes variables to the program."""
        raise NotImplementedError


class ImageFileContainer(PreparedContainer):
    """Container of Apptainer or Singularity: images are files, and programs are child processes."""

    def _command(self, argv: list[str], variables: Mapping[str, str], root: str, binds: list[Bind]) -> list[str]:
        # The home of the user may hold packages and settings that do not belong to the image.
        command = [self._runtime, "exec", "--cleanenv", "--home", root, "--pwd", root]
        for outside, inside, writable in binds:
            command += ["--bind", f"{outside}:{inside}" + ("" if writable else ":ro")]
        return [*command, *self._options, self._image, *argv]

    def _passed_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        prefix = f"{self._runtime.upper()}ENV_"
        passed = {prefix + name: value for name, value in variables.items()}
        # Also without the prefix, for the framework, which finds processes by these.
        return {**passed, **{name: value for name, value in variables.items() if name.startswith("FW_")}}


class ImageStoreContainer(PreparedContainer):
    """Container of Podman or Docker: the runtime keeps the images, and programs are children of another process."""

    #: Exit status of the runtime's own failures.
    FAILED = 125

    def __init__(
        self, definition: Mapping[str, Any], image: str, environment: Mapping[str, str], programs: Programs
    ) -> None:
        super().__init__(definition, image, environment)
        self._programs = programs

    def _command(self, argv: list[str], variables: Mapping[str, str], root: str, binds: list[Bind]) -> list[str]:
        label = f"fw-{os.getpid()}-{os.urandom(6).hex()}"
        command = [
            self._runtime,
            "run",
            "--rm",
            "--name",
            label,
            "--network",
            "host",
            "--workdir",
            root,
            *self._user_options(),
        ]
        for outside, inside, writable in binds:
            command += ["--volume", f"{outside}:{inside}:{'rw' if writable else 'ro'}"]
        for name, value in {"HOME": root, **variables}.items():
            command += ["--env", f"{name}={value}" if name in RUNTIME_VARIABLES else name]
        # The program replaces the entry point of the image.
        return [*command, *self._options, "--entrypoint", argv[0], self._image, *argv[1:]]

    def _user_options(self) -> list[str]:
        """Return options by which files belong to the user of the job."""
        if self._runtime == "podman" and os.getuid():
            return ["--userns", "keep-id"]
        return ["--user", f"{os.getuid()}:{os.getgid()}"]

    def _passed_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in variables.items() if name not in RUNTIME_VARIABLES}

    def program_result(self, command: list[str], result: ProgramResult) -> ProgramResult:
        if result.status and result.usage:
            # A container may outlive its client.
            name = command[command.index("--name") + 1]
            # Podman waits before it kills, unless told not to.
            at_once = ["--time", "0"] if self._runtime == "podman" else []
            self._programs.clean_up([self._runtime, "rm", "--force", *at_once, name], self._environment)
        # The rest of the usage is that of the client, not of the program.
        usage = {key: value for key, value in result.usage.items() if key == "wall"}
        return ProgramResult(result.status, usage, result.reason)

    def is_own_failure(self, status: int) -> bool:
        return status == self.FAILED


def make_container(
    definition: Mapping[str, Any], runner: SetupRunner, environment: Mapping[str, str], programs: Programs, images: str
) -> tuple[PreparedContainer, dict[str, object]]:
    """Prepare a container; return it with what was found of its image."""
    runtime, image = definition["runtime"], definition["image"]
    if error := program_error(runtime, environment.get("PATH", "")):
        raise SoftwareError(error)
    found: dict[str, object] = {"runtime": runtime, "version": _version(runner, runtime), "image": image}
    container: PreparedContainer
    digest: str | None
    if runtime in ("podman", "docker"):
        image_id, digest = _find_or_pull(runner, runtime, image)
        container = ImageStoreContainer(definition, image_id, environment, programs)
    else:
        file, digest = _find_or_pull_file(runner, runtime, image, images)
        container = ImageFileContainer(definition, file, environment)
    found["digest"] = digest
    container.summary = f"{image}, {digest or 'a directory'}, run by {runtime} {found['version']}"
    return container, found


def _version(runner: SetupRunner, runtime: str) -> str:
    found = re.search(r"\d+(\.\d+)+\S*", runner.read_output(f"{runtime} --version", [runtime, "--version"]))
    return found[0].rstrip(",") if found else ""


def _find_or_pull(runner: SetupRunner, runtime: str, image: str) -> tuple[str, str]:
    """Return id and digest of an image, which is pulled if the runtime does not have it."""
    inspect = [runtime, "image", "inspect", image]
    try:
        description = runner.read_output(f"{runtime} image inspect {image}", inspect)
    except SoftwareError as error:
        if not error.lasting:
            raise
        runner.run(f"{runtime} pull {image}", [runtime, "pull", image])
        description = runner.read_output(f"{runtime} image inspect {image}", inspect)
    try:
        attributes = json.loads(description)[0]
        image_id = attributes["Id"]
    except (ValueError, LookupError, TypeError) as error:
        raise SoftwareError(f"{runtime} image inspect {image} wrote no JSON that describes it") from error
    return image_id, next(_digests(attributes, image))


def _digests(attributes: Mapping[str, Any], image: str) -> Iterator[str]:
    """Yield digests of an image, best first: those of its registry, then its own checksum."""
    if pinned := PINNED.search(image):
        yield pinned[1]
    if attributes.get("Digest"):
        yield attributes["Digest"]
    for reference in attributes.get("RepoDigests") or ():
        yield reference.partition("@")[2]
    image_id: str = attributes["Id"]
    yield image_id if ":" in image_id else f"sha256:{image_id}"


def _find_or_pull_file(runner: SetupRunner, runtime: str, image: str, images: str) -> tuple[str, str | None]:
    """Return the file of an image and its digest, None for a directory; it is pulled once for all workers of a run."""
    if image.startswith("/"):
        if os.path.isdir(image):
            return image, None
        return image, f"sha256:{measure(image).sha256}"
    os.makedirs(images, exist_ok=True)
    at = os.path.join(images, sha256(image.encode()).hexdigest()[:16] + ".sif")
    # All workers of a run use the file that the first one pulled, even if the tag has moved since.
    with open(f"{at}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(at):
            runner.run(f"{runtime} pull {image}", [runtime, "pull", "--force", f"{at}.part.sif", image])
            os.replace(f"{at}.part.sif", at)
    pinned = PINNED.search(image)
    return at, pinned[1] if pinned else f"sha256:{measure(at).sha256}"
