"""Write the pages of docs/reference, or compare them with the code.

python -m tools.reference            write them
python -m tools.reference --check    name those that differ, and end with 1
"""

from __future__ import annotations

import sys

from tools.reference.pages import PAGES, outdated_pages, write_pages


def main() -> int:
    """Write or compare the pages."""
    if sys.argv[1:] == ["--check"]:
        outdated = outdated_pages()
        for name in outdated:
            print(f"docs/reference/{name}.md differs from the code: make docs")
        return 1 if outdated else 0
    write_pages()
    print(f"docs/reference: {len(PAGES)} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
