"""How fast configurations are read and filled in, beside PyYAML's C loader and configobj in the same run.

python -m benchmarks.wcl
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from wcl import Scope, Section, SourcePosition, expand, expand_all, parse, split_command, write
from wcl.yaml.writer import write_yaml

ROUNDS = 7


def nested(modules: int = 470, keys: int = 13) -> dict[str, object]:
    """Modules with programs, files and lists, as real pipelines have them: some 30,000 keys, 1 MB of WCL."""

    def values(n: int, kind: str) -> dict[str, object]:
        return {f"{kind}_{key}": f"${{unitname}}_r{n}p{key}_{kind}" for key in range(keys)}

    return {
        "unitname": "D0012",
        "module": {
            f"step-{n}": {
                **values(n, "key"),
                "exec_1": {"execname": f"prog{n}.py", "cmdline": values(n, "option")},
                "file": {"raw": values(n, "raw"), "red": values(n, "red")},
                "list": {"all": values(n, "all")},
            }
            for n in range(modules)
        },
    }


def seconds(action: Callable[[], object]) -> float:
    """The median of some runs."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def peers(tree: Mapping[str, object], yaml_text: str) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """Other parsers of the same configuration: name, text, what to run."""
    import yaml  # optional: a peer to compare with

    yield "PyYAML, C loader", yaml_text, lambda: yaml.load(yaml_text, Loader=yaml.CSafeLoader)
    try:
        import configobj  # optional: a peer to compare with
    except ImportError:
        print("configobj is not installed: left out")
        return
    lines = list(configobj_lines(tree))
    yield "configobj", "\n".join(lines), lambda: configobj.ConfigObj(lines, interpolation=False)


def configobj_lines(tree: Mapping[str, object], depth: int = 1) -> Iterator[str]:
    yield from (f"{key} = {value}" for key, value in tree.items() if not isinstance(value, Mapping))
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield f"{'[' * depth}{key}{']' * depth}"
            yield from configobj_lines(value, depth + 1)


def parsing() -> None:
    tree = nested()
    section = Section.of(tree)
    text, yaml_text = write(section), write_yaml(section)
    assert parse(text) == tree
    assert parse(text).section("module").section("step-7").position("key_0") == SourcePosition(
        "<text>", line_of(text, "step-7") + 1
    )
    took = seconds(lambda: parse(text))
    rate = len(text) / took / 1e6
    print(f"parse WCL, positions kept     {len(text) / 1e6:.2f} MB  {took * 1e3:7.1f} ms  {rate:6.1f} MB/s  (bar 25)")
    for name, other, action in peers(tree, yaml_text):
        slow = seconds(action)
        print(
            f"{name:<28}  {len(other) / 1e6:.2f} MB  {slow * 1e3:7.1f} ms  {len(other) / slow / 1e6:6.1f} MB/s"
            f"  {slow / took:.1f} times as long"
        )


def line_of(text: str, name: str) -> int:
    return next(n for n, line in enumerate(text.split("\n"), 1) if line.strip() == f"<{name}>")


def filling() -> None:
    root = parse(write(Section.of(nested(modules=1000, keys=2))))
    count = sum(1 for _ in sections(root))
    scope = Scope(root.section("module").section("step-500"), root=root).child({"ccd": "7", "band": "g"})
    many = Scope({"ccd": "1:100,", "band": "(1:100)", "dither": "1,2,3,4,5,6,7,8,9,10"})
    for what, bar, action, repeats in (
        (f"look-up by path, {count:,} sections", 5, lambda: scope.find("module.step-999.list.all.all_1"), 20_000),
        (f"look-up of a top value, {count:,} sections", 5, lambda: scope.find("unitname"), 20_000),
        ("expand one name", 2, lambda: expand("D_${ccd}.fits", scope), 20_000),
        ("expand a pattern of four", None, lambda: expand("${unitname}_${band}_c${ccd:2}_${key_1}", scope), 20_000),
        ("words of an option", None, lambda: split_command("tract=${ccd} filter=${band}", scope), 20_000),
        ("100,000 names from three lists", 1e6, lambda: expand_all("${ccd:3}_${band}_${dither}.fits", many), 1),
    ):
        took = seconds(lambda a=action, r=repeats: [a() for _ in range(r)]) / repeats * 1e6  # type: ignore[misc]
        print(f"{what:<44}  {took:10,.2f} us" + (f"  (bar {bar:,.0f})" if bar else ""))


def sections(section: Section) -> Iterator[Section]:
    for _, inside in section.sections():
        yield inside
        yield from sections(inside)


if __name__ == "__main__":
    parsing()
    filling()
