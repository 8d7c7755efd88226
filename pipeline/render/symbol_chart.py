"""The picture of a symbol now: bars, today's sessions, open zones, and every level by its name."""

from collections.abc import Sequence

import pandas as pd

from pipeline.domain.analyze import MarketLevel, SymbolFacts
from pipeline.domain.bars import PRICES, epoch_seconds
from pipeline.domain.errors import NoBarsError
from pipeline.domain.market import Instrument, Side, Timeframe
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.frame import MARGIN, Badge, draw_badges, draw_foot, draw_stamp
from pipeline.render.labels import Box, push_apart
from pipeline.render.pixels import PixelMap
from pipeline.render.scales import draw_grid, draw_times, price_ticks, time_ticks
from pipeline.render.scene import Scene
from pipeline.render.theme import Theme, rgba, theme_named
from pipeline.render.window import Window
from pipeline.render.words import day_words, signed

WIDTH, HEIGHT, FONT = 1080, 1350, 24.0
BARS = 100
MOST_TAGS = 16
_TOP = 178
_BLANK = 6
_ROOM = 0.35  # of the bars' height, above and below, in which levels are still shown
_WIDEST = 330
_ORDER = {"PDH": 0, "PDL": 0, "PWH": 0, "PWL": 0, "day open": 1, "week open": 1}


def symbol_chart(
    bars: pd.DataFrame,
    facts: SymbolFacts,
    *,
    instrument: Instrument,
    timeframe: Timeframe,
    theme: str = "tv_dark",
    zone: str = "Europe/Berlin",
    run_id: str = "",
    age: str = "",
    stale: bool = False,
    synthetic: bool = False,
) -> Picture:
    """Draw the last hundred bars of a symbol with all that matters near them, 1080×1350.

    Parameters
    ----------
    bars
        Bar frame of the timeframe that ends at the facts' newest close; later bars are not drawn.
    zone
        Of the time axis.
    age
        How old the newest bar is, in words; in the colour of warnings if `stale`.

    Notes
    -----
    A level farther from the bars than a third of their height has no line: its tag stands at the
    edge with an arrow. Levels at one pixel row share a tag. At most `MOST_TAGS` tags, the nearest
    to the close first.

    Raises
    ------
    NoBarsError
        There are no bars.
    """
    t = theme_named(theme)
    canvas = Canvas(WIDTH, HEIGHT, t.background)
    window = _window(bars, facts, timeframe)
    scene, tags = _stage(canvas, window, facts, instrument, t)
    down = time_ticks(scene.mapping, zone, FONT)
    draw_grid(canvas, scene.mapping, price_ticks(scene.mapping, instrument.digits), down, t)
    if synthetic:
        draw_stamp(canvas, t, scene.plot)
    _draw_sessions(scene, facts)
    _draw_zones(scene, facts)
    _draw_levels(scene, facts)
    scene.draw_bars()
    _draw_tags(scene, tags)
    scene.place_labels([])
    draw_times(canvas, scene.mapping, down, t, FONT)
    _header(canvas, t, facts, (instrument, timeframe, zone), age=(age, stale), synthetic=synthetic)
    draw_foot(canvas, t, f"open times, {zone}", run_id, FONT - 2)
    return canvas.picture(scene.mapping)


def _window(bars: pd.DataFrame, facts: SymbolFacts, timeframe: Timeframe) -> Window:
    known = bars[bars["close_time"] <= pd.Timestamp(facts.newest)].iloc[-BARS:]
    if known.empty:
        raise NoBarsError("There are no bars to draw.")
    times = epoch_seconds(known["open_time"]).tolist()
    step = timeframe.minutes * 60
    coming = [times[-1] + step * (i + 1) for i in range(_BLANK)]
    prices = known[list(PRICES)].to_numpy()
    return Window((*(int(each) for each in times), *coming), prices, timeframe.minutes)


