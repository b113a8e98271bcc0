"""What the README and the tutorials have their readers type works, and answers as it is shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import Command, File, read_page

ROOT = Path(__file__).parents[2]
TUTORIAL = ("hello", "own-pipeline", "late-blocks", "registry")
#: The pages of the tutorial follow each other in one home and directory.
SCRIPTS = {"README": [ROOT / "README.md"], "tutorial": [ROOT / f"docs/tutorial/{name}.md" for name in TUTORIAL]}


@pytest.mark.parametrize("name", ["README", pytest.param("tutorial", marks=pytest.mark.slow)])
def test_what_a_page_has_one_type_answers_as_shown(name, environment, tmp_path):
    typed = 0
    for path in SCRIPTS[name]:
        for step in read_page(path).steps:
            if isinstance(step, File):
                write(tmp_path, step)
                continue
            typed += 1
            status, answer = type_command(step, environment, tmp_path)
            place = f"{path.relative_to(ROOT)}:{step.line}: {step.words}"
            assert status == 0, f"{place}\n{answer}"
            assert step.differs(answer) == "", place
    assert typed > 5


@pytest.mark.parametrize(
    "path", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*/*.md")]), ids=lambda path: path.stem
)
def test_every_command_of_the_readme_and_the_tutorials_is_run_or_says_why_not(path):
    page = read_page(path)
    assert all(len(reason.split()) > 2 for reason in page.not_run.values())
    is_run = path.name == "README.md" or path.parent.name == "tutorial"
    assert is_run or not any(isinstance(step, Command) for step in page.steps), "only README and tutorials are run"


def test_what_lies_in_the_directory_of_a_run_is_explained(fw_here, fw_home):
    fw_here("submit", "hello")
    explained = (ROOT / "docs/reference/directories.md").read_text(encoding="utf-8")
    present = {f"{path.name}/" if path.is_dir() else path.name for path in (fw_home / "runs/hello_r1p01").iterdir()}
    assert {name for name in present if f"| `{name}` |" not in explained} == set()


def write(directory: Path, step: File) -> None:
    path = directory / step.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(step.text, encoding="utf-8")


def type_command(step: Command, environment: dict[str, str], directory: Path) -> tuple[int, str]:
    """Run a command as a shell does, which the pages' readers use; nothing in it comes from elsewhere."""
    settings = {**environment, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHON": sys.executable}
    done = subprocess.run(
        ["bash", "-c", step.words], env=settings, cwd=directory, text=True, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600,
    )  # fmt: skip
    return done.returncode, done.stdout
