"""Truth values: the texts that mean true or false."""

import re

from wcl.errors import SourcePosition, error_at
from wcl.spelling import did_you_mean

WORDS = {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}


def parse_boolean(value: str, position: SourcePosition | None = None) -> bool:
    """Return the truth value of a text: yes, y, true or a number other than 0; no, n, false or 0."""
    text = value.strip().lower()
    if text in WORDS:
        return WORDS[text]
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return text.strip("+-0") != ""
    hint = did_you_mean(text, ("yes", "true", "no", "false")) or "write True or False"
    raise error_at(position or SourcePosition("<text>", 0), f"'{value}' is neither true nor false", hint)
