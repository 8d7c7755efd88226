"""A plain twin of the fill kernels: each bar becomes a path of prices that is walked step by step.

It shares no code and no formulation with the kernels: they judge a bar's extremes by cases, this
walks an explicit path (open, low, high, close in the order the fill mode supposes) and lets
orders trigger as the price passes them.
"""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.domain.market import Swap
from pipeline.domain.trade import EntryType, FillMode, Plan

NEW_YORK = ZoneInfo("America/New_York")


@dataclass
class Bar:
    time: float
    end: float
    open: float
    high: float
    low: float
    close: float
    spread: float


@dataclass
class Outcome:
    state: str
    entry_time: float = math.nan
    entry: float = math.nan
    exit_time: float = math.nan
    exit: float = math.nan
    bar: int = -1
    entry_bar: float = math.nan
    exits: list[tuple[float, float]] = field(default_factory=list)
    first_target: float = math.nan
    left: float = 0.0

    def nights(self, swap: Swap) -> float:
        """Nights held, share by share, from the entry bar's open to the exit bar's."""
        return sum(share * rolls(self.entry_bar, bar, swap) for share, bar in self.exits)


def rolls(start: float, end: float, swap: Swap) -> int:
    """Nights that the rolls in (start, end] charge, found day by day on New York's calendar."""
    first, last = (datetime.fromtimestamp(t, UTC) for t in (start, end))
    day, nights = first.date() - timedelta(days=1), 0
    while day <= last.date():
        roll = datetime(day.year, day.month, day.day, 17, tzinfo=NEW_YORK)
        if first < roll <= last:
            name = f"{day:%A}".lower()
            if swap.triple_day is None:
                nights += 1
            elif name not in ("saturday", "sunday"):
                nights += 3 if name == swap.triple_day else 1
        day += timedelta(days=1)
    return nights


@dataclass
class Position:
    long: bool
    entry: float
    stop: float
    targets: list[tuple[float, float]]
    move: bool
    slip: float
    left: float = 1.0
    paid: float = 0.0
    moved: bool = False
    reason: str = ""
    taken: int = 0
    bar_time: float = math.nan
    exits: list[tuple[float, float]] = field(default_factory=list)

    def beyond(self, price: float, level: float) -> bool:
        """Price at or past a level in the position's favour."""
        return price >= level if self.long else price <= level

    def against(self, price: float, level: float) -> bool:
        return price <= level if self.long else price >= level

    def close(self, share: float, price: float, reason: str, *, slips: bool) -> None:
        worse = self.slip if slips else 0.0
        self.paid += share * (price - worse if self.long else price + worse)
        self.exits.append((share, self.bar_time))
        self.left = 0.0 if self.left - share < 1e-9 else self.left - share
        self.reason = reason

    def stop_out(self, price: float) -> None:
        self.close(self.left, price, "BE" if self.moved else "SL", slips=True)

    def take(self, price: float) -> None:
        partial = self.taken == 0 and len(self.targets) == 2
        self.close(self.targets[0][1] if partial else self.left, price, "TP", slips=False)
        self.taken += 1
        if partial and self.move and self.left and self.beyond(self.entry, self.stop):
            self.stop, self.moved = self.entry, True

    def next_target(self) -> float | None:
        return self.targets[self.taken][0] if self.taken < len(self.targets) else None

    def jump(self, price: float) -> None:
        """The market opens at `price`, possibly past our orders."""
        if self.against(price, self.stop):
            self.stop_out(price)
            return
        while self.left and (t := self.next_target()) is not None and self.beyond(price, t):
            self.take(price)

    def walk(self, to: float) -> None:
        """The market trades to `to` without a gap, so orders fill at their prices."""
        if self.left and self.against(to, self.stop):
            self.stop_out(self.stop)
        while self.left and (t := self.next_target()) is not None:
            if not self.beyond(to, t):
                return
            self.take(t)


def path(
    position: Position, bar: tuple[float, float, float, float], mode: FillMode
) -> list[float]:
    """Prices after the open in the order `mode` supposes, on the leaving side."""
    opened, best, worst, closed = bar
    target = position.next_target()
    if mode is FillMode.PESSIMISTIC:
        turn = [] if target is None or not position.beyond(best, target) else [target, worst]
        return [worst, *turn, best, closed]
    if mode is FillMode.OPTIMISTIC:
        stopped = position.against(worst, position.stop)
        return [best, worst, closed] if stopped else [worst, best, closed]
    near = abs(opened - worst) <= abs(best - opened)
    return [worst, best, closed] if near else [best, worst, closed]


def leaving(bar: Bar, *, long: bool) -> tuple[float, float, float, float]:
    """(open, best, worst, close) on the side the position leaves at."""
    if long:
        return bar.open, bar.high, bar.low, bar.close
    s = bar.spread
    return bar.open + s, bar.low + s, bar.high + s, bar.close + s


