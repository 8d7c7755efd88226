"""The picture of a case that gave no signal: bars, what did fire, the moment asked about."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from pipeline.domain.market import Instrument, Side
from pipeline.domain.signal import Signal
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.chart import LAYOUTS, Layout
from pipeline.render.frame import MARGIN, Badge, draw_badges, draw_foot, draw_stamp
from pipeline.render.labels import Box
from pipeline.render.pixels import PixelMap
from pipeline.render.scales import draw_grid, draw_times, price_ticks, time_ticks
from pipeline.render.scene import Scene
from pipeline.render.story import draw_story
from pipeline.render.theme import Theme, rgba, theme_named
from pipeline.render.window import Window, bar_words, choose_window
from pipeline.render.words import day_words

_SPARE = timedelta(minutes=1)


def why_chart(
    bars: pd.DataFrame,
    trace: Signal,
    moment: datetime,
    failed: str,
    *,
    instrument: Instrument,
    theme: str = "tv_dark",
    zone: str = "Europe/Berlin",
    now_text: str = "",
    synthetic: bool = False,
    bars_shown: int = 100,
) -> Picture:
    """Draw what fired of a setup, without a ticket, up to a little after a moment.

    Parameters
    ----------
    trace
        What `explain_day` says of the case; only its steps are drawn.
    moment
        The moment asked about, or when the case failed; a dashed line stands there.
    failed
        The header's words for what was missing.

    Raises
    ------
    NoBarsError
        There are no bars.
    """
    t, layout = theme_named(theme), LAYOUTS["phone"]
    canvas = Canvas(layout.width, layout.height, t.background)
    scene = _stage(canvas, bars, trace, moment, (instrument, t, layout, bars_shown))
    down = time_ticks(scene.mapping, zone, layout.font)
    across = price_ticks(scene.mapping, instrument.digits)
    draw_grid(canvas, scene.mapping, across, down, t)
    if synthetic:
        draw_stamp(canvas, t, scene.plot)
    draw_story(scene, trace)
    _draw_moment(scene, moment)
    scene.draw_bars()
    for tick in across:
        if scene.mapping.top <= tick.at <= scene.mapping.bottom:
            canvas.text(scene.mapping.right + 18, tick.at, tick.words, layout.font, t.muted)
    draw_times(canvas, scene.mapping, down, t, layout.font)
    scene.place_labels([])
    shown = bar_words(trace.tf, scene.window.minutes)
    _header(canvas, t, trace, (failed, shown, zone), synthetic=synthetic)
    draw_foot(canvas, t, f"open times, {zone}", now_text, layout.font - 2)
    return canvas.picture(scene.mapping)


def _stage(
    canvas: Canvas,
    bars: pd.DataFrame,
    trace: Signal,
    moment: datetime,
    look: tuple[Instrument, Theme, Layout, int],
) -> Scene:
    instrument, theme, layout, bars_shown = look
    starts = [step.start for step in trace.trace if step.kind != "structure"]
    ends = [step.known_at for step in trace.trace]
    span = (min([moment - _SPARE, *starts]), max([moment, *ends]))
    window = choose_window(bars, trace.tf, span, bars_shown)
    low, high = _price_range(window, trace)
    font = layout.font
    mapping = PixelMap(
        left=0, top=layout.top, right=canvas.width, price_low=low, price_high=high,
        bottom=round(canvas.height - 3.9 * font), times=window.times,
    )  # fmt: skip
    widest = max(text_width(t.words, font) for t in price_ticks(mapping, instrument.digits))
    right = int(canvas.width - widest - 14 - 18 - 8)
    framed = mapping.model_copy(update={"right": right})
    return Scene(canvas, framed, window, theme, instrument, trace.side, font)


def _price_range(window: Window, trace: Signal) -> tuple[float, float]:
    low, high = float(window.prices[:, 2].min()), float(window.prices[:, 1].max())
    tall = max(high - low, 1e-6 * high)
    wanted = [price for step in trace.trace for price in (step.price_low, step.price_high)]
    kept = [price for price in wanted if np.isfinite(price)]
    low = min([low, *(max(p, low - tall) for p in kept)])
    high = max([high, *(min(p, high + tall) for p in kept)])
    room = 0.07 * (high - low)
    return low - room, high + room


def _draw_moment(scene: Scene, moment: datetime) -> None:
    """Draw a dashed line at the close that the moment had reached."""
    m = scene.mapping
    if not m.times[0] <= moment.timestamp():
        return
    x = m.x(moment - timedelta(microseconds=1)) + m.slot_width / 2
    scene.canvas.line([(x, m.top), (x, m.bottom)], rgba(scene.theme.warn, 0.9), 2, dash=(8, 8))
    scene.lines.append(Box(x - 3, m.top, x + 3, m.bottom))


def _header(
    canvas: Canvas, theme: Theme, trace: Signal, words: tuple[str, str, str], *, synthetic: bool
) -> None:
    """Write market, setup and what was missing in three lines."""
    failed, shown, zone = words
    font, right = LAYOUTS["phone"].font, canvas.width - MARGIN
    sides = {Side.LONG: "LONG", Side.SHORT: "SHORT"}
    badges = [Badge(f"NO {sides[trace.side]}", theme.muted)]
    if synthetic:
        badges.append(Badge("SYNTHETIC", theme.warn))
    edge = draw_badges(canvas, theme, badges, font + 2, (right, 42))
    room = text_width(shown, font + 4) + 18
    name = canvas.text(MARGIN, 42, trace.symbol, font + 20, theme.text, bold=True,
                       width=edge - MARGIN - room - 12)  # fmt: skip
    canvas.text(name.right + 18, 42 + 0.36 * 16, shown, font + 4, theme.muted)
    day = canvas.text(right, 96, day_words(trace.known_at, zone), font, theme.muted,
                      anchor="right", width=0.45 * canvas.width)  # fmt: skip
    setup = f"{trace.setup_id} · v{trace.rule_version}"
    canvas.text(MARGIN, 96, setup, font + 4, theme.text, width=day.left - MARGIN - 18)
    canvas.text(MARGIN, 142, failed, font, theme.warn, width=canvas.width - 2 * MARGIN)
