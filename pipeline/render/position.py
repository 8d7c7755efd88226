"""A plan and what became of it as drawings: zones, entry, exit, price tags at the axis."""

from dataclasses import dataclass

from pipeline.domain.market import Side
from pipeline.domain.trade import EntryType, ExitReason, Plan, Trade
from pipeline.render.canvas import text_width
from pipeline.render.labels import Box, push_apart
from pipeline.render.scene import Scene
from pipeline.render.theme import rgba
from pipeline.render.words import reason_words, signed_r


@dataclass(frozen=True, slots=True)
class PriceTag:
    """A price that has a tag at the axis."""

    words: str
    price: float
    colour: str


def price_tags(scene: Scene, plan: Plan, trade: Trade | None) -> list[PriceTag]:
    """Return the tags of a plan, and the exit's where it lies at none of them."""
    t = scene.theme
    entry = trade.entry_price if trade else plan.entry_price
    found = [("Entry", entry, t.entry), ("SL", plan.sl_price, t.stop)]
    many = len(plan.targets) > 1
    for i, target in enumerate(plan.targets, start=1):
        found.append((f"TP{i}" if many else "TP", target.price, t.target))
    if trade:
        leaving = last_leg(scene, plan, trade)
        near = 2 * scene.instrument.tick_size
        if all(abs(leaving - price) > near for _, price, _ in found):
            found.append(("Exit", leaving, t.faint))
    return [PriceTag(f"{name} {scene.price(price)}", price, c) for name, price, c in found]


def last_leg(scene: Scene, plan: Plan, trade: Trade) -> float:
    """Return the price at which the last part of the position was closed.

    Notes
    -----
    A trade keeps the share-weighted exit. Where the first target was reached before the exit's
    bar, the rest follows from it; else the weighted price is all there is.
    """
    first = plan.targets[0]
    if len(plan.targets) == 1 or first_target_slot(scene, plan, trade) is None:
        return trade.exit_price
    return (trade.exit_price - first.share * first.price) / (1 - first.share)


def first_target_slot(scene: Scene, plan: Plan, trade: Trade) -> int | None:
    """Return the bar that first reached the first of two targets, before the exit's bar."""
    first = plan.targets[0]
    if len(plan.targets) == 1 or first.share >= 1:
        return None
    start, end = scene.mapping.slot(trade.entry_time), scene.mapping.slot(trade.exit_time)
    start += plan.entry_type is EntryType.LIMIT
    end += trade.exit_reason is ExitReason.TP
    hour = trade.entry_time.hour
    spread = scene.instrument.spread_points[hour] * scene.instrument.point
    for slot in range(start, min(end, scene.window.bars)):
        _, high, low, _ = scene.window.prices[slot]
        long = plan.side is Side.LONG
        if (high >= first.price) if long else (low + spread <= first.price):
            return slot
    return None


def draw_position(scene: Scene, plan: Plan, trade: Trade | None) -> None:
    """Draw the stop and target zones from entry to exit, and the marks of fills."""
    t, m = scene.theme, scene.mapping
    left, right = _span(scene, plan, trade)
    entry = trade.entry_price if trade else plan.entry_price
    strength = 0.20 if trade else 0.13
    for price, colour in ((plan.targets[-1].price, t.target), (plan.sl_price, t.stop)):
        ys = sorted((scene.kept_y(entry), scene.kept_y(price)))
        scene.canvas.rect(Box(left, ys[0], right, ys[1]), rgba(colour, strength), z=1.2)
    lines = [(entry, t.entry), (plan.sl_price, t.stop)]
    lines += [(target.price, t.target) for target in plan.targets]
    for price, colour in lines:
        scene.level((left, right), price, colour, z=4.5)
        scene.level((right, m.right), price, rgba(colour, 0.8), dash=(3, 6), z=1.3, width=2)
    if plan.entry_type is EntryType.LIMIT:
        waiting = m.x(plan.known_at) - m.slot_width / 2
        scene.level((waiting, left), plan.entry_price, t.entry, dash=(10, 6), z=3.5)
    if trade:
        _draw_fills(scene, plan, trade)