def proven(quote: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """What of a limit's fill bar came after the fill for certain: of the good side, its close."""
    opened, _best, worst, closed = quote
    return opened, closed, worst, closed


def fill(plan: Plan, bar: Bar, slip: float) -> tuple[float, bool] | None:
    """(price, whole bar follows), or None where the order doesn't trade."""
    long = plan.side.sign > 0
    opened = bar.open + bar.spread if long else bar.open
    if plan.entry_type is EntryType.MARKET:
        return (opened + slip if long else opened - slip), True
    limit = plan.entry_price
    if (opened <= limit) if long else (opened >= limit):
        return opened, True
    if (bar.low + bar.spread <= limit) if long else (bar.high >= limit):
        return limit, False
    return None


def contested(position: Position, quote: tuple[float, float, float, float], whole: bool) -> bool:
    _opened, best, worst, _closed = quote
    target = position.next_target()
    if target is None or not position.beyond(best, target):
        return False
    be = position.taken == 0 and len(position.targets) == 2 and position.move
    return (
        not whole
        or position.against(worst, position.stop)
        or (be and position.against(worst, position.entry))
    )


def drill(position: Position, plan: Plan, bar: Bar, inner: list[Bar], whole: bool, out: Outcome):
    waiting = not whole
    when = inner[0].time
    for minute in inner:
        minute = Bar(**{**minute.__dict__, "spread": bar.spread})
        follows = True
        if waiting:
            touched = fill(plan, minute, 0.0)
            if touched is None:
                continue
            waiting, follows = False, touched[1]
            out.entry_time = when = minute.time
        before = position.left
        quote = leaving(minute, long=position.long)
        if follows:
            position.jump(quote[0])
        if not follows:
            quote = proven(quote)
        for price in path(position, quote, FillMode.PESSIMISTIC) if position.left else []:
            position.walk(price)
        if position.left < before:
            when = minute.time
        if not position.left:
            break
    return when


def follow(
    plan: Plan, bars: list[Bar], minutes: list[Bar], slip: float, mode: FillMode
) -> Outcome:
    """Follow one plan to its end, bar by bar."""
    long = plan.side.sign > 0
    known = plan.known_at.timestamp()
    flat = plan.flat_at.timestamp() if plan.flat_at else math.inf
    expires = plan.expires_at.timestamp() if plan.expires_at else math.inf
    hold = plan.max_hold_until.timestamp() if plan.max_hold_until else math.inf
    position: Position | None = None
    out = Outcome("NO_BARS")
    for i, bar in enumerate(bars):
        if bar.time < known:
            continue
        quote = leaving(bar, long=long)
        whole = True
        when = bar.time
        if position is None:
            if bar.end > min(flat, expires):
                return Outcome("EXPIRED")
            touched = fill(plan, bar, slip)
            if touched is None:
                lower, upper = plan.void_touch_below, plan.void_touch_above
                under, over = plan.void_close_below, plan.void_close_above
                if (
                    (lower is not None and bar.low < lower)
                    or (upper is not None and bar.high > upper)
                    or (under is not None and bar.close < under)
                    or (over is not None and bar.close > over)
                ):
                    return Outcome("VOID")
                continue
            price, whole = touched
            good = plan.sl_price < price < plan.targets[0].price
            if not (good if long else plan.sl_price > price > plan.targets[0].price):
                return Outcome("INVALID")
            position = Position(
                long,
                price,
                plan.sl_price,
                [(t.price, t.share) for t in plan.targets],
                plan.break_even_after_first,
                slip,
            )
            out = Outcome("", entry_time=bar.time, entry=price)
            out.entry_bar, out.exits = bar.time, position.exits
            position.bar_time = bar.time
            if whole:
                position.jump(quote[0])
        else:
            position.bar_time = bar.time
            position.jump(quote[0])
            if position.left and bar.end > flat:
                position.close(position.left, quote[0], "SESSION_END", slips=True)
            elif position.left and bar.time >= hold:
                position.close(position.left, quote[0], "TIME", slips=True)
        if position.left:
            inner = [m for m in minutes if bar.time <= m.time < bar.end]
            same = inner and (
                math.isclose(max(m.high for m in inner), bar.high, rel_tol=1e-9)
                and math.isclose(min(m.low for m in inner), bar.low, rel_tol=1e-9)
            )
            if mode is FillMode.DRILLDOWN and same and contested(position, quote, whole):
                when = drill(position, plan, bar, inner, whole, out)
            else:
                how = FillMode.PESSIMISTIC if mode is FillMode.DRILLDOWN else mode
                if not whole and how is not FillMode.OPTIMISTIC:
                    quote, how = proven(quote), FillMode.PESSIMISTIC
                for price in path(position, quote, how):
                    position.walk(price)
        if not position.left:
            out.state, out.exit_time, out.exit, out.bar = position.reason, when, position.paid, i
            return out
        if position.taken and math.isnan(out.first_target):
            out.first_target = when
    if position is not None:
        out.left = position.left
        position.close(position.left, leaving(bars[-1], long=long)[3], "TIME", slips=True)
        out.state, out.exit_time, out.exit = "TIME", bars[-1].end, position.paid
    return out
