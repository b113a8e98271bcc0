"""The shape of the tree: who may import whom, and what starts fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
IMPORTS = (ast.Import, ast.ImportFrom)
PACKAGES = ["framework", "wrappers", "wcl", "queries", "pipelines"]


def part_of(module: str) -> str:
    names = module.split(".")
    return ".".join(names[:2]) if names[0] == "framework" and len(names) > 1 else names[0]


def imports() -> list[tuple[str, str, str]]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                found += [(str(path.relative_to(ROOT)), part_of(own), name) for name in names]
    return found


def test_imports_go_one_way():
    done = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_science_imports_nothing_of_the_framework():
    own = [(path, name) for path, part, name in imports() if part == "pipelines" and name.split(".")[0] in PACKAGES]
    assert [(path, name) for path, name in own if not name.startswith("pipelines")] == []


def test_workers_and_wrappers_need_the_standard_library_only():
    allowed = {*sys.stdlib_module_names, "wrappers"}
    wrong = [
        f"{path} imports {name}"
        for path, part, name in imports()
        if part in ("framework.worker", "wrappers") and name.split(".")[0] not in allowed
        if not name.startswith("framework.worker")
    ]
    assert wrong == []


@pytest.mark.parametrize("name", PACKAGES)
def test_only_we_install_this_import_name(name):
    assert set(packages_distributions().get(name, ["skyfw"])) == {"skyfw"}


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("from framework.cli import run; run(['--help'])", {"sqlalchemy", "rich", "alembic", "jinja2", "yaml"}),
        (
            "import framework.worker.job.worker",
            {"dataclasses", "typing", "subprocess", "logging", "pathlib", "inspect"},
        ),
        ("import wcl", {"yaml", "jinja2"}),
    ],
)
def test_what_starts_often_imports_little(code, heavy):
    # dataclasses and typing may come with the interpreter's own site files, so those are left out with -S.
    flags = ["-S", "-I"] if "worker" in code else []
    begin = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}; print(sorted(set({heavy!r}) & set(sys.modules)))"
    said = subprocess.run([sys.executable, *flags, "-c", begin], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"


def test_every_folder_that_ships_is_a_package():
    for package in PACKAGES:
        assert (ROOT / package / "__init__.py").exists()


def imports_in_functions() -> Iterator[tuple[str, bool]]:
    """Yield each import inside a function with whether a comment beside it, or above its block, has the reason."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            lines = text.splitlines()
            inside = [each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.FunctionDef)]
            nodes = {each.lineno: each for one in inside for each in ast.walk(one) if isinstance(each, IMPORTS)}
            end, has_reason = 0, False
            for first, node in sorted(nodes.items()):
                last = node.end_lineno or first
                beside = "#" in lines[first - 1] or "#" in lines[last - 1] or lines[first - 2].strip().startswith("#")
                has_reason = beside or (has_reason and not any(line.strip() for line in lines[end : first - 1]))
                end = last
                yield f"{path.relative_to(ROOT)}:{first}", has_reason


def test_imports_in_functions_have_a_reason_beside_them():
    assert [place for place, has_reason in imports_in_functions() if not has_reason] == []
