"""Vectors of real days come out again from the bars as seen; each planted difference is found."""

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from pipeline.domain.market import Timeframe
from pipeline.live.feature_parity import VectorsCompared, together
from pipeline.live.recounting import recounted
from pipeline.ml.features import features_of, frames_at
from tests.kit.real_bars import real_bars
from tests.kit.setups import EURUSD, LIBRARY
from tests.unit.pipeline.live.test_parity import OFTEN, eurusd

M1, M5, M15 = Timeframe.M1, Timeframe.M5, Timeframe.M15


@pytest.fixture(scope="module")
def minutes():
    bars, _ = real_bars("eurusd_m1_mt5_2020")
    return bars


@pytest.fixture(scope="module")
def lived(minutes):
    everything = [(s, t) for s in LIBRARY.values() for t in (M1, M5, M15)]
    return eurusd(minutes, [*everything, (OFTEN, M5)], hours=4)


def changed(day, **change):
    first, *rest = day.live
    return replace(day, live=(first.model_copy(update=change), *rest))


def test_a_day_s_vectors_come_out_again_to_the_last_bit(lived):
    found = recounted(lived.day())
    assert found == VectorsCompared(vectors=len(lived.signals), identical=len(lived.signals))
    assert found.vectors > 10


def test_a_last_bit_that_differs_is_found_and_named(lived):
    day = lived.day()
    vector = dict(day.live[0].features)
    vector["stop_atr"] *= 1 + 2**-50
    found = recounted(changed(day, features=vector))
    [one] = found.differences
    assert (one.signal_id, one.feature, one.features) == (day.live[0].signal_id, "stop_atr", 1)
    assert one.live != one.again == day.live[0].features["stop_atr"]
    assert found.identical == found.vectors - 1


def test_what_live_did_not_know_is_a_difference_what_is_gone_is_none(lived):
    day = lived.day()
    vector = dict(day.live[0].features) | {"h4_slope_30": None}
    [one] = recounted(changed(day, features=vector)).differences
    assert (one.feature, one.live) == ("h4_slope_30", None)
    short = replace(day, history=day.history[-4000:].reset_index(drop=True))
    found = recounted(short)
    assert (found.cut_short, found.differences) == (found.vectors, ())


def test_another_version_and_no_vector_are_left_out(lived):
    day = lived.day()
    for change in ({"feature_version": "0"}, {"features": None, "feature_version": None}):
        found = recounted(changed(day, **change))
        assert (found.left_out, found.vectors) == (1, len(day.live) - 1)
    nothing = VectorsCompared()
    assert recounted(replace(day, live=())) == nothing
    assert together([found, nothing, found]).vectors == 2 * found.vectors


def test_a_bar_that_came_after_its_close_was_asked_is_no_difference(minutes, lived):
    """Live's vector is that of the bars it had; the bar that came late is no fault of features."""
    closes = sorted({r.signal.known_at for r in lived.signals if r.signal.tf is M5})
    late = {close - timedelta(minutes=1): 1 for close in closes}
    live = eurusd(minutes, late=late, hours=4)
    again = recounted(live.day())
    assert again.identical == again.vectors > 5
    whole = pd.concat([live.history, live.seen], ignore_index=True)
    other = [
        r for r in live.signals
        if r.features != features_of(
            r.signal, r.plan, frames_at(whole, r.signal.tf, r.signal.known_at), EURUSD
        )
    ]  # fmt: skip
    assert other, "vectors of bars that were not whole yet"
