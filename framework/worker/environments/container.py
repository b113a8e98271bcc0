"""Containers: the command line by which a runtime runs a program in an image, and which image that is.

A program in a container finds its job's directory, where it begins and which is its home, and the archive, which it can
only read, under the names that they have outside; besides these, what the definition binds. Of the variables it gets
those of its job alone. Their values are handed over in the runtime's own environment, and stand on no command line.
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

#: By these, whatever a killed run leaves behind is found (framework/engines/local/fence.py).
MARKS = ("FW_FENCE", WORKER)
#: Variables that the runtime itself goes by: the program's own are handed to it in another way.
OF_THE_RUNTIME = frozenset({"PATH", "HOME", "LD_LIBRARY_PATH", "XDG_RUNTIME_DIR"})
#: A reference that says itself which image it is.
PINNED = re.compile(r"@(sha256:[0-9a-f]{64})$")


class PreparedContainer(PreparedSoftware):
    """An image, and what runs programs in it; each runtime has words of its own for that."""

    def __init__(self, definition: Mapping[str, Any], image: str, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self._image = image
        self._runtime: str = definition["runtime"]
        self._options: list[str] = definition.get("options", [])
        self._binds: list[Bind] = definition.get("binds", [])

    def started(
        self, argv: list[str], own: Mapping[str, str], root: str, archive_root: str
    ) -> tuple[list[str], dict[str, str]]:
        marks = {name: self._environment[name] for name in MARKS if name in self._environment}
        variables = {**marks, **own}
        # The job's directory last: it may lie below another place.
        binds = [(archive_root, archive_root, False), *self._binds, (root, root, True)]
        for place in (place for bind in binds for place in bind[:2]):
            if ":" in place or "," in place:
                raise SoftwareError(f"{place} cannot be bound: {self._runtime} takes no : or , in a place")
        return self._words(argv, variables, root, binds), {**self._environment, **self._handed(variables)}

    def _words(self, argv: list[str], variables: Mapping[str, str], root: str, binds: list[Bind]) -> list[str]:
        raise NotImplementedError

    def _handed(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Variables of the runtime that the program is to have."""
        raise NotImplementedError


class ImageFileContainer(PreparedContainer):
    """Apptainer, and Singularity: images are files, and programs are ordinary children."""

    def _words(self, argv: list[str], variables: Mapping[str, str], root: str, binds: list[Bind]) -> list[str]:
        # The person's own home may hold packages and settings, which are none of the image's.
        words = [self._runtime, "exec", "--cleanenv", "--home", root, "--pwd", root]
        for outside, inside, writable in binds:
            words += ["--bind", f"{outside}:{inside}" + ("" if writable else ":ro")]
        return [*words, *self._options, self._image, *argv]

    def _handed(self, variables: Mapping[str, str]) -> dict[str, str]:
        prefix = f"{self._runtime.upper()}ENV_"
        handed = {prefix + name: value for name, value in variables.items()}
        # Without the prefix for those who look after processes from outside.
        return {**handed, **{name: value for name, value in variables.items() if name.startswith("FW_")}}


class ImageStoreContainer(PreparedContainer):
    """Podman and Docker: the runtime keeps the images, and runs programs as somebody else's children."""

    #: What they end with when they, and not the program, have failed.
    FAILED = 125

    def __init__(
        self, definition: Mapping[str, Any], image: str, environment: Mapping[str, str], programs: Programs
    ) -> None:
        super().__init__(definition, image, environment)
        self._programs = programs

    def _words(self, argv: list[str], variables: Mapping[str, str], root: str, binds: list[Bind]) -> list[str]:
        label = f"fw-{os.getpid()}-{os.urandom(6).hex()}"
        words = [self._runtime, "run", "--rm", "--name", label, "--network", "host", "--workdir", root, *self._user()]
        for outside, inside, writable in binds:
            words += ["--volume", f"{outside}:{inside}:{'rw' if writable else 'ro'}"]
        for name, value in {"HOME": root, **variables}.items():
            words += ["--env", f"{name}={value}" if name in OF_THE_RUNTIME else name]
        # Whatever the image would begin with, the program takes its place.
        return [*words, *self._options, "--entrypoint", argv[0], self._image, *argv[1:]]

    def _user(self) -> list[str]:
        """What is made belongs to whoever runs the job."""
        if self._runtime == "podman" and os.getuid():
            return ["--userns", "keep-id"]
        return ["--user", f"{os.getuid()}:{os.getgid()}"]

    def _handed(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in variables.items() if name not in OF_THE_RUNTIME}

    def ended(self, started: list[str], outcome: ProgramResult) -> ProgramResult:
        if outcome.status and outcome.usage:
            # One that had to be ended may live on when its client does not.
            name = started[started.index("--name") + 1]
            # Docker knows no grace here, and Podman gives one unless told.
            at_once = ["--time", "0"] if self._runtime == "podman" else []
            self._programs.clean_up([self._runtime, "rm", "--force", *at_once, name], self._environment)
        # The rest was measured of the client, and says nothing of the program.
        usage = {key: value for key, value in outcome.usage.items() if key == "wall"}
        return ProgramResult(outcome.status, usage, outcome.reason)

    def is_at_fault(self, status: int) -> bool:
        return status == self.FAILED


