"""The whole plan of a pipeline that uses much of the language, as it is on record in ``golden_plans/``.

After a change on purpose: ``FW_WRITE_GOLDEN=1 pytest tests/plan/test_whole_plan.py``.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from framework.model.job import ArchivedFile
from framework.pipeline.questions import FoundFile

GOLDEN = Path(__file__).parent / "golden_plans"


def raw(band: str, ccd: int) -> dict[str, FoundFile]:
    """Return what the registry says of a raw file; every second one lies compressed in another archive."""
    known = ArchivedFile(100 * ccd, f"sum{ccd}", ".gz" if ccd % 2 else "", "far" if ccd % 2 else "")
    metadata = {"band": band, "ccd": str(ccd), "seeing": f"0.{ccd}", "kind": "raw"}
    return {"": FoundFile(path=f"raw/{band}{ccd}.fits", filetype="raw", metadata=metadata, known=known)}


def plain(value: Any) -> Any:
    """Return a value of a plan as JSON has it; what has its default is left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    elif isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items() if each not in (None, "", (), {})}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def test_the_plan_of_a_rich_pipeline_is_as_it_is_on_record(plan):
    lines = [raw(band, ccd) for band in "gr" for ccd in (10, 1, 2)]
    made = plan((GOLDEN / "rich.wcl").read_text(encoding="utf-8"), lines=lines)
    text = json.dumps(plain(made), indent=1, ensure_ascii=False) + "\n"
    golden = GOLDEN / "rich.json"
    if os.environ.get("FW_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
