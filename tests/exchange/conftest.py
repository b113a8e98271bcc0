"""Recorded runs to write down, and registries to take them in."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

# The registry's tests have what makes registries and stories of runs.
_PLACE = Path(__file__).parents[1] / "registry/conftest.py"
_spec = importlib.util.spec_from_file_location("registry_fixtures", _PLACE)
_fixtures = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _fixtures
_spec.loader.exec_module(_fixtures)

empty_sqlite = _fixtures.empty_sqlite
a_registry = _fixtures.a_registry
new_attempt = _fixtures.new_attempt
postgres_server = _fixtures.postgres_server
empty_postgres = _fixtures.empty_postgres
a_postgres_registry = _fixtures.a_postgres_registry
any_registry = _fixtures.any_registry
any_db = _fixtures.any_db
rows = _fixtures.rows
a_story = _fixtures.a_story
whole_run = _fixtures.whole_run
a_whole_run = _fixtures.a_whole_run
