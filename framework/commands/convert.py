"""Convert a file from WCL to YAML, or from YAML to WCL."""

from __future__ import annotations

from pathlib import Path

import click

from framework.commands.shared.options import var_option, vars_option
from framework.commands.shared.pipeline_file import PipelineFile
from framework.errors import FrameworkError, InfrastructureError

YAML = (".yaml", ".yml")


@click.command(name="convert", epilog="Example: fw convert hello hello.yaml")
@click.argument("source", type=PipelineFile())
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@var_option
@vars_option
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(source: Path, target: Path, variables: dict[str, str], files: dict[str, object], force: bool) -> int:
    """Write the tree of SOURCE, its includes put in, to TARGET; the suffix, .yaml or .wcl, decides the form."""
    # Loaded when the verb runs: its help needs none of it.
    from wcl import read, write
    from wcl.yaml.writer import write_yaml

    if target.exists() and not force:
        raise FrameworkError(f"{target} is there already: name another file, or add --force")
    tree = read(source, variables={**files, **variables})
    text = write_yaml(tree) if target.suffix.lower() in YAML else write(tree)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(f"{target}: {error.strerror}") from error
    if read(target) != tree:
        raise FrameworkError(f"{target} does not read back as the same tree: please report this with {source}")
    return 0
