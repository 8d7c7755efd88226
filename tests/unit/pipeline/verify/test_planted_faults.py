"""Faults planted on purpose: each is caught by the check that exists for it, its healthy twin passes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.data.buffer import BarBuffer
from pipeline.detectors import base, get
from pipeline.domain.bars import float_column, time_column
from pipeline.domain.events import Events
from pipeline.domain.market import Timeframe
from pipeline.setups.model import ConfluenceRule, Expected
from pipeline.verify.subject import SetupSubject
from tests.kit.setups import LIBRARY, TOY, random_bars
from tests.kit.verifying import every_check

pytestmark = pytest.mark.slow

SPEC = LIBRARY["Asia_sweep_engulf_v1"].model_copy(update={"expected": None})
BARS = random_bars(np.random.default_rng(7), Timeframe.M5, 60)
CHECKS = {"prefixes", "warm_up", "repeats", "replay", "fills", "counts"}


def failed(bars=BARS, **faults) -> dict[str, object]:
    """Return the checks that fail, with what they say."""
    found = every_check(SetupSubject(SPEC, Timeframe.M5, TOY), bars, **faults)
    assert set(found) == CHECKS
    return {name: c.difference for name, c in found.items() if c.verdict == "failed"}


def through_a_frame(change):
    """Return a detector that changes an honest one's events, given as a frame."""

    def of(name):
        honest = get(name).detect
        return lambda bars, *rest: Events.from_frame(
            change(honest(bars, *rest).to_frame(), bars).reset_index(drop=True)
        )

    return of


@pytest.fixture
def plant(monkeypatch):
    """Put another detector in the place of an honest one of that name."""

    def put(name, **changes):
        monkeypatch.setitem(base._REGISTRY, name, replace(get(name), **changes))

    return put


def test_the_healthy_twin_passes_every_check():
    found = every_check(SetupSubject(SPEC, Timeframe.M5, TOY), BARS)
    assert {c.verdict for c in found.values()} == {"passed"}
    assert all(c.compared > 5 for c in found.values())


@through_a_frame
def one_bar_early(events, bars):
    """Say each pattern one bar before it is complete."""
    bar = events["bar"] - 1
    return events.assign(
        bar=bar, known_at=pd.DatetimeIndex(time_column(bars, "close_time")[bar], tz="UTC")
    )


def test_a_detector_that_peeks_one_bar(plant):
    plant("engulfing", detect=one_bar_early("engulfing"))
    found = failed()
    assert found["prefixes"].what.startswith("engulf")
    assert "warm_up" in found, "what it says of the last bar needs the next one"
    assert not {"repeats", "fills"} & set(found)


def test_a_series_that_peeks_one_bar(plant):
    honest = get("atr").detect

    def peeking(*given):
        return np.append(honest(*given)[1:], np.nan)

    plant("atr", detect=peeking)
    assert failed()["prefixes"].what == "atr"


@through_a_frame
def growing(events, bars):
    """Let each range grow with what came later, as if it had always been so."""
    later = [float_column(bars, "high")[b : b + 500].max() for b in events["bar"]]
    return events.assign(price_high=np.maximum(events["price_high"], later))


def test_a_detector_that_repaints(plant):
    plant("session_range", detect=growing("session_range"))
    found = failed()
    assert found["prefixes"].what.startswith("asia")
    assert found["prefixes"].field in ("price_high", "")
    assert "repeats" not in found


@through_a_frame
def without_failures(events, bars):
    """Forget raids that were not reclaimed: what was said is unsaid."""
    lost = set(events.loc[events["event"].isin(["accepted_break", "expired"]), "zone_id"])
    return events[~events["zone_id"].isin(lost)]


def test_a_detector_that_unsays_what_failed(plant):
    plant("raid", detect=without_failures("raid"))
    assert failed(cuts=200)["prefixes"].what.startswith("raids")


def test_a_detector_with_too_short_a_warm_up(plant):
    plant("atr", warm_up=lambda _parameters, _timeframe: 20)
    found = failed()
    assert found["warm_up"].what == "atr"
    assert not {"prefixes", "repeats", "fills"} & set(found)


def test_a_detector_that_throws_dice(plant):
    honest, dice = get("atr").detect, np.random.default_rng(3)
    plant("atr", detect=lambda *given: honest(*given) * (1 + 1e-6 * dice.random()))
    found = failed()
    assert found["repeats"].what == "atr"
    assert found["repeats"].left != found["repeats"].right


def test_a_detector_that_writes_into_its_bars(plant):
    honest = get("atr").detect

    def greedy(bars, *rest):
        high = float_column(bars, "high")
        high.flags.writeable = True
        high[0] += 1.0
        return honest(bars, *rest)

    plant("atr", detect=greedy)
    assert "repeats" in failed(BARS.copy(deep=True))


class LosesBars(BarBuffer):
    """A feed that misses a bar now and then."""

    def append(self, bars: pd.DataFrame) -> tuple[Timeframe, ...]:
        if len(bars) == 1 and bars["open_time"].iloc[0].minute == 35:
            return ()
        return super().append(bars)


def test_a_live_path_that_drops_a_bar():
    found = failed(buffer=lambda live: LosesBars(live.trigger, live.depths))
    assert set(found) == {"replay"}
    assert found["replay"].what == "M5 bars"


def test_a_live_path_with_too_shallow_a_buffer():
    def shallow(live):
        return BarBuffer(live.trigger, dict.fromkeys(live.depths, 60))

    assert set(failed(buffer=shallow)) == {"replay"}


def test_a_setup_that_hardly_ever_speaks():
    never = ConfluenceRule(name="never", weight=1, required=True, value="close", max=0)
    quiet = SPEC.model_copy(update={"confluences": (never,), "expected": None})
    found = every_check(SetupSubject(quiet, Timeframe.M5, TOY), BARS)
    assert found["counts"].verdict == "look"
    assert found["counts"].difference.left == "0"
    assert found["fills"].verdict == "look", "no trade proves nothing"


def test_a_setup_that_speaks_more_often_than_it_declares():
    rare = Expected(signals_per_100_days=(1.0, 3.0))
    wrong = SPEC.model_copy(update={"expected": rare})
    found = every_check(SetupSubject(wrong, Timeframe.M5, TOY), BARS)["counts"]
    assert found.verdict == "failed"
    assert found.difference.right == "1 to 3"
    variant = wrong.model_copy(update={"use": ("another",)})
    assert every_check(SetupSubject(variant, Timeframe.M5, TOY), BARS)["counts"].verdict == "look"
