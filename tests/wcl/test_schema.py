"""The JSON Schema describes all known keys."""

import json
from typing import Any

from framework.pipeline.keys import DESDM_KEYS
from wcl.keys.declarations import parse_declarations
from wcl.keys.schema import json_schema


def test_every_known_key_is_in_the_schema_with_its_meaning() -> None:
    text = json.dumps(json_schema(DESDM_KEYS))
    assert [key for key, entry in DESDM_KEYS.items() if json.dumps(entry.meaning) not in text] == []


def test_a_mode_takes_its_words_or_a_variable() -> None:
    made: Any = json_schema(parse_declarations("mail | top | mode run never | when"))
    assert made["properties"]["mail"]["anyOf"] == [
        {"type": "string", "pattern": "^(run|never)$"},
        {"type": "string", "pattern": r"\$"},
    ]


def test_programs_and_files_of_a_module_have_their_own_keys() -> None:
    made: Any = json_schema(DESDM_KEYS)
    module = made["$defs"]["module"]
    assert module["patternProperties"] == {r"^exec_\d+$": {"$ref": "#/$defs/exec"}}
    assert module["properties"]["file"] == {"type": "object", "additionalProperties": {"$ref": "#/$defs/file"}}
