"""Write greetings: ``write NAME FILE``, ``shout FILE FILE``, ``gather LIST FILE``."""

from __future__ import annotations

import sys
from pathlib import Path


def write(name: str, target: str) -> None:
    """Write a greeting to a file."""
    Path(target).write_text(f"hello, {name}\n", encoding="utf-8")


def shout(source: str, target: str) -> None:
    """Copy a greeting in capitals."""
    Path(target).write_text(Path(source).read_text(encoding="utf-8").upper(), encoding="utf-8")


def gather(listing: str, target: str) -> None:
    """Concatenate the files of a list, which has one path a line."""
    files = Path(listing).read_text(encoding="utf-8").split()
    Path(target).write_text("".join(Path(file).read_text(encoding="utf-8") for file in files), encoding="utf-8")


def main() -> int:
    """Run the verb of the command line, and return the exit status."""
    verbs = {"write": write, "shout": shout, "gather": gather}
    if len(sys.argv) != 4 or sys.argv[1] not in verbs:
        print(__doc__, file=sys.stderr)
        return 2
    verbs[sys.argv[1]](*sys.argv[2:])
    print(f"{sys.argv[1]}: made {sys.argv[3]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
