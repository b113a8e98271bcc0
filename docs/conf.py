"""Settings of Sphinx: ``make docs`` builds docs/_build/html, with warnings as errors."""

from importlib.metadata import version as version_of

project = "skyfw"
author = "the skyfw developers"
version = release = version_of("skyfw")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# Pages of the reference are long; their tables name things of the code.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = "skyfw"
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_theme_options = {"sidebar_hide_name": False}
# Nothing is fetched when the pages are built or read.
html_show_sphinx = False
html_show_copyright = False
