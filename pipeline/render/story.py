"""A signal's trace as drawings: each kind of step has its own."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np

from pipeline.domain.market import Side
from pipeline.domain.signal import Signal, TraceStep
from pipeline.domain.trade import Trade
from pipeline.render.labels import Box
from pipeline.render.scene import Scene
from pipeline.render.theme import rgba

_EVENTS = {
    "bos": "BOS",
    "choch": "CHoCH",
    "penetrated": "Sweep",
    "reclaimed": "Sweep + reclaim",
    "accepted_break": "Break",
    "closes_beyond": "Break",
}
_LONGEST = 30


def caption(step: TraceStep) -> str:
    """Return the few words that stand beside a step's drawing."""
    name = _capital(step.step.replace("_", " ").strip())
    if step.kind == "range":
        title = step.note.removesuffix(" complete").strip()
        return title if 0 < len(title) <= _LONGEST else name
    if step.kind == "pattern":
        return name
    if step.kind == "gap" and step.event not in _EVENTS:
        return "Gap" if step.event in ("", "formed") else f"Gap {step.event.replace('_', ' ')}"
    return _EVENTS.get(step.event) or name


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def drawn_steps(trace: Sequence[TraceStep]) -> list[TraceStep]:
    """Return the steps as they are drawn.

    A sweep and its reclaim are one thing to look at; a structure break that confirms in place
    of a gap is drawn as what it is.
    """
    found: list[TraceStep] = []
    for step in trace:
        if step.event in ("bos", "choch"):
            found.append(step.model_copy(update={"kind": "structure"}))
        elif step.kind == "sweep" and any(s.kind == "sweep" for s in found):
            at = next(i for i, s in enumerate(found) if s.kind == "sweep")
            start = min(found[at].start, step.start)
            found[at] = step.model_copy(update={"start": start})
        else:
            found.append(step)
    return found


def story_span(signal: Signal, trade: Trade | None) -> tuple[datetime, datetime]:
    """Return the first and last moment that must be seen.

    The newest structure break may be hours older than the rest, so it has no say in this.
    """
    starts = [step.start for step in signal.trace if step.kind not in ("structure", "entry")]
    first = min([signal.known_at, *starts])
    return first, trade.exit_time if trade else signal.known_at


def draw_story(scene: Scene, signal: Signal) -> None:
    """Draw the steps of the trace in their order, and ask for their labels."""
    m = scene.mapping
    last = _last_bar(signal.known_at)
    scene.known = signal.known_at.timestamp()
    until = m.x(last) + m.slot_width / 2
    for step in drawn_steps(signal.trace):
        draw = _KINDS.get(step.kind)
        if draw is not None and step.known_at.timestamp() > m.times[0]:
            draw(scene, step, until)
    x = m.x(last)
    scene.canvas.line([(x, m.top), (x, m.bottom)], rgba(scene.theme.muted, 0.7), 2, dash=(3, 7))


def _last_bar(known: datetime) -> datetime:
    """Return a moment within the bar at whose close something is known."""
    return known - timedelta(microseconds=1)


def _start_x(scene: Scene, step: TraceStep) -> float:
    m = scene.mapping
    return m.x(step.start) - m.slot_width / 2


def _end_x(scene: Scene, known: datetime) -> float:
    """Return the right edge of the bar at whose close something is known."""
    m = scene.mapping
    return m.x(_last_bar(known)) + m.slot_width / 2


def _zone(scene: Scene, step: TraceStep, right: float) -> Box:
    """Return a step's prices and time as a box of at least three pixels each way."""
    top, bottom = scene.kept_y(step.price_high), scene.kept_y(step.price_low)
    left = _start_x(scene, step)
    return Box(left, top, max(right, left + 3), max(bottom, top + 3))


def _draw_range(scene: Scene, step: TraceStep, until: float) -> None:
    t = scene.theme
    box = _zone(scene, step, _end_x(scene, step.known_at))
    scene.canvas.rect(box, t.session, z=1)
    for price in (step.price_high, step.price_low):
        scene.level((box.left, box.right), price, t.session_line)
        scene.level((box.right, until), price, t.session_line, dash=(8, 8), width=2)
    # The side that is not swept has more room.
    up = scene.side is Side.LONG
    at = ((box.left + box.right) / 2, box.top if up else box.bottom)
    scene.ask_label(caption(step), at, t.text, up=up, rank=7)


def _draw_level(scene: Scene, step: TraceStep, until: float) -> None:
    left = _start_x(scene, step)
    colour = scene.theme.level
    scene.level((left, until), (step.price_low + step.price_high) / 2, colour)
    y = scene.kept_y(step.price_high)
    scene.ask_label(caption(step), ((left + until) / 2, y), colour, up=True, rank=8)


