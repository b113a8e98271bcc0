"""Draw mutants at random, and tell which of them no test notices.

python -m tools.mutants [--mutants N] [--seed N] [--seconds N] [--workers N]

Mutants are drawn from planning, the engines and the selection of files; the words of the log are left out, and so are
modules that only a pool executes. They live in copies of the repository. Which tests execute which line is recorded
once, in ``.mutants/``, and again for test modules that have changed.
"""

from __future__ import annotations

import argparse
import difflib
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tools.mutants.line_map import PYTEST, TEST_FOLDERS, LineMap, bring_up_to_date, read_map
from tools.mutants.operators import mutations, says_something_else
from tools.mutants.tree import Tree, judged_files
from tools.mutants.trial import SLOWER, START_SECONDS, Mutant, Verdict, chosen_tests, judge

ROOT = Path(__file__).parents[2]


def main(root: Path = ROOT, arguments: list[str] | None = None) -> int:
    """Draw, judge and report; 1 is returned where a mutant survived."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("--mutants", type=int, default=300, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="draws them again")
    parser.add_argument("--seconds", type=float, default=60, help="seconds of tests for each mutant")
    parser.add_argument("--workers", type=int, default=2, help="mutants judged at a time")
    asked = parser.parse_args(arguments)
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        trees = [Tree(root, Path(name) / str(number)) for number in range(asked.workers)]
        lines = read_map(root / ".mutants" / "lines.json")
        bring_up_to_date(lines, trees[0], Path(name) / "records", asked.workers)
        lines.write(root / ".mutants" / "lines.json")
        lines.keep_only(collected(trees[0]))
        mutants = draw(trees[0].root, asked.mutants, asked.seed)
        survivors = report(verdicts(mutants, lines, trees, asked.seconds), len(mutants))
    return 1 if survivors else 0


def collected(tree: Tree) -> set[str]:
    """Return the tests that there are."""
    folders = [f"tests/{name}" for name in TEST_FOLDERS if (tree.root / "tests" / name).is_dir()]
    done = subprocess.run(
        [*PYTEST, "--collect-only", *folders], cwd=tree.root, env=tree.environment(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.splitlines())


def draw(root: Path, count: int, seed: int) -> list[Mutant]:
    """Draw mutants of the judged modules, each mutation as likely as any other."""
    texts = {name: (root / name).read_text(encoding="utf-8") for name in judged_files(root)}
    every = [Mutant(name, text, mutation) for name, text in texts.items() for mutation in mutations(text)]
    random.Random(seed).shuffle(every)  # noqa: S311  (no secret)
    good = (each for each in every if says_something_else(each.mutation, each.source))
    return [each for each, _ in zip(good, range(count), strict=False)]


def verdicts(mutants: list[Mutant], lines: LineMap, trees: list[Tree], seconds: float) -> Iterator[Verdict]:
    """Judge mutants side by side, one in each copy of the tree."""
    free: SimpleQueue[Tree] = SimpleQueue()
    for tree in trees:
        free.put(tree)

    def judge_in_a_free_tree(mutant: Mutant) -> Verdict:
        tree = free.get()
        try:
            tests, known = chosen_tests(lines, mutant, seconds)
            limit = START_SECONDS + SLOWER * sum(lines.seconds[test] for test in tests)
            return judge(mutant, tests, known, tree, limit)
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(trees)) as pool:
        yield from pool.map(judge_in_a_free_tree, mutants)


def report(judged: Iterator[Verdict], count: int) -> int:
    """Print each survivor as it is found and a summary, and return how many survived."""
    survived = timed_out = 0
    for number, verdict in enumerate(judged, 1):
        timed_out += verdict.outcome == "killed: time"
        if verdict.outcome.startswith("survived"):
            survived += 1
            print(f"\n{number}/{count}", *survivor_lines(verdict), sep="\n", flush=True)
    print(f"\n{count} mutants, {timed_out} killed by their time, {survived} survived: {survived / max(count, 1):.1%}")
    return survived


def survivor_lines(verdict: Verdict) -> Iterator[str]:
    """Say what a survivor changes and which tests did not notice."""
    mutant = verdict.mutant
    yield f"{mutant.module}:{mutant.line}: {mutant.mutation.name}: {verdict.outcome}"
    before, after = mutant.source.splitlines(), mutant.mutation.apply(mutant.source).splitlines()
    yield from (
        line for line in difflib.unified_diff(before, after, n=2, lineterm="") if line[:3] not in ("---", "+++")
    )
    if verdict.tests:
        modules = sorted({test.partition("::")[0] for test in verdict.tests})
        yield f"{len(verdict.tests)} of {verdict.known} tests that execute it ran: {', '.join(modules)}"


if __name__ == "__main__":
    sys.exit(main())
