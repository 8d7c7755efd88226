"""A detector's picture: hand-made bars, what the real detector says of them, its words below."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.catalogue.entries import entry_of
from pipeline.catalogue.entry import EXAMPLE, Entry, Output, Specimen, found_in
from pipeline.detectors import get
from pipeline.domain.bars import PRICES, epoch_seconds
from pipeline.domain.market import Side
from pipeline.render.canvas import Canvas, Picture, text_width
from pipeline.render.frame import MARGIN, Badge, draw_badges, draw_foot
from pipeline.render.labels import Box, wrap_text
from pipeline.render.panels import padded
from pipeline.render.pixels import PixelMap
from pipeline.render.scales import Tick, draw_grid, draw_times, price_ticks, time_ticks
from pipeline.render.scene import Scene
from pipeline.render.theme import Theme, rgba, theme_named
from pipeline.render.window import Window

WIDTH, HEIGHT, FONT = 1080, 1350, 24.0
_TOP, _AXIS, _FOOT, _GAP = 178, 56.0, 50.0, 14.0
_BELOW = 220  # height of a series' own scale
_LINE = FONT * 1.3
_MOST_LINES = 3
_COLOURS = ("gap_line", "mark", "level", "target", "stop", "session_line", "entry", "text")
_MARK = 8.0  # radius of the disc at the close at which an event is known


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list below: a word in its colour, and what it means."""

    word: str
    colour: str
    lines: list[str]


def specimen_chart(name: str, *, theme: str = "tv_dark") -> Picture:
    """Draw a detector at work on its hand-made bars, 1080×1350.

    Notes
    -----
    What is marked is what the registered detector found in these bars, each event at the close
    at which it is known.

    Raises
    ------
    BadRequestError
        No detector of the catalogue, or no theme, has that name.
    """
    canvas, _ = draw_specimen(entry_of(name), theme_named(theme))
    return canvas.picture()


def draw_specimen(entry: Entry, theme: Theme) -> tuple[Canvas, list[str]]:
    """Return the finished drawing, and the words of labels for which there was no room."""
    specimen = entry.specimen()
    canvas = Canvas(WIDTH, HEIGHT, theme.background)
    _header(canvas, theme, entry, specimen)
    rows = _rows(entry, theme)
    below = not entry.words and entry.panel == "below"
    bottom = HEIGHT - _FOOT - _list_height(rows) - _AXIS - (_BELOW + 0.6 * _AXIS if below else 0)
    scene = _scene(canvas, theme, specimen, bottom)
    found, inputs = found_in(specimen)
    down = time_ticks(scene.mapping, specimen.zone, FONT)
    across = price_ticks(scene.mapping, EXAMPLE.digits, 90)
    draw_grid(canvas, scene.mapping, across, down, theme)
    _draw_inputs(scene, inputs)
    if isinstance(found, np.ndarray):
        _draw_series(scene, found, below=below)
    else:
        _draw_events(scene, entry, found)
    scene.draw_bars()
    _write_scale(scene, scene.mapping, across)
    draw_times(canvas, scene.mapping, down, theme, FONT)
    crowded_out = scene.place_labels([])
    _draw_list(canvas, theme, rows)
    draw_foot(canvas, theme, f"hand-made bars; open times, {specimen.zone}", "", FONT - 2)
    return canvas, [want.words for want in crowded_out]


def _header(canvas: Canvas, theme: Theme, entry: Entry, specimen: Specimen) -> None:
    detector = get(entry.detector)
    room = WIDTH - 2 * MARGIN
    size = min(40.0, 40.0 * room / text_width(detector.title, 40, bold=True))
    canvas.text(MARGIN, 44, detector.title, max(int(size), 28), theme.text, bold=True, width=room)
    badges = [Badge("SCHEMATIC", theme.gap_line)]
    edge = draw_badges(canvas, theme, badges, FONT + 1, (WIDTH - MARGIN, 98))
    name = f"{entry.detector} · {specimen.timeframe.value}"
    canvas.text(MARGIN, 98, name, FONT + 2, theme.text, width=edge - MARGIN - 10)
    canvas.text(MARGIN, 144, _set_words(specimen), FONT, theme.muted, width=room)