def _span(scene: Scene, plan: Plan, trade: Trade | None) -> tuple[float, float]:
    m = scene.mapping
    half = m.slot_width / 2
    if trade is None:
        left = min(m.x(plan.known_at) + half, m.right - 40)
        dies = plan.expires_at
        known = dies is not None and dies.timestamp() <= m.times[-1]
        return left, max(m.x(dies), left + 40) if dies and known else m.right
    left = m.x(trade.entry_time) - half
    return left, max(m.x(trade.exit_time) + half, left + 14)


def _draw_fills(scene: Scene, plan: Plan, trade: Trade) -> None:
    t, m = scene.theme, scene.mapping
    way = trade.side.sign
    x, y = m.x(trade.entry_time), scene.kept_y(trade.entry_price)
    arrow = [(x, y + 2 * way), (x - 12, y + 22 * way), (x + 12, y + 22 * way)]
    scene.canvas.polygon(_grown(arrow, 4), t.background, z=5.2)
    scene.canvas.polygon(arrow, t.entry, z=5.3)
    scene.lines.append(Box(x - 12, min(y, y + 22 * way), x + 12, max(y, y + 22 * way)))
    slot = first_target_slot(scene, plan, trade)
    if slot is not None:
        first = plan.targets[0]
        _diamond(scene, m.slot_x(slot), scene.kept_y(first.price), t.target)
        at = (m.slot_x(slot), scene.kept_y(first.price) - 12 * way)
        scene.ask_label(f"TP1 {first.share:.0%}", at, t.target, up=way > 0, rank=1)
    good = trade.rr > 0
    colour = t.target if good else t.stop
    x, y = m.x(trade.exit_time), scene.kept_y(last_leg(scene, plan, trade))
    _diamond(scene, x, y, colour)
    scene.lines.append(Box(x - 13, y - 13, x + 13, y + 13))
    words = f"{reason_words(trade.exit_reason).capitalize()} {signed_r(trade.rr)}"
    up = y < scene.kept_y(trade.entry_price)
    scene.ask_label(words, (x, y - 12 if up else y + 12), colour, up=up, rank=0)


def _diamond(scene: Scene, x: float, y: float, colour: str) -> None:
    points = [(x - 11, y), (x, y - 11), (x + 11, y), (x, y + 11)]
    scene.canvas.polygon(_grown(points, 4), scene.theme.background, z=5.2)
    scene.canvas.polygon(points, colour, z=5.3)


def _grown(points: list[tuple[float, float]], by: float) -> list[tuple[float, float]]:
    """Return the corners moved away from their middle: the halo that keeps a mark readable."""
    cx = sum(x for x, _ in points) / len(points)
    cy = sum(y for _, y in points) / len(points)
    spread = [max(((x - cx) ** 2 + (y - cy) ** 2) ** 0.5, 1) for x, y in points]
    return [
        (x + (x - cx) / r * by, y + (y - cy) / r * by)
        for (x, y), r in zip(points, spread, strict=True)
    ]


def tag_width(tags: list[PriceTag], font: float) -> float:
    """Return the width of the widest tag."""
    return max(text_width(tag.words, font, bold=True) for tag in tags) + 20


def draw_price_tags(scene: Scene, tags: list[PriceTag], width: float) -> list[Box]:
    """Draw the tags at the axis, pushed apart, each with a line to its price; return boxes."""
    m, t, height = scene.mapping, scene.theme, scene.font * 1.5
    wanted = [scene.kept_y(tag.price) for tag in tags]
    placed = push_apart(wanted, height + 4, m.top, m.bottom)
    left = m.right + 18
    boxes = []
    for tag, true_y, y in zip(tags, wanted, placed, strict=True):
        box = Box(left, y - height / 2, left + width, y + height / 2)
        scene.canvas.line(
            [(m.right, true_y), (m.right + 6, true_y), (left, y)], tag.colour, 3, z=6
        )
        scene.canvas.pill(box, tag.colour, radius=4)
        outside = not m.price_low <= tag.price <= m.price_high
        arrow = ("↑ " if tag.price > m.price_high else "↓ ") if outside else ""
        scene.canvas.text(
            left + width / 2, y, arrow + tag.words, scene.font, t.on_colour,
            bold=True, anchor="center", width=width - 8,
        )  # fmt: skip
        boxes.append(box)
    return boxes
