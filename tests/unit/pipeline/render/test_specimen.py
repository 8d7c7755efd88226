"""Every detector's picture: tidy in both themes, each event labelled, in its word, at its close."""

from collections import Counter
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipeline.catalogue.entries import entry_of
from pipeline.catalogue.entry import found_in
from pipeline.detectors import all_detectors
from pipeline.render.specimen import HEIGHT, WIDTH, draw_specimen, specimen_chart
from pipeline.render.theme import THEMES, TV_DARK
from tests.kit.tidy import assert_tidy, words_of

pytestmark = pytest.mark.slow

NAMES = [detector.name for detector in all_detectors()]


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_tidy_and_has_room_for_every_label(name, theme):
    canvas, crowded_out = draw_specimen(entry_of(name), theme)
    assert crowded_out == []
    assert_tidy(canvas)
    assert not [text for text, _, _ in words_of(canvas) if text.endswith("…")], "cut"


@pytest.mark.parametrize("name", NAMES)
def test_each_event_is_labelled_in_its_own_word(name):
    entry = entry_of(name)
    found, _ = found_in(entry.specimen())
    if isinstance(found, np.ndarray):
        return
    canvas, _ = draw_specimen(entry, TV_DARK)
    written = Counter(text for text, _, _ in words_of(canvas))
    for word, count in Counter(found["event"]).items():
        assert written[word] == count + 1, "once at each event, once in the list"


def test_the_picture_is_a_phone_s_and_the_same_each_time():
    first, again = (specimen_chart("raid").png for _ in range(2))
    assert first == again
    assert Image.open(BytesIO(first)).size == (WIDTH, HEIGHT) == (1080, 1350)


def test_the_raid_s_bars_tell_a_raid():
    """A raid's reclaim is marked at the first close back over the level that the picture shows."""
    specimen = entry_of("raid").specimen()
    found, inputs = found_in(specimen)
    level = inputs["levels"]["price_low"].iloc[0]
    reclaim = found[found["event"] == "reclaimed"].iloc[0]
    closes = specimen.bars["close"].to_numpy()
    assert closes[reclaim["bar"]] > level
    assert (closes[reclaim["penetrated_bar"] : reclaim["bar"]] <= level).all()