def _set_words(specimen: Specimen) -> str:
    """Return the parameters that the picture sets, its inputs' included."""
    tools = [specimen.tool, *specimen.tool.inputs.values()]
    parts = [f"{key}={value}" for key, value in specimen.tool.parameters.items()]
    for tool in tools[1:]:
        given = " ".join(f"{key}={value}" for key, value in tool.parameters.items())
        parts.append(f"{tool.detector} {given}".strip())
    return f"drawn with {', '.join(parts)}" if parts else "drawn with the defaults"


def _scene(canvas: Canvas, theme: Theme, specimen: Specimen, bottom: float) -> Scene:
    bars = specimen.bars
    prices = bars[list(PRICES)].to_numpy(dtype="float64")
    low, high = float(prices[:, 2].min()), float(prices[:, 1].max())
    room = 0.12 * (high - low)
    times = epoch_seconds(bars["open_time"]).tolist()
    step = specimen.timeframe.minutes * 60
    times += [times[-1] + step * (i + 1) for i in range(max(2, len(times) // 16))]
    right = int(WIDTH - text_width(f"{high:.{EXAMPLE.digits}f}", FONT) - 24)
    mapping = PixelMap(
        left=MARGIN, top=_TOP, right=right, bottom=int(bottom), times=tuple(times),
        price_low=low - room, price_high=high + room,
    )  # fmt: skip
    window = Window(tuple(times), prices, specimen.timeframe.minutes)
    return Scene(canvas, mapping, window, theme, EXAMPLE, Side.LONG, FONT)


def _colour(theme: Theme, entry: Entry, word: str) -> str:
    place = list(entry.words).index(word)
    return str(getattr(theme, _COLOURS[place % len(_COLOURS)]))


def _draw_events(scene: Scene, entry: Entry, events: pd.DataFrame) -> None:
    """Draw the zones, then each event's mark at its close, and ask for its label."""
    for _, zone in events.groupby("zone_id", sort=False):
        rows = zone.to_dict("records")
        colour = _colour(scene.theme, entry, rows[0]["event"])
        _draw_zone(scene, colour, rows[0] if entry.in_force else rows[-1])
    if entry.in_force:
        _draw_in_force(scene, entry, events)
    closes = scene.window.prices[:, 3]
    together: dict[int, int] = {}
    for row in events.to_dict("records"):
        x, y = scene.mapping.slot_x(row["bar"]), scene.mapping.y(float(closes[row["bar"]]))
        colour = _colour(scene.theme, entry, row["event"])
        turn = together.get(row["bar"], 0)
        together[row["bar"]] = turn + 1
        _draw_mark(scene, (x, y), colour, turn)
        box = Box(x - _MARK, y - _MARK, x + _MARK, y + _MARK)
        scene.lines.append(box)
        up = (row["side"] < 0) is not (turn % 2 == 1)
        scene.ask_label(row["event"], (x, y), colour, up=up, means=box)


def _draw_in_force(scene: Scene, entry: Entry, events: pd.DataFrame) -> None:
    """Draw each event's levels on, dashed, to the bar of the next event or the last one."""
    m, last = scene.mapping, scene.window.bars - 1
    until = [*events["bar"].tolist()[1:], last]
    for row, end in zip(events.to_dict("records"), until, strict=True):
        colour = _colour(scene.theme, entry, row["event"])
        x = (m.slot_x(row["bar"]) + m.slot_width / 2, m.slot_x(end))
        for price in {row["price_low"], row["price_high"]}:
            if np.isfinite(price):
                scene.level(x, price, colour, dash=(10, 8))


def _draw_mark(scene: Scene, at: tuple[float, float], colour: str, turn: int) -> None:
    """Draw a disc; the marks of one bar's further events are rings around it."""
    angle = np.linspace(0, 2 * np.pi, 33)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    size = _MARK + 7 * turn
    if turn == 0:
        scene.canvas.polygon(np.array(at) + (size + 3) * ring, scene.theme.background, z=4.7)
        scene.canvas.polygon(np.array(at) + size * ring, colour, z=4.9)
    else:
        scene.canvas.line(np.array(at) + size * ring, colour, 4, z=4.8)


def _draw_inputs(scene: Scene, inputs: dict[str, Output]) -> None:
    """Draw, in grey, what the detector is told by others: the levels a raid is about."""
    for found in inputs.values():
        if isinstance(found, pd.DataFrame):
            for row in found.drop_duplicates("zone_id").to_dict("records"):
                _draw_zone(scene, scene.theme.session_line, row, thin=True)


def _draw_zone(
    scene: Scene, colour: str, last: dict[Hashable, Any], *, thin: bool = False
) -> None:
    """Draw a zone or level from its start to the bar of its last event."""
    low, high = last["price_low"], last["price_high"]
    if not np.isfinite(low):
        return
    m = scene.mapping
    left = m.x(last["start"].to_pydatetime()) - m.slot_width / 2
    right = m.slot_x(last["bar"]) + m.slot_width / 2
    if low == high:
        scene.level((left, right), low, colour, width=2 if thin else None)
        return
    box = Box(left, m.y(high), right, m.y(low))
    scene.canvas.rect(box, rgba(colour, 0.12 if thin else 0.22), z=1.0 if thin else 1.2)
    scene.canvas.outline(box, colour, 1 if thin else 2, z=1.3)


def _draw_series(scene: Scene, values: np.ndarray, *, below: bool) -> None:
    """Draw the series over the bars, or on a scale of its own below them."""
    m = scene.mapping
    if below:
        known = values[np.isfinite(values)]
        low, high = padded(float(known.min()), float(known.max()), 0.15, 0.2)
        top = m.bottom + 1.6 * _AXIS
        m = m.model_copy(
            update={"top": top, "bottom": top + _BELOW, "price_low": low, "price_high": high}
        )
        ticks = price_ticks(m, EXAMPLE.digits, 60)
        draw_grid(scene.canvas, m, ticks, [], scene.theme)
        _write_scale(scene, m, ticks)
    rows = np.flatnonzero(np.isfinite(values))
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        points = [(m.slot_x(i), m.y(float(values[i]))) for i in run.tolist()]
        scene.canvas.line(points, scene.theme.mark, 4, z=4.5)


def _write_scale(scene: Scene, mapping: PixelMap, ticks: list[Tick]) -> None:
    for tick in ticks:
        if mapping.top + FONT < tick.at < mapping.bottom - FONT / 2:
            scene.canvas.text(mapping.right + 12, tick.at, tick.words, FONT, scene.theme.muted)


def _rows(entry: Entry, theme: Theme) -> list[Row]:
    told = [(word, _colour(theme, entry, word), words) for word, words in entry.words.items()]
    if not told:
        told = [(entry.detector, theme.mark, entry.unit), ("", theme.text, entry.about)]
    rows = []
    for word, colour, meaning in told:
        first = text_width(f"{word} ", FONT, bold=True) + 8 if word else 0.0
        lines = _wrapped(meaning, first)
        rows.append(Row(word, colour, lines))
    return rows


def _wrapped(text: str, first: float) -> list[str]:
    """Return the text in lines; the first is shorter by the word before it."""
    room = WIDTH - 2 * MARGIN

    def measure(part: str) -> float:
        return text_width(part, FONT)

    head = wrap_text(text, room - first, 2, measure)[0]
    rest = text[len(head) :].strip() if text.startswith(head) else ""
    return [head, *(wrap_text(rest, room, _MOST_LINES - 1, measure) if rest else [])]


def _list_height(rows: list[Row]) -> float:
    return sum(len(row.lines) * _LINE + _GAP for row in rows) + _GAP


def _draw_list(canvas: Canvas, theme: Theme, rows: list[Row]) -> None:
    """Write what the words mean under the bars."""
    y = HEIGHT - _FOOT - _list_height(rows) + _GAP + _LINE / 2
    for row in rows:
        left = MARGIN
        if row.word:
            canvas.text(MARGIN, y, row.word, FONT, row.colour, bold=True)
            left += text_width(f"{row.word} ", FONT, bold=True) + 8
        for i, line in enumerate(row.lines):
            canvas.text(left if i == 0 else MARGIN, y, line, FONT, theme.text)
            y += _LINE
        y += _GAP