def _stage(
    canvas: Canvas, window: Window, facts: SymbolFacts, instrument: Instrument, theme: Theme
) -> tuple[Scene, list["_Tag"]]:
    """Return the scene with its axes laid out, and the tags that stand at the right."""
    high, low = float(window.prices[:, 1].max()), float(window.prices[:, 2].min())
    tall = max(high - low, 1e-6 * high)
    near = [p for one in facts.levels for p in (one.price_low, one.price_high)
            if low - _ROOM * tall <= p <= high + _ROOM * tall]  # fmt: skip
    low, high = min([low, *near]) - 0.05 * tall, max([high, *near]) + 0.05 * tall
    mapping = PixelMap(
        left=0, top=_TOP, right=WIDTH, price_low=low, price_high=high,
        bottom=round(HEIGHT - 3.9 * FONT), times=window.times,
    )  # fmt: skip
    scene = Scene(canvas, mapping, window, theme, instrument, Side.LONG, FONT)
    tags = _tags(scene, facts)
    widest = max(text_width(tag.words, FONT, bold=True) for tag in tags) + 20
    scene.mapping = mapping.model_copy(update={"right": int(WIDTH - widest - 26)})
    return scene, tags


class _Tag:
    """A name and price at the axis; levels at one place share it."""

    def __init__(self, names: Sequence[str], price: float, colour: str, shown: str) -> None:
        self.price, self.colour = price, colour
        self.words = f"{' · '.join(names)} {shown}"
        if text_width(self.words, FONT, bold=True) > _WIDEST and len(names) > 1:
            self.words = f"{names[0]} +{len(names) - 1} {shown}"


def _tags(scene: Scene, facts: SymbolFacts) -> list[_Tag]:
    levels = [one for one in facts.levels if not one.is_zone]
    nearest = sorted(levels, key=lambda one: abs(one.price_low - facts.close))[:MOST_TAGS]
    places: dict[float, list[MarketLevel]] = {}
    for one in sorted(nearest, key=lambda one: (_ORDER.get(one.name, 2), one.name)):
        inside = scene.mapping.price_low <= one.price_low <= scene.mapping.price_high
        row = int(scene.mapping.y(one.price_low)) if inside else -one.price_low
        places.setdefault(row, []).append(one)
    tags = []
    for same in places.values():
        names = [_short(one.name) for one in same]
        price = same[0].price_low
        arrow = _arrow(scene.mapping, price)
        shown = f"{scene.price(price)}{arrow}"
        tags.append(_Tag(names, price, _colour(same[0], scene.theme), shown))
    close = scene.price(facts.close)
    tags.append(_Tag(["Close"], facts.close, scene.theme.entry, close))
    return sorted(tags, key=lambda tag: -tag.price)


def _short(name: str) -> str:
    return name.removesuffix(" so far")


def _arrow(mapping: PixelMap, price: float) -> str:
    return " ↑" if price > mapping.price_high else " ↓" if price < mapping.price_low else ""


def _colour(level: MarketLevel, theme: Theme) -> str:
    if level.kind == "session":
        return theme.muted
    return theme.mark if "open" in level.name or "midnight" in level.name else theme.level


def _draw_sessions(scene: Scene, facts: SymbolFacts) -> None:
    """Shade today's sessions from their open to their end, each with its name at the bottom."""
    m, t = scene.mapping, scene.theme
    first, behind = m.times[0], m.times[scene.window.bars - 1] + scene.window.minutes * 60
    for one in facts.sessions:
        start, end = one.start.timestamp(), min(one.end.timestamp(), behind)
        if end <= first or start >= behind:
            continue
        left = m.x(max(start, first)) - m.slot_width / 2
        right = m.x(end - 1) + m.slot_width / 2
        box = Box(left, scene.kept_y(one.price_high), right, scene.kept_y(one.price_low))
        scene.canvas.rect(box, rgba(t.session_line, 0.10), z=0.8)
        scene.level((left, right), one.price_high, rgba(t.session_line, 0.7), width=2, z=1.1)
        scene.level((left, right), one.price_low, rgba(t.session_line, 0.7), width=2, z=1.1)
        scene.ask_label(one.name, ((left + right) / 2, box.bottom), t.muted, up=False, rank=3,
                        means=box)  # fmt: skip


