"""Page of environment variables."""

from __future__ import annotations

from collections.abc import Iterator

from tools.reference.markdown import table

title = "Environment variables"

#: Read from the environment of a command.
READ = {
    "FW_HOME": "Directory of the registry, the home archive and the runs. Default: `~/.local/share/skyfw`.",
    "FW_REGISTRY": "URL of the registry, `sqlite:////path/file` or `postgresql://user@host/database`. "
    "Default: `registry.sqlite` in `FW_HOME`. `--registry` wins.",
    "FW_SITE": "File of the site's own values. Default: `site.wcl` in `FW_HOME`.",
    "FW_SECRETS": "File of lines `name = value`, which only its owner may read. Default: `secrets` in `FW_HOME`.",
    "FW_SECRET_NAME": "Value of `$SECRET{name}`: `FW_SECRET_` and the name in capitals. It goes before a file.",
    "FW_LOG": "Level of events that are logged: `debug`, `info`, `warning` or `error`, on standard error, "
    "or in a file: `debug:FILE`. `--verbose` is the same for one command.",
    "NO_COLOR": "No colours, if it is set.",
}
#: Given to the programs of a call.
PROGRAMS = {
    "FW_RUN": "Name of the run.",
    "FW_ATTEMPT": "Id of the attempt in the registry.",
    "FW_JOB": "Number of the job in the run.",
    "FW_CALL": "Number of the call in the run.",
}
#: Given to the command `stage` of an archive.
STAGE = {
    "FW_ARCHIVE": "Name of the archive.",
    "FW_ARCHIVE_ROOT": "Directory or address of the archive.",
}
#: Marks of processes, by which those of a run are found and ended.
MARKS = {
    "FW_FENCE": "Directory of the run.",
    "FW_WORKER": "Worker that started the process.",
}


PARTS = {
    "Read by commands": READ,
    "Given to the programs of a call": PROGRAMS,
    "Given to the command `stage` of an archive": STAGE,
    "Marks of processes, not to be set": MARKS,
}


def lines() -> Iterator[str]:
    """Yield the page: a table for each use."""
    for number, (heading, variables) in enumerate(PARTS.items()):
        yield from (*([""] if number else []), f"## {heading}", "")
        yield from table(("variable", "meaning"), ((f"`{name}`", meaning) for name, meaning in variables.items()))
