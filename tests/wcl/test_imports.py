"""Plain WCL files need the standard library only."""

import subprocess
import sys


def test_plain_files_are_read_with_the_standard_library_alone() -> None:
    code = "import sys, wcl, wcl.explain; wcl.parse('a = 1'); print(*{'yaml', 'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
