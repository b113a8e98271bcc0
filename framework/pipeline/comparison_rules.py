"""Rules for comparing two files of one type, declared with the type in ``filetype_metadata``.

``volatile_keys``  names of header cards, columns and JSON keys of any value
``tolerance``      largest difference of numbers: ``relative`` or ``relative, absolute``
``tolerances``     a section with tolerances by column, header card, extension or JSON key
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from framework.pipeline.problems import error_at
from framework.pipeline.section_values import read_names
from wcl import Problem, Section, SourcePosition, WclError


@dataclass(frozen=True)
class Tolerance:
    """Largest difference of two numbers: ``absolute + relative * |old|``."""

    relative: float = 0.0
    absolute: float = 0.0


@dataclass(frozen=True)
class Rules:
    """Differences that two files of one type may have."""

    #: Header cards, columns and JSON keys that may have any value, in capitals.
    volatile: frozenset[str] = frozenset()
    #: Tolerance of all numbers but those of ``columns``.
    tolerance: Tolerance = Tolerance()
    #: Tolerances by the name of a column, header card, extension or JSON key, in capitals.
    columns: Mapping[str, Tolerance] = field(default_factory=dict)

    def is_volatile(self, name: str) -> bool:
        """Return whether a card, column or key may have any value."""
        return name.upper() in self.volatile

    def of(self, name: str) -> Tolerance:
        """Return the tolerance of a card, column, extension or key."""
        return self.columns.get(name.upper(), self.tolerance)


def read_comparison_rules(filetype: Section) -> Rules:
    """Return the rules that a filetype's section declares."""
    columns = filetype.section("tolerances")
    return Rules(
        volatile=frozenset(name.upper() for name in read_names(filetype, "volatile_keys")),
        tolerance=_tolerance(filetype, "tolerance") if "tolerance" in filetype else Tolerance(),
        columns={name.upper(): _tolerance(columns, name) for name in columns},
    )


def check_comparison_rules(pipeline: Section) -> Iterator[Problem]:
    """Yield the problems of tolerances that are not numbers."""
    for _, section in pipeline.section("filetype_metadata").sections():
        try:
            read_comparison_rules(section)
        except WclError as error:
            yield from error.problems


def _tolerance(section: Section, key: str) -> Tolerance:
    position = section.position(key)
    parts = section.text(key).split(",")
    if len(parts) > 2:
        raise _tolerance_error(position, key, section.text(key))
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise _tolerance_error(position, key, section.text(key)) from None
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise _tolerance_error(position, key, section.text(key))
    return Tolerance(*numbers)


def _tolerance_error(position: SourcePosition, key: str, text: str) -> WclError:
    return error_at(position, f"{key} = {text} is not a tolerance", "relative, or relative, absolute: 1e-6, 1e-12")