def _draw_sweep(scene: Scene, step: TraceStep, until: float) -> None:
    """Shade what lay beyond the level, and point at the extreme.

    A sweep that no step of the setup ends goes on until the signal.
    """
    t, m, long = scene.theme, scene.mapping, scene.side is Side.LONG
    right = until if step.event == "penetrated" else _end_x(scene, step.known_at)
    level = step.values.get("level")
    if not isinstance(level, float | int):
        level = step.price_high if long else step.price_low
    reach = 4 * m.slot_width
    ends = (max(_start_x(scene, step) - reach, m.left), min(max(right, until) + reach, m.right))
    scene.level(ends, float(level), t.level)
    x, extreme = _extreme(scene, step, right)
    y, way = scene.kept_y(extreme), 1 if long else -1
    ys = sorted((y, scene.kept_y(float(level))))
    scene.canvas.rect(Box(_start_x(scene, step), ys[0], right, ys[1]), rgba(t.mark, 0.22), z=1.5)
    tip = y + 6 * way
    points = [(x, tip), (x - 13, tip + 22 * way), (x + 13, tip + 22 * way)]
    scene.canvas.polygon(points, t.mark, z=5)
    scene.lines.append(Box(x - 13, min(tip, tip + 22 * way), x + 13, max(tip, tip + 22 * way)))
    words = f"{caption(step)} {scene.price(extreme)}"
    scene.ask_label(words, (x, min(max(tip + 16 * way, m.top), m.bottom)), t.mark, up=not long,
                    rank=2)  # fmt: skip


def _extreme(scene: Scene, step: TraceStep, right: float) -> tuple[float, float]:
    """Return the x and the price of a sweep's most extreme bar, as far as `right`."""
    m, long = scene.mapping, scene.side is Side.LONG
    known = step.values.get("extreme")
    if not isinstance(known, float | int):
        known = step.price_low if long else step.price_high
    first, last = m.slot(step.start), int((right - m.left) / m.slot_width - 0.5)
    part = scene.window.prices[first : last + 1]
    if not len(part):
        return m.x(step.start), float(known)
    best = int(np.argmin(part[:, 2]) if long else np.argmax(part[:, 1]))
    closed = m.times[first + best] + 60 * scene.window.minutes <= scene.known
    if step.event == "penetrated" and closed:
        known = min(known, part[best, 2]) if long else max(known, part[best, 1])
    return m.slot_x(first + best), float(known)


def _draw_gap(scene: Scene, step: TraceStep, until: float) -> None:
    t = scene.theme
    # It goes on a little behind the signal: a gap of three M1 bars is a sliver otherwise.
    m = scene.mapping
    right = max(until, _end_x(scene, step.known_at)) + 7 * m.slot_width
    box = _zone(scene, step, min(right, m.right))
    scene.canvas.rect(box, t.gap, z=2)
    for price in (step.price_high, step.price_low):
        scene.level((box.left, box.right), price, t.gap_line, width=2, z=2.5)
    up = scene.side is Side.SHORT
    at = (box.right, (box.top + box.bottom) / 2)
    scene.ask_label(caption(step), at, t.gap_line, up=up, rank=4, means=box)


def _draw_structure(scene: Scene, step: TraceStep, _until: float) -> None:
    t, long = scene.theme, scene.side is Side.LONG
    left, right = _start_x(scene, step), _end_x(scene, step.known_at)
    price = step.values.get("level")
    if not isinstance(price, float | int):
        price = step.price_high if long else step.price_low
    scene.level((left, right), float(price), t.text)
    at = (left + 0.25 * (right - left), scene.kept_y(float(price)))
    scene.ask_label(caption(step), at, t.text, up=long, rank=3)


def _draw_pattern(scene: Scene, step: TraceStep, _until: float) -> None:
    t, long = scene.theme, scene.side is Side.LONG
    zone = _zone(scene, step, _end_x(scene, step.known_at))
    box = Box(zone.left - 5, zone.top - 5, zone.right + 5, zone.bottom + 5)
    scene.canvas.rect(box, t.order_block, z=1.5)
    scene.canvas.outline(box, t.mark, 2, z=5)
    at = ((box.left + box.right) / 2, box.bottom if long else box.top)
    scene.ask_label(caption(step), at, t.mark, up=not long, rank=3)


_KINDS: dict[str, Callable[[Scene, TraceStep, float], None]] = {
    "range": _draw_range,
    "level": _draw_level,
    "sweep": _draw_sweep,
    "gap": _draw_gap,
    "structure": _draw_structure,
    "pattern": _draw_pattern,
}
