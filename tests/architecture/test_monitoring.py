"""The dashboard and the alert rules: whole, and asking only for what processes tell."""

import re

import pytest

from storage.metrics import METRICS
from tests.kit import monitoring

BY_SAMPLE = {
    f"{metric.name}{end}": metric
    for metric in METRICS
    for end in (("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",))
}
GROUPED = re.compile(r"by \(([^)]*)\)")
PAIRS = {")": "(", "]": "[", "}": "{"}


@pytest.mark.parametrize("asked", monitoring.expressions())
def test_an_expression_is_whole_and_groups_by_labels_that_exist(asked):
    open_ones = []
    for sign in asked:
        if sign in PAIRS.values():
            open_ones.append(sign)
        elif sign in PAIRS:
            assert open_ones.pop() == PAIRS[sign]
    assert open_ones == []
    used = [BY_SAMPLE[name] for name in monitoring.NAME.findall(asked) if name in BY_SAMPLE]
    known = {"le", *(label for metric in used for label in metric.labels)}
    for words in GROUPED.findall(asked):
        assert {word.strip() for word in words.split(",")} <= known
    for metric in used:  # what only grows is asked for its growth, and nothing else is
        grows = metric.kind in ("counter", "histogram")
        assert ("rate(" in asked or "increase(" in asked) == grows, metric.name


def test_every_metric_of_ours_that_matters_is_shown_or_watched():
    asked = monitoring.names()
    assert asked <= {*BY_SAMPLE, "process_resident_memory_bytes", "process_cpu_seconds_total"}
    shown = {BY_SAMPLE[name].name for name in asked if name in BY_SAMPLE}
    assert {metric.name for metric in METRICS} == shown


def test_panels_and_rules_are_complete():
    panels = monitoring.dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["targets"] and panel["title"] for panel in panels)
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels]
    assert len(set(places)) == len(places)
    for rule in monitoring.rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
        assert re.fullmatch(r"\d+m", rule["for"])
