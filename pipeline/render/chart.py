"""The picture of one signal: bars, what happened step by step, the plan and its outcome."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.domain.market import Instrument, Side, Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.trade import ExitReason, Missed, Plan, Trade
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.frame import MARGIN, Badge, draw_badges, draw_foot, draw_stamp
from pipeline.render.labels import Box
from pipeline.render.pixels import PixelMap
from pipeline.render.position import draw_position, draw_price_tags, price_tags, tag_width
from pipeline.render.scales import Tick, draw_grid, draw_times, price_ticks, time_ticks
from pipeline.render.scene import Scene
from pipeline.render.story import draw_story, story_span
from pipeline.render.theme import Theme, theme_named
from pipeline.render.window import Window, bar_words, choose_window
from pipeline.render.words import day_words, reason_words, signed_r

Size = Literal["phone", "desktop"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Pixels of one size of picture."""

    width: int
    height: int
    font: float
    top: float


LAYOUTS: dict[Size, Layout] = {
    "phone": Layout(1080, 1350, 24, 178),
    "desktop": Layout(1920, 1080, 22, 166),
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a signal's chart is shown, apart from what it shows."""

    theme: Theme
    layout: Layout
    zone: str
    run_id: str
    now_text: str
    synthetic: bool
    longer: Timeframe | None = None


def signal_chart(
    bars: pd.DataFrame,
    signal: Signal,
    plan: Plan,
    trade: Trade | None,
    *,
    instrument: Instrument,
    theme: str = "tv_dark",
    zone: str = "Europe/Berlin",
    run_id: str = "",
    now_text: str = "",
    synthetic: bool = False,
    bars_shown: int = 100,
    size: Size = "phone",
    missed: Missed | None = None,
    longer: Timeframe | None = None,
) -> Picture:
    """Draw a signal so that one sees at a glance what happened and why.

    Parameters
    ----------
    bars
        Bar frame of the signal's timeframe, of any length; the part that tells the story is
        chosen, and joined to longer bars (the header says so) where it exceeds 120.
    trade
        None: not filled, or not yet.
    zone
        The axis shows the bars' open times as this zone's wall clock.
    run_id, now_text
        Written faintly at the bottom right.
    synthetic
        Stamps the picture as made of invented bars.
    size
        "phone" is 1080×1350, "desktop" 1920×1080.
    missed
        Why there was no trade, and when that was; None: there was one, or it isn't known yet.
    longer
        Timeframe of the bars where it is longer than the signal's: what the signal stood in.

    Raises
    ------
    NoBarsError
        There are no bars.
    """
    look = Look(theme_named(theme), LAYOUTS[size], zone, run_id, now_text, synthetic, longer)
    case = (signal, plan, trade)
    canvas, mapping = draw_signal(bars, case, instrument, look, bars_shown, missed)
    return canvas.picture(mapping)


def draw_signal(
    bars: pd.DataFrame,
    case: tuple[Signal, Plan, Trade | None],
    instrument: Instrument,
    look: Look,
    bars_shown: int,
    missed: Missed | None = None,
) -> tuple[Canvas, PixelMap]:
    """Return the finished drawing before it becomes a PNG."""
    signal, plan, trade = case
    span = story_span(signal, trade)
    if missed is not None and missed.at is not None:
        span = (span[0], max(span[1], missed.at))
        plan = plan.model_copy(update={"expires_at": missed.at})  # its zones end there
    # What is only planned needs room to the right of the last bar.
    ahead = 0.06 if trade or missed else 0.18
    window = choose_window(bars, look.longer or signal.tf, span, bars_shown, ahead)
    canvas = Canvas(look.layout.width, look.layout.height, look.theme.background)
    scene, tag_room = _stage(canvas, window, case, instrument, look)
    down = time_ticks(scene.mapping, look.zone, look.layout.font)
    across = price_ticks(scene.mapping, instrument.digits)
    draw_grid(canvas, scene.mapping, across, down, look.theme)
    if look.synthetic:
        draw_stamp(canvas, look.theme, scene.plot)
    draw_position(scene, plan, trade)
    draw_story(scene, signal)
    scene.draw_bars()
    tags = draw_price_tags(scene, price_tags(scene, plan, trade), tag_room)
    _write_prices(scene, across, tags)
    draw_times(canvas, scene.mapping, down, look.theme, look.layout.font)
    scene.place_labels([])
    outcome = _no_trade(missed, look.theme) if missed else _result(plan, trade, look.theme)
    _header(canvas, case, look, bar_words(signal.tf, window.minutes), outcome)
    right = " · ".join(part for part in (look.run_id, look.now_text) if part)
    draw_foot(canvas, look.theme, f"open times, {look.zone}", right, look.layout.font - 2)
    return canvas, scene.mapping


def _stage(
    canvas: Canvas,
    window: Window,
    case: tuple[Signal, Plan, Trade | None],
    instrument: Instrument,
    look: Look,
) -> tuple[Scene, float]:
    """Return the scene with its axes laid out, and the width of the price tags."""
    signal, plan, trade = case
    low, high = _price_range(window, signal, plan, trade)
    font = look.layout.font
    draft = PixelMap(
        left=0, top=look.layout.top, right=canvas.width, price_low=low, price_high=high,
        bottom=round(canvas.height - 3.9 * font), times=window.times,
    )  # fmt: skip
    scene = Scene(canvas, draft, window, look.theme, instrument, signal.side, font)
    ticks = price_ticks(draft, instrument.digits)
    widest = max((text_width(tick.words, font) for tick in ticks), default=0) + 14
    room = max(tag_width(price_tags(scene, plan, trade), font), widest)
    right = int(canvas.width - room - 18 - 8)
    scene.mapping = draft.model_copy(update={"right": right})
    return scene, room


def _price_range(
    window: Window, signal: Signal, plan: Plan, trade: Trade | None
) -> tuple[float, float]:
    """Return the prices at the bottom and top edge.

    A far target must not press the bars flat: nothing is shown that lies farther from the bars
    than their own height; its tag then carries an arrow.
    """
    low, high = float(window.prices[:, 2].min()), float(window.prices[:, 1].max())
    tall = max(high - low, 1e-6 * high)
    wanted = [plan.entry_price, plan.sl_price, *(target.price for target in plan.targets)]
    wanted += [price for step in signal.trace for price in (step.price_low, step.price_high)]
    if trade:
        wanted += [trade.entry_price, trade.exit_price]
    kept = [p for p in wanted if np.isfinite(p)]
    low = min(low, max(min(kept), low - tall))
    high = max(high, min(max(kept), high + tall))
    room = 0.07 * max(high - low, tall)
    return low - room, high + room


def _write_prices(scene: Scene, ticks: list[Tick], tags: list[Box]) -> None:
    """Write the axis' round prices where no tag is and no frame cuts them."""
    x, size = scene.mapping.right + 18, scene.font
    for tick in ticks:
        box = Box(x, tick.at - size * 0.6, scene.canvas.width, tick.at + size * 0.6)
        inside = box.top >= scene.mapping.top and box.bottom <= scene.mapping.bottom
        if inside and not any(box.meets(tag) for tag in tags):
            scene.canvas.text(x, tick.at, tick.words, size, scene.theme.muted)


def _header(
    canvas: Canvas,
    case: tuple[Signal, Plan, Trade | None],
    look: Look,
    bars: str,
    outcome: tuple[str, str],
) -> None:
    """Write who and what in three lines: market, setup, day; side and result at the right."""
    signal, _plan, trade = case
    t, font, right = look.theme, look.layout.font, canvas.width - MARGIN
    long = signal.side is Side.LONG
    badges = [Badge("▲ LONG" if long else "▼ SHORT", t.target if long else t.stop)]
    if look.synthetic:
        badges.append(Badge("SYNTHETIC", t.warn))
    edge = draw_badges(canvas, t, badges, font + 2, (right, 42))
    tf_room = text_width(bars, font + 4) + 18
    name = canvas.text(MARGIN, 42, signal.symbol, font + 20, t.text, bold=True,
                       width=edge - MARGIN - tf_room - 12)  # fmt: skip
    canvas.text(name.right + 18, 42 + 0.36 * 16, bars, font + 4, t.muted)
    result, colour = outcome
    big = canvas.text(right, 96, result, font + 8, colour, bold=True, anchor="right",
                      width=0.5 * canvas.width)  # fmt: skip
    setup = f"{signal.setup_id} · v{signal.rule_version}"
    canvas.text(MARGIN, 96, setup, font + 4, t.text, width=big.left - MARGIN - 18)
    note = canvas.text(right, 142, _note(signal, trade), font, t.muted, anchor="right",
                       width=0.58 * canvas.width)  # fmt: skip
    day = day_words(signal.known_at, look.zone)
    canvas.text(MARGIN, 142, day, font, t.muted, width=note.left - MARGIN - 18)


def _result(plan: Plan, trade: Trade | None, theme: Theme) -> tuple[str, str]:
    if trade is None:
        risk = abs(plan.entry_price - plan.sl_price)
        best = abs(plan.targets[-1].price - plan.entry_price) / risk if risk > 0 else 0.0
        return f"plan {best:.1f} R", theme.text
    colour = theme.target if trade.rr > 0 else theme.stop
    return f"{signed_r(trade.rr)} · {reason_words(trade.exit_reason)}", colour


def _no_trade(missed: Missed, theme: Theme) -> tuple[str, str]:
    known = [reason for reason in ExitReason if reason == missed.reason]
    return f"{reason_words(known[0]) if known else 'refused'} · no trade", theme.muted


def _note(signal: Signal, trade: Trade | None) -> str:
    if trade is not None and trade.ambiguous:
        return f"ambiguous bar: {signed_r(trade.rr_worst)} to {signed_r(trade.rr_best)}"
    return f"confidence {signal.confidence:.2f}"
