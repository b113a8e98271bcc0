"""What all tests share: a home of their own, and the commands as a user types them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

import pytest
from hypothesis import settings

from tests.fixtures.commands import READ_AT_START, CommandServer, Said, run_in_process_of_its_own

# How long one example takes says how busy the machine is.
settings.register_profile("skyfw", deadline=None)
settings.load_profile("skyfw")

pytest_plugins = (
    "tests.fixtures.postgres",
    "tests.fixtures.registries",
    "tests.fixtures.runs",
)

ROOT = Path(__file__).parents[1]
#: Files of others that are not part of the repository.
SHARED_DATA = ROOT.parent / "shared" / "data"
#: Whether tests that have a short and a long form run in the long one: ``make full-NAME``.
LONG_FORM = bool(os.environ.get("FW_FULL"))
NO_SHARED_DATA = "needs the original's files in ../shared/data/"


def give_up(reason: str) -> NoReturn:
    """End a test that cannot run here: it is skipped, or fails under FW_NO_SKIP."""
    if os.environ.get("FW_NO_SKIP"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def unable() -> Callable[[str], NoReturn]:
    """End a test that cannot run here: it is skipped, or fails under FW_NO_SKIP."""
    return give_up


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return a function that finds a file or folder of ``../shared/data``, or ends the test where there is none."""

    def find(name: str) -> Path:
        path = SHARED_DATA / name
        if not path.exists():
            give_up(NO_SHARED_DATA + name)
        return path

    return find


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the comparisons that were not made for want of the original's files."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if NO_SHARED_DATA in str(report.longrepr)]
    if skipped:
        terminalreporter.section(f"{len(skipped)} comparisons with the original's own files were not made")
        for report in skipped:
            terminalreporter.line(f"{report.nodeid}: needs {str(report.longrepr).partition(NO_SHARED_DATA)[2][:-2]}")


@pytest.fixture(scope="session")
def long_form() -> bool:
    """Whether tests that have a short and a long form run in the long one."""
    return LONG_FORM


@pytest.fixture
def fw_home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def environment(fw_home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FW_")}
    path = os.pathsep.join([os.path.dirname(sys.executable), kept.get("PATH", os.defpath)])
    return {**kept, "FW_HOME": str(fw_home), "PATH": path, "NO_COLOR": "1"}


@pytest.fixture(scope="session")
def command_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandServer]:
    """A server of commands for all tests of this process."""
    server = CommandServer(tmp_path_factory.mktemp("commands"))
    yield server
    server.stop()


@pytest.fixture
def fw(environment: dict[str, str], tmp_path: Path, command_server: CommandServer) -> Callable[..., Said]:
    """Runs ``fw`` with some arguments, in a directory of the test's own."""

    def run(*arguments: object, input: str | None = None, **more: str) -> Said:
        is_plain = not any(name.startswith(READ_AT_START) for name in more)
        start = command_server.run if is_plain else run_in_process_of_its_own
        return start([*map(str, arguments)], {**environment, "PYTHONPATH": str(ROOT), **more}, tmp_path, input)

    return run