def make_container(
    definition: Mapping[str, Any], shop: SetupRunner, environment: Mapping[str, str], programs: Programs, images: str
) -> tuple[PreparedContainer, dict[str, Any]]:
    """The container, and what was found of its image."""
    runtime, image = definition["runtime"], definition["image"]
    if error := program_error(runtime, environment.get("PATH", "")):
        raise SoftwareError(error)
    found: dict[str, Any] = {"runtime": runtime, "version": _version(shop, runtime), "image": image}
    container: PreparedContainer
    digest: str | None
    if runtime in ("podman", "docker"):
        known, digest = _kept_image(shop, runtime, image)
        container = ImageStoreContainer(definition, known, environment, programs)
    else:
        file, digest = _image_file(shop, runtime, image, images)
        container = ImageFileContainer(definition, file, environment)
    found["digest"] = digest
    container.summary = f"{image}, {digest or 'a directory'}, run by {runtime} {found['version']}"
    return container, found


def _version(shop: SetupRunner, runtime: str) -> str:
    found = re.search(r"\d+(\.\d+)+\S*", shop.answer(f"{runtime} --version", [runtime, "--version"]))
    return found[0].rstrip(",") if found else ""


def _kept_image(shop: SetupRunner, runtime: str, image: str) -> tuple[str, str]:
    """The image's id and digest; it is fetched where the runtime has it not."""
    inspect = [runtime, "image", "inspect", image]
    try:
        told = shop.answer(f"{runtime} image inspect {image}", inspect)
    except SoftwareError as error:
        if not error.lasting:
            raise
        shop.run(f"{runtime} pull {image}", [runtime, "pull", image])
        told = shop.answer(f"{runtime} image inspect {image}", inspect)
    try:
        about = json.loads(told)[0]
        known = about["Id"]
    except (ValueError, LookupError, TypeError) as error:
        raise SoftwareError(f"{runtime} image inspect {image} says nothing that can be read") from error
    return known, next(_digests(about, image))


def _digests(about: Mapping[str, Any], image: str) -> Iterator[str]:
    """What the registry calls it by, and else the image's own checksum."""
    if pinned := PINNED.search(image):
        yield pinned[1]
    if about.get("Digest"):
        yield about["Digest"]
    for reference in about.get("RepoDigests") or ():
        yield reference.partition("@")[2]
    known: str = about["Id"]
    yield known if ":" in known else f"sha256:{known}"


def _image_file(shop: SetupRunner, runtime: str, image: str, images: str) -> tuple[str, str | None]:
    """The image's file and its digest; a directory has none."""
    if image.startswith("/"):
        if os.path.isdir(image):
            return image, None
        return image, f"sha256:{measure(image).sha256}"
    os.makedirs(images, exist_ok=True)
    at = os.path.join(images, sha256(image.encode()).hexdigest()[:16] + ".sif")
    # All workers of a run take what the first one fetched, even where its name means another image by now.
    with open(f"{at}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(at):
            shop.run(f"{runtime} pull {image}", [runtime, "pull", "--force", f"{at}.part.sif", image])
            os.replace(f"{at}.part.sif", at)
    pinned = PINNED.search(image)
    return at, pinned[1] if pinned else f"sha256:{measure(at).sha256}"