def _draw_zones(scene: Scene, facts: SymbolFacts) -> None:
    m, t = scene.mapping, scene.theme
    for one in facts.levels:
        if not one.is_zone or one.price_low > m.price_high or one.price_high < m.price_low:
            continue
        left = m.x(max(one.start.timestamp(), m.times[0])) - m.slot_width / 2
        top, bottom = scene.kept_y(one.price_high), scene.kept_y(one.price_low)
        box = Box(left, top, m.right, max(bottom, top + 2))
        gap = one.kind == "gap"
        scene.canvas.rect(box, t.gap if gap else t.order_block, z=1)
        colour = t.gap_line if gap else t.mark
        at = ((left + m.right) / 2, top if one.price_low >= facts.close else box.bottom)
        scene.ask_label(
            one.name, at, colour, up=one.price_low >= facts.close, rank=1 if gap else 2, means=box
        )


def _draw_levels(scene: Scene, facts: SymbolFacts) -> None:
    m, t = scene.mapping, scene.theme
    for one in facts.levels:
        if one.is_zone or one.kind == "session":
            continue
        left = m.x(max(one.start.timestamp(), m.times[0])) - m.slot_width / 2
        scene.level((left, m.right), one.price_low, _colour(one, t), dash=(10, 6), width=2, z=2)
    scene.level((0, m.right), facts.close, rgba(t.entry, 0.8), dash=(3, 6), width=2, z=1.5)


def _draw_tags(scene: Scene, tags: list[_Tag]) -> None:
    """Write the tags at the axis, pushed apart, each with a line to its price."""
    m, t, height = scene.mapping, scene.theme, FONT * 1.5
    wanted = [scene.kept_y(tag.price) for tag in tags]
    placed = push_apart(wanted, height + 4, m.top, m.bottom)
    left = m.right + 18
    for tag, true_y, y in zip(tags, wanted, placed, strict=True):
        box = Box(left, y - height / 2, WIDTH - 8, y + height / 2)
        scene.canvas.line([(m.right, true_y), (m.right + 6, true_y), (left, y)], tag.colour, 3,
                          z=6)  # fmt: skip
        is_close = tag.colour == t.entry
        scene.canvas.pill(box, tag.colour if is_close else t.panel, radius=4)
        scene.canvas.text(
            (box.left + box.right) / 2, y, tag.words, FONT,
            t.on_colour if is_close else tag.colour, bold=True, anchor="center",
            width=box.right - box.left - 8,
        )  # fmt: skip


def _header(
    canvas: Canvas,
    theme: Theme,
    facts: SymbolFacts,
    words: tuple[Instrument, Timeframe, str],
    *,
    age: tuple[str, bool],
    synthetic: bool,
) -> None:
    """Write market, trend, age and day in three lines."""
    instrument, timeframe, zone = words
    right, state = WIDTH - MARGIN, facts.state
    colours = {"up": theme.up, "down": theme.down, "none": theme.muted}
    titles = {"up": "▲ trend up", "down": "▼ trend down", "none": "no trend yet"}
    badges = [Badge(titles[state.trend], colours[state.trend])]
    if synthetic:
        badges.append(Badge("SYNTHETIC", theme.warn))
    edge = draw_badges(canvas, theme, badges, FONT + 2, (right, 42))
    room = text_width(timeframe.value, FONT + 4) + 18
    name = canvas.text(MARGIN, 42, instrument.symbol, FONT + 20, theme.text, bold=True,
                       width=edge - MARGIN - room - 12)  # fmt: skip
    canvas.text(name.right + 18, 42 + 0.36 * 16, timeframe.value, FONT + 4, theme.muted)
    told, stale = age
    canvas.text(MARGIN, 96, told, FONT, theme.warn if stale else theme.muted,
                width=canvas.width - 2 * MARGIN)  # fmt: skip
    day = canvas.text(right, 142, day_words(facts.newest, zone), FONT, theme.muted,
                      anchor="right", width=0.45 * canvas.width)  # fmt: skip
    canvas.text(MARGIN, 142, _moved(facts, instrument), FONT, theme.text,
                width=day.left - MARGIN - 18)  # fmt: skip


def _moved(facts: SymbolFacts, instrument: Instrument) -> str:
    state = facts.state
    parts = [] if state.from_day_open is None else [f"{signed(state.from_day_open, 1)} today"]
    if state.atr is not None:
        parts.append(f"ATR {state.atr / instrument.point:.1f}")
    return " · ".join(parts)


__all__ = ["BARS", "MOST_TAGS", "symbol_chart"]