@pytest.fixture
def fw_here(
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fw: Callable[..., Said],
) -> Callable[..., Said]:
    """The same in this process: for many short questions."""
    from framework.cli import run

    for name in [name for name in os.environ if name.startswith("FW_")]:
        monkeypatch.delenv(name)
    for name in ("FW_HOME", "PATH", "NO_COLOR"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Said:
        if arguments[0] == "rerun":  # ends whatever this process has started, the server of commands too
            return fw(*arguments)
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        return Said(status, *capsys.readouterr())

    return call


@pytest.fixture
def words_of() -> Callable[[str], list[str]]:
    """The texts of an SVG picture."""

    def find(picture: str) -> list[str]:
        texts = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314  (our own)
        return ["".join(text.itertext()).replace("\xa0", " ").strip() for text in texts]

    return find


@pytest.fixture
def ask(fw_home: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Asks the registry in SQL."""

    def answer(sql: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(fw_home / "registry.sqlite")
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    return answer


PIPELINE = """
pipeline = small
unitname = U
numbers = {numbers}
blocklist = only
{top}
<block>
    <only>
        modulelist = make, gather
        divide_jobs_by = number
    </only>
</block>
<filetype_metadata>
    <made>
    </made>
    <all>
    </all>
</filetype_metadata>
<module>
    <make>
        wrapperloop = number
        number = ${{numbers}}
        {module}
        <exec_1>
            execname = {program}
            was_generated_by = file.made
            <cmdline>
                _1 = ${{number}}
                _2 = ${{file.made.fullname}}
            </cmdline>
        </exec_1>
        <file>
            <made>
                filetype = made
                filename = ${{number}}.txt
                ops_enddir = made
                {file}
            </made>
        </file>
    </make>
    <gather>
        <exec_1>
            used = list.all.made
            was_generated_by = file.together
            ancestry = list.all.made:file.together
            execname = {gather}
            <cmdline>
                _1 = ${{list.all.fullname}}
                _2 = ${{file.together.fullname}}
            </cmdline>
        </exec_1>
        <list>
            <all>
                depends = make.file.made
                filetype = list
                filename = all.list
                ops_enddir = list
            </all>
        </list>
        <file>
            <together>
                filetype = all
                filename = together.txt
                ops_enddir = made
            </together>
        </file>
    </gather>
</module>
"""


@pytest.fixture
def a_program(tmp_path: Path) -> Callable[[str, str], Path]:
    """A program of a few lines of shell, given the number as $1 and the file to make as $2."""

    def write(name: str, lines: str) -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def a_pipeline(tmp_path: Path, a_program: Callable[[str, str], Path]) -> Callable[..., Path]:
    """A scatter of ``program`` over numbers, and a gather; the program is given as lines of shell."""

    def write(
        lines: str = 'echo "$1" > "$2"', *, numbers: str = "1, 2, 3", top: str = "", module: str = "", file: str = ""
    ) -> Path:
        program = a_program("program", lines)
        gather = a_program("gather", 'cat $(cat "$1") > "$2"')
        path = tmp_path / "small.wcl"
        path.write_text(
            PIPELINE.format(numbers=numbers, top=top, module=module, file=file, program=program, gather=gather)
        )
        return path

    return write


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables with which podman works in a place of its own, with the image ``localhost/tiny:1``."""
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed (apt-get install podman runc)")
    place = tmp_path_factory.mktemp("podman")
    variables = _podman_settings(place)
    environment = {**os.environ, **variables}
    root = _image_root(place / "root")
    try:
        subprocess.run(["tar", "-C", root, "-cf", place / "tiny.tar", "."], check=True)
        for command in (
            ["import", place / "tiny.tar", "localhost/tiny:1"],
            ["run", "--rm", "--network", "host", "localhost/tiny:1", "/bin/sh", "-c", "exit 0"],
        ):
            subprocess.run(["podman", *command], env=environment, check=True, capture_output=True, timeout=120)
    except subprocess.SubprocessError as error:
        # It needs rights that not every machine gives, so this is no fault of the machine's.
        said = (getattr(error, "stderr", b"") or b"").decode().strip().splitlines()[-1:]
        pytest.skip(f"podman runs nothing here: {said or error}")
    yield variables
    subprocess.run(["podman", "rm", "--all", "--force"], env=environment, capture_output=True, check=False)


def _podman_settings(place: Path) -> dict[str, str]:
    """Limits that a process may pass on, and no service that the machine would have to run."""
    runtime = f'runtime = "{"runc" if shutil.which("runc") else "crun"}"'
    limits = 'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]'
    (place / "containers.conf").write_text(
        f'[containers]\n{limits}\n[engine]\n{runtime}\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n'
    )
    (place / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{place}/store"\nrunroot = "{place}/state"\n'
    )
    (place / "user").mkdir(mode=0o700)
    return {
        "CONTAINERS_CONF": str(place / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        "XDG_RUNTIME_DIR": str(place / "user"),
    }


def _image_root(root: Path) -> Path:
    """A shell and what it needs, of this machine's own programs."""
    for name in ("sh", "cat", "sleep"):
        program = Path(shutil.which(name) or name).resolve()
        told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        libraries = [Path(word) for word in told.split() if word.startswith("/")]
        for source, target in [
            (program, root / "bin" / name),
            *((each, root / each.relative_to("/")) for each in libraries),
        ]:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return root


@pytest.fixture
def places_in() -> Callable[[Any], Iterator[tuple[Any, ...]]]:
    """Tells the way to every value within a value."""

    def ways(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, each in inner:
            yield (*way, key)
            yield from ways(each, (*way, key))

    return ways
