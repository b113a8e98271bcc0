"""Exit codes: classes and remedies of failed jobs, from events of CALCLOUD."""

import pytest
import yaml

from pipelines.calcloud.calibration.exit_codes import classify_event

EVENTS = {
    "batch-event-caldp-memory-error": ("memory", "next rung"),
    "batch-event-container-memory-error": ("memory", "next rung"),
    "batch-event-log-memory-error": ("memory", "next rung"),
    "batch-event-os-memory-error": ("memory", "next rung"),
    "batch-event-timeout-error": ("timeout", "next quantile"),
    "batch-event-cannot-inspect-error": ("infrastructure", "same again"),
    "batch-event-docker-timeout-error": ("infrastructure", "same again"),
    "batch-event-operator-cancelled": ("cancelled", "give up"),
    "batch-event-generic-error": ("error", "give up"),
    "batch-event-temp": ("error", "give up"),
}


def test_every_real_event_is_classified(hst_events):
    found = {path.stem: classify_event(yaml.safe_load(path.read_text())) for path in hst_events}
    assert {name: (failure.kind, failure.remedy) for name, failure in found.items()} == EVENTS


@pytest.mark.parametrize("status", [1, 2, 21, 23, 25, 27, 137])
def test_a_status_not_of_memory_is_an_error(status):
    assert classify_event({"detail": {"container": {"exitCode": status}}}).kind == "error"


def test_an_event_without_anything_is_an_error():
    assert classify_event({}).kind == "error"
