"""A ticket's prices as people read them: with the symbol's digits, in R, points and percent."""

from math import isfinite

from aiogram.utils.formatting import Code, Text

from bot.caption import clock, signed
from bot.texts import en_alert as en
from pipeline.domain.market import Instrument
from pipeline.domain.signal import Signal
from pipeline.domain.trade import EntryType, Plan

_NO_DIGITS = ".10g"


class Prices:
    """Entry, stop and targets of one signal, in words.

    Parameters
    ----------
    thing
        The symbol's instrument; None: prices as they are, and no points.
    """

    def __init__(self, signal: Signal, plan: Plan, thing: Instrument | None) -> None:
        self._signal = signal
        self._plan = plan
        self._thing = thing
        self._risk = abs(signal.entry_price - signal.sl_price)

    def of(self, price: float) -> str:
        """Return a price with the symbol's digits."""
        return f"{price:{_NO_DIGITS if self._thing is None else f'.{self._thing.digits}f'}}"

    def to_copy(self) -> list[tuple[str, str]]:
        """Return what is copied into an order form, with its name."""
        s = self._signal
        named = [(en.ENTRY, s.entry_price), (en.STOP, s.sl_price), *self._targets()]
        return [(name, self.of(price)) for name, price in named]

    def ticket(self) -> list[Text]:
        """Return the lines that an answer is bound to: entry, stop, targets."""
        s = self._signal
        kind = en.MARKET_ORDER if self._plan.entry_type is EntryType.MARKET else en.LIMIT_ORDER
        lines = [
            Text(f"{en.ENTRY} ", Code(self.of(s.entry_price)), f" {kind}"),
            Text(f"{en.STOP} ", Code(self.of(s.sl_price)), f"  −1 R = {self._far(s.sl_price)}"),
        ]
        shares = [target.share for target in self._plan.targets]
        for (name, price), share in zip(self._targets(), shares, strict=True):
            part = "" if len(shares) == 1 else f" for {100 * share:.0f} %"
            far = f"  {self._in_r(price)} R = {self._far(price)}{part}"
            lines.append(Text(f"{name} ", Code(self.of(price)), far))
        return lines

    def limits(self) -> list[Text]:
        """Return the times and prices at which the order or the position ends by itself."""
        p = self._plan
        spoilers = (
            (en.TOUCH_BELOW, p.void_touch_below), (en.CLOSE_BELOW, p.void_close_below),
            (en.TOUCH_ABOVE, p.void_touch_above), (en.CLOSE_ABOVE, p.void_close_above),
        )  # fmt: skip
        voids = [f"{words} {self.of(price)}" for words, price in spoilers if price is not None]
        flat = min((at for at in (p.flat_at, p.max_hold_until) if at), default=None)
        lines = []
        if p.expires_at is not None:
            lines.append(Text(f"{en.ORDER_UNTIL} ", clock(p.expires_at)))
        if voids:
            lines.append(Text(f"{en.VOID_ON} {', '.join(voids)}"))
        if flat is not None:
            lines.append(Text(f"{en.OUT_BY} ", clock(flat)))
        return lines

    def _targets(self) -> list[tuple[str, float]]:
        targets = self._plan.targets
        if len(targets) == 1:
            return [(en.TARGET, targets[0].price)]
        return [(f"{en.TARGET} {n}", target.price) for n, target in enumerate(targets, 1)]

    def _in_r(self, price: float) -> str:
        gain = self._signal.side.sign * (price - self._signal.entry_price)
        r = gain / self._risk if self._risk else float("nan")
        return signed(r) if isfinite(r) else "–"

    def _far(self, price: float) -> str:
        """Return the way from the entry in points and in percent of the entry."""
        entry = self._signal.entry_price
        way = abs(price - entry)
        share = f"{100 * way / abs(entry):.2f}\u00a0%" if entry else "–\u00a0%"
        if self._thing is None:
            return share
        return f"{way / self._thing.point:,.1f} points, {share}"
