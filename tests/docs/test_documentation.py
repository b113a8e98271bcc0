"""What the README and the tutorials have their readers type works, and answers as it is shown."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Said
from tests.docs.pages import Command, File, read_page

ROOT = Path(__file__).parents[2]
TUTORIAL = ("hello", "own-pipeline", "late-blocks", "registry")
#: The pages of the tutorial follow each other in one home and directory.
SCRIPTS = {"README": [ROOT / "README.md"], "tutorial": [ROOT / f"docs/tutorial/{name}.md" for name in TUTORIAL]}


#: Commands that only ask, and need no process of their own.
QUESTIONS = {"plan", "check", "stat", "job", "log", "query", "sql", "lineage", "taint", "whence", "tag", "get"}


@pytest.mark.parametrize("name", ["README", pytest.param("tutorial", marks=pytest.mark.slow)])
def test_what_a_page_has_one_type_answers_as_shown(name, environment, tmp_path, fw_here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    typed = 0
    for path in SCRIPTS[name]:
        for step in read_page(path).steps:
            if isinstance(step, File):
                write(tmp_path, step)
                continue
            typed += 1
            question = read_question(step)
            status, answer = ask(fw_here, question) if question else type_command(step, environment, tmp_path)
            place = f"{path.relative_to(ROOT)}:{step.line}: {step.words}"
            assert status == 0, f"{place}\n{answer}"
            assert step.differs(answer) == "", place
    assert typed > 5


@pytest.mark.parametrize(
    "path", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*/*.md")]), ids=lambda path: path.stem
)
def test_every_command_of_the_readme_and_the_tutorials_is_run_or_says_why_not(path):
    page = read_page(path)
    commands = [step for step in page.steps if isinstance(step, Command)]
    assert [
        command.words for command in commands if command.shown and not any(map(says_something, command.shown))
    ] == []
    assert all(len(reason.split()) > 2 for reason in page.not_run.values())
    is_run = path.name == "README.md" or path.parent.name == "tutorial"
    assert is_run or not commands, "only README and tutorials are run"


def test_what_lies_in_the_directory_of_a_run_is_explained(fw_here, fw_home):
    fw_here("submit", "hello")
    explained = (ROOT / "docs/reference/directories.md").read_text(encoding="utf-8")
    present = {f"{path.name}/" if path.is_dir() else path.name for path in (fw_home / "runs/hello_r1p01").iterdir()}
    assert {name for name in present if f"| `{name}` |" not in explained} == set()


def write(directory: Path, step: File) -> None:
    path = directory / step.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(step.text, encoding="utf-8")


def says_something(line: str) -> bool:
    """Whether a line that is shown can differ from an answer."""
    return line.replace("…", "").strip() != ""


def read_question(step: Command) -> list[str]:
    """Return the arguments of a command that only asks; empty for another, and where a shell has something to do."""
    words = list(shlex.shlex(step.words, posix=False, punctuation_chars=True))
    if words[0] == "fwstat":
        return ["stat", *shlex.split(step.words)[1:]]
    is_question = words[0] == "fw" and words[1] in QUESTIONS and not {"|", ">", ";", "&&"} & set(words)
    return shlex.split(step.words)[1:] if is_question else []


def ask(fw_here: Callable[..., Said], question: list[str]) -> tuple[int, str]:
    """Ask within this process."""
    said = fw_here(*question)
    return said.status, said.err + said.out


def type_command(step: Command, environment: dict[str, str], directory: Path) -> tuple[int, str]:
    """Run a command as a shell does, which the pages' readers use; nothing in it comes from elsewhere."""
    settings = {**environment, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHON": sys.executable}
    done = subprocess.run(
        ["bash", "-c", step.words], env=settings, cwd=directory, text=True, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600,
    )  # fmt: skip
    return done.returncode, done.stdout
