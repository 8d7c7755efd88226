"""What the trace says is what is drawn: captions, merged sweeps, the span, exits of two legs."""

from datetime import timedelta

import numpy as np
import pytest

from pipeline.domain.market import Side, Timeframe
from pipeline.domain.trade import ExitReason
from pipeline.render.chart import LAYOUTS, Look, draw_signal
from pipeline.render.position import first_target_slot, last_leg, price_tags
from pipeline.render.scene import Scene
from pipeline.render.story import caption, drawn_steps, story_span
from pipeline.render.theme import TV_DARK
from pipeline.render.window import choose_window
from tests.kit.pictures import GER40, opened, raid_case, trade_of, walk


@pytest.fixture
def case():
    bars = walk(np.random.default_rng(11), 400, Timeframe.M5, 19850.0)
    kinds = ("range", "sweep", "gap", "structure", "pattern")
    signal, plan = raid_case(
        bars, Timeframe.M5, GER40, (200, 220, 230, 236), Side.LONG, kinds=kinds, targets=(1.0, 3.0)
    )
    return bars, signal, plan


def test_captions_are_short_and_say_what_happened(case):
    _, signal, _ = case
    assert [caption(step) for step in signal.trace] == [
        "Frankfurt range", "Sweep + reclaim", "Gap inverted", "CHoCH", "Engulfing",
    ]  # fmt: skip


def test_a_sweep_and_its_reclaim_are_drawn_once(case):
    _, signal, _ = case
    reclaim = signal.trace[1]
    early = reclaim.start - timedelta(minutes=5)
    sweep = reclaim.model_copy(update={"event": "penetrated", "start": early})
    merged = drawn_steps((signal.trace[0], sweep, reclaim))
    assert [step.kind for step in merged] == ["range", "sweep"]
    assert (merged[1].event, merged[1].start) == ("reclaimed", early)


def test_a_structure_break_in_place_of_a_gap_is_drawn_as_one(case):
    _, signal, _ = case
    step = signal.trace[2].model_copy(update={"event": "choch"})
    assert drawn_steps((step,))[0].kind == "structure"


def test_an_old_structure_break_does_not_stretch_the_picture(case):
    _, signal, _ = case
    days = timedelta(days=3)
    old = signal.trace[3].model_copy(update={"start": signal.known_at - days})
    stretched = signal.model_copy(update={"trace": (*signal.trace, old)})
    assert story_span(stretched, None) == story_span(signal, None)
    assert story_span(signal, None)[0] == signal.trace[0].start


def scene_of(bars, signal, plan, trade):
    look = Look(TV_DARK, LAYOUTS["phone"], "UTC", "", "", synthetic=False)
    canvas, mapping = draw_signal(bars, (signal, plan, trade), GER40, look, 100)
    window = choose_window(bars, signal.tf, story_span(signal, trade), 100)
    return Scene(canvas, mapping, window, TV_DARK, GER40, signal.side, 24)


def test_the_last_leg_follows_from_the_weighted_exit(case):
    bars, signal, plan = case
    first, risk = plan.targets[0].price, plan.entry_price - plan.sl_price
    bars.loc[239, "high"] = first + risk / 2
    weighted = 0.5 * first + 0.5 * plan.entry_price
    trade = trade_of(plan, bars, (237, 260), weighted, ExitReason.BE)
    scene = scene_of(bars, signal, plan, trade)
    assert scene.mapping.time_at(
        scene.mapping.slot_x(first_target_slot(scene, plan, trade))
    ) <= opened(bars, 239)
    assert last_leg(scene, plan, trade) == pytest.approx(plan.entry_price)
    words = [tag.words.split()[0] for tag in price_tags(scene, plan, trade)]
    assert words == ["Entry", "SL", "TP1", "TP2"]


def test_an_exit_off_all_plan_prices_has_its_own_tag(case):
    bars, signal, plan = case
    trade = trade_of(plan, bars, (237, 237), plan.sl_price - 9, ExitReason.SL)
    scene = scene_of(bars, signal, plan, trade)
    assert price_tags(scene, plan, trade)[-1].words == f"Exit {plan.sl_price - 9:.1f}"
