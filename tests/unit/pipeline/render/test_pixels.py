"""The map: there and back, and the pixel that it names has the colour that was drawn there."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipeline.domain.market import Side, Timeframe
from pipeline.render.chart import signal_chart
from pipeline.render.pixels import PixelMap
from pipeline.render.theme import TV_DARK, TV_LIGHT
from tests.kit.pictures import EURUSD, raid_case, walk

START = 1_700_000_040


def mapping(**other):
    fields = {
        "left": 10, "right": 1010, "top": 100, "bottom": 1100, "price_low": 1.0, "price_high": 2.0,
        "times": tuple(START + 60 * i for i in range(100)),
    }  # fmt: skip
    return PixelMap(**{**fields, **other})


def test_prices_there_and_back():
    m = mapping()
    assert (m.y(1.0), m.y(2.0), m.y(1.5)) == (1100, 100, 600)
    assert m.price_at(m.y(1.2345)) == pytest.approx(1.2345)


def test_a_moment_within_a_bar_is_at_that_bar():
    m = mapping()
    first = datetime.fromtimestamp(START, UTC)
    assert m.x(first) == m.x(first + timedelta(seconds=59)) == 15
    assert m.x(first + timedelta(seconds=60)) == 25
    assert m.time_at(m.x(first + timedelta(minutes=42))) == first + timedelta(minutes=42)


def test_moments_outside_are_at_the_edges():
    m = mapping()
    assert m.slot(0.0) == 0
    assert m.slot(9e9) == 99
    assert m.time_at(-5) == datetime.fromtimestamp(START, UTC)


def test_a_straight_axis_lies_between_its_two_times():
    m = mapping(times=(0, 1000), stepped=False)
    assert (m.x(0.0), m.x(500.0), m.x(2000.0)) == (10, 510, 1010)
    assert m.time_at(510) == datetime.fromtimestamp(500, UTC)


def test_the_map_survives_json():
    m = mapping()
    assert PixelMap.model_validate_json(m.model_dump_json()) == m


def colour(text):
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


@pytest.mark.parametrize("theme", [TV_DARK, TV_LIGHT])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_objects_are_where_the_map_says(theme, size):
    bars = walk(np.random.default_rng(7), 400, Timeframe.M1, 1.1)
    case = raid_case(bars, Timeframe.M1, EURUSD, (200, 230, 240, 246), Side.LONG, kinds=("range",))
    picture = signal_chart(bars, *case, None, instrument=EURUSD, theme=theme.name, size=size)
    image = np.asarray(Image.open(BytesIO(picture.png)).convert("RGB"))
    m = picture.mapping
    assert tuple(image[3, 3]) == colour(theme.background)
    # Every candle's body has its colour at the middle of its slot and of its body.
    last = m.times[99]  # what follows is empty room
    shown = bars[bars["open_time"].map(lambda t: m.times[0] <= t.timestamp() <= last)]
    wrong = 0
    for bar in shown.itertuples():
        x, y = int(m.x(bar.open_time.to_pydatetime())), int(m.y((bar.open + bar.close) / 2))
        wanted = theme.up if bar.close >= bar.open else theme.down
        wrong += tuple(image[y, x]) != colour(wanted)
    assert len(shown) == 100
    assert wrong <= 8  # those under a label or a mark
    # The stop's line is where its price is, three pixels thick.
    plan = case[1]
    y = int(m.y(plan.sl_price))
    x = int(m.x(plan.known_at + timedelta(minutes=3)))
    rows = [tuple(image[row, x]) == colour(theme.stop) for row in range(y - 2, y + 3)]
    assert rows == [False, True, True, True, False]
