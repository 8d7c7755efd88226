"""The picture of a rule profile: phone size, the same bytes again, any number of parameters."""

from datetime import date

import pytest

from pipeline.domain.report import Interval
from pipeline.render.profile_chart import FONT, HEIGHT, WIDTH, profile_chart
from pipeline.research.profile import GroundProfile, Panel, Point


def ground(parameters, values):
    points = tuple(
        Point(
            value=f"{v}", expectancy=None if v == 1 else Interval(value=0.1, low=-0.2, high=0.4),
            mean_r=0.1, win_rate=0.5, trades=1234, variants=1,
        )
        for v in range(values)
    )  # fmt: skip
    panels = tuple(Panel(parameter=f"p{i}", own="3", points=points) for i in range(parameters))
    return GroundProfile(
        symbol="EURUSD", timeframe="M5", start=date(2025, 1, 1), end=date(2025, 6, 30),
        rule_version="1.0", options={}, synthetic=True, runs=("run_1",), variants=4, summaries=0,
        panels=panels,
    )  # fmt: skip


@pytest.mark.parametrize(("parameters", "values"), [(1, 1), (2, 4), (6, 12), (9, 3)])
def test_it_is_drawn_for_a_phone(parameters, values):
    assert (WIDTH, HEIGHT, FONT) == (1080, 1350, 22.0)
    drawn = [
        profile_chart(ground(parameters, values), "t", "s", theme="tv_dark", run_id="run_1")
        for _ in range(2)
    ]
    assert drawn[0].png == drawn[1].png
    assert (drawn[0].width, drawn[0].height) == (1080, 1350)
