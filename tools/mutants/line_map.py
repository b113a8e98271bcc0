"""The map of lines: which tests execute which line of the judged modules, and how long they take."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import coverage

from tools.mutants import record_lines
from tools.mutants.tree import Tree, judged_files

#: Folders of the tests that should know these modules.
TEST_FOLDERS = ("plan", "registry", "engines", "runs", "commands", "exchange")
MARKS = "not slow and not htcondor and not postgres and not root"
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", MARKS]


@dataclass
class LineMap:
    """What was recorded of each test."""

    #: Seconds of each test that passed.
    seconds: dict[str, float] = field(default_factory=dict)
    #: Checksums of test modules as they were recorded.
    recorded: dict[str, str] = field(default_factory=dict)
    #: The judged modules as they were recorded.
    texts: dict[str, str] = field(default_factory=dict)
    #: Tests by module and line of the recorded text.
    tests: dict[str, dict[int, list[str]]] = field(default_factory=dict)

    def tests_of(self, module: str, text: str, lines: range) -> list[str]:
        """Return the tests that execute one of these lines of a module, the quickest of its own folder first."""
        before = earlier_lines(self.texts.get(module, ""), text)
        by_line = self.tests.get(module, {})
        found = {test for line in lines for test in by_line.get(before[line], ())}
        folder = f"tests/{module.split('/')[1]}/"
        return sorted(found, key=lambda test: (self.seconds[test] + (0 if test.startswith(folder) else 2), test))

    def keep_only(self, there: set[str]) -> None:
        """Forget the tests that are no longer there."""
        for lines in self.tests.values():
            for line, found in lines.items():
                lines[line] = [test for test in found if test in there]

    def write(self, path: Path) -> None:
        """Write the map down; tests are numbered, since each stands at many lines."""
        names = list(self.seconds)
        number = {name: index for index, name in enumerate(names)}
        tests = {
            module: {line: [number[each] for each in found] for line, found in lines.items()}
            for module, lines in self.tests.items()
        }
        kept = {"seconds": self.seconds, "recorded": self.recorded, "texts": self.texts, "tests": tests}
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(kept), encoding="utf-8")


def earlier_lines(before: str, after: str) -> dict[int, int]:
    """Return the number that each line of a text has in an earlier one; a new line has that of the line above it."""
    pairs = difflib.SequenceMatcher(a=before.splitlines(), b=after.splitlines(), autojunk=False)
    same = {b + each + 1: a + each + 1 for a, b, size in pairs.get_matching_blocks() for each in range(size)}
    found = {0: 1}
    for number in range(1, len(after.splitlines()) + 1):
        found[number] = same.get(number, found[number - 1])
    return found


def read_map(path: Path) -> LineMap:
    """Read a map, or begin an empty one."""
    if not path.exists():
        return LineMap()
    kept = json.loads(path.read_text(encoding="utf-8"))
    names = list(kept["seconds"])
    tests = {
        module: {int(line): [names[each] for each in found] for line, found in lines.items()}
        for module, lines in kept["tests"].items()
    }
    return LineMap(seconds=kept["seconds"], recorded=kept["recorded"], texts=kept["texts"], tests=tests)


def test_modules(root: Path) -> dict[str, str]:
    """Return the test modules that can be recorded, with their checksums."""
    paths = (path for name in TEST_FOLDERS for path in sorted((root / "tests" / name).rglob("test_*.py")))
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def bring_up_to_date(known: LineMap, tree: Tree, directory: Path, workers: int) -> None:
    """Record the test modules that are new or have changed."""
    modules = test_modules(tree.root)
    missing = [name for name, checksum in modules.items() if known.recorded.get(name) != checksum]
    if not missing:
        return
    print(f"recording the lines that {len(missing)} test modules execute", flush=True)
    directory.mkdir(parents=True)
    patterns = "".join(f"\n    {tree.root / name}" for name in judged_files(tree.root))
    (directory / "coveragerc").write_text(
        f"[run]\ndata_file = {directory}/lines\ninclude ={patterns}\npatch =\n    _exit\nsigterm = true\n"
        "disable_warnings = no-data-collected, module-not-measured\n",
        encoding="utf-8",
    )
    startup = tree.root / "sitecustomize.py"
    startup.write_bytes(Path(record_lines.__file__).read_bytes())
    done = subprocess.run(
        [*PYTEST, "-p", "sitecustomize", "-n", str(workers), "--dist", "worksteal", *missing],
        cwd=tree.root, env={**tree.environment(), record_lines.FOLDER: str(directory)}, check=False,
    )  # fmt: skip
    startup.unlink()
    if done.returncode not in (0, 1):
        raise SystemExit("the tests could not be recorded")
    read_records(known, tree.root, directory, missing)
    known.recorded.update({name: modules[name] for name in missing})


def read_records(known: LineMap, root: Path, directory: Path, modules: Iterable[str]) -> None:
    """Put what was recorded of some test modules in the place of what was known of them."""
    anew = set(modules)
    seconds = {test: each for test, each in known.seconds.items() if test.partition("::")[0] not in anew}
    for path in directory.glob("*.tests"):
        for line in path.read_text(encoding="utf-8").splitlines():
            outcome, took, test = line.split(" ", 2)
            if outcome == "passed":
                seconds[test] = float(took)
    texts = {name: (root / name).read_text(encoding="utf-8") for name in judged_files(root)}
    tests: dict[str, dict[int, set[str]]] = {name: defaultdict(set) for name in texts}
    for module in known.tests.keys() & texts.keys():
        by_line = known.tests[module]
        for number, earlier in earlier_lines(known.texts[module], texts[module]).items():
            tests[module][number] |= seconds.keys() & by_line.get(earlier, [])
    for path in directory.glob("lines.*"):
        data = coverage.CoverageData(str(path))
        data.read()
        for file in data.measured_files():
            module = os.path.relpath(file, root)
            for number, contexts in data.contexts_by_lineno(file).items():
                tests[module][number] |= seconds.keys() & contexts
    known.seconds, known.texts = seconds, texts
    known.tests = {
        module: {number: sorted(names) for number, names in found.items() if names} for module, found in tests.items()
    }
