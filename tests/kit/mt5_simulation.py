"""A MetaTrader that isn't there: the vendor's package with a broker's market and clock behind it.

It has the package's functions, its tuples, its None with `last_error`. Bars given in UTC are shown
on the broker's clock as its ticks come in; nothing moves but `now`, which the test sets.
"""

# ruff: noqa: PYI024 - the vendor's results are plain named tuples

from collections import namedtuple
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from pipeline.domain.bars import epoch_seconds
from storage.mt5_terminal import RATES
from tests.kit.mt5_trading import SimulatedTrading

PLACES = {
    "New York+7": ("America/New_York", 7),
    "Europe/Athens": ("Europe/Athens", 0),
    "UTC": ("UTC", 0),
    "UTC+3": ("UTC", 3),
}
PATH = ((0.2, 0), (18.0, 1), (36.0, 2), (57.0, 3))
"""Seconds into a minute at which its open, high, low and close are first traded."""
TICK_EVERY = 1.5
"""Seconds between ticks, from the open to the close."""
M1, H1 = 1, 16385

SymbolInfo = namedtuple(
    "SymbolInfo",
    "name visible digits point trade_tick_size volume_min volume_max volume_step filling_mode "
    "expiration_mode trade_exemode description",
)
TickInfo = namedtuple("TickInfo", "time bid ask last volume time_msc flags volume_real")
TerminalInfo = namedtuple("TerminalInfo", "connected trade_allowed build name")
AccountInfo = namedtuple("AccountInfo", "login server currency trade_allowed trade_expert balance")


def wall_clock(utc: np.ndarray, zone: str) -> np.ndarray:
    """A broker's clock at UTC epoch seconds, by pandas alone."""
    place, hours = PLACES[zone]
    index = pd.DatetimeIndex(utc.astype("datetime64[s]")).tz_localize("UTC").tz_convert(place)
    return epoch_seconds(index.tz_localize(None).tz_localize("UTC")) + hours * 3600


def default_symbol(name: str, digits: int) -> SymbolInfo:
    return SymbolInfo(
        name=name, visible=False, digits=digits, point=10.0**-digits, trade_tick_size=10.0**-digits,
        volume_min=0.01, volume_max=100.0, volume_step=0.01, filling_mode=1, expiration_mode=15,
        trade_exemode=2, description="",
    )  # fmt: skip


class SimulatedMetaTrader(SimulatedTrading):
    """The vendor's package. Attributes that tests set:

    - `now`: the true time; `skew` seconds: how far the broker's clock is off it.
    - `zone`: the rule of the broker's clock.
    - `connected`: to the broker's server; `dead`: the terminal itself is gone.
    - `cold`: by symbol, how many calls for bars come up short at first.
    - `hours`: UTC seconds of hourly bars of long ago, by symbol, for those who read the clock.
    - `hole`: (from, to, calls): bars of that span are missing for so many calls.
    - `after`: called with a function's name when it is done, before its answer goes out.
    """

    def __init__(
        self, bars: Mapping[str, pd.DataFrame], now: datetime, zone: str = "New York+7"
    ) -> None:
        super().__init__()
        self.now, self.zone, self.skew = now, zone, 0.0
        self.connected, self.dead = True, False
        self.cold: dict[str, int] = {}
        self.hole: tuple[datetime, datetime, int] | None = None
        self.after: Callable[[str], None] | None = None
        self.calls: list[str] = []
        self.selected: set[str] = set()
        self.info: dict[str, SymbolInfo] = {}
        self.hours: dict[str, np.ndarray] = {}
        self._opens: dict[str, np.ndarray] = {}
        self._values: dict[str, np.ndarray] = {}
        for name, frame in bars.items():
            self.put_bars(name, frame)

    def put_bars(self, name: str, frame: pd.DataFrame) -> None:
        digits = 1 if frame["close"].iloc[0] > 1000 else 5
        self.info.setdefault(name, default_symbol(name, digits))
        self._opens[name] = epoch_seconds(frame["open_time"])
        columns = ("open", "high", "low", "close", "volume", "spread")
        self._values[name] = np.column_stack([frame[c].to_numpy() for c in columns])

    def rename(self, names: Mapping[str, str]) -> None:
        """Give symbols the broker's names."""
        for ours, theirs in names.items():
            self.info[theirs] = self.info.pop(ours)._replace(name=theirs)
            self._opens[theirs], self._values[theirs] = (
                self._opens.pop(ours),
                self._values.pop(ours),
            )

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # --- the package's functions ---------------------------------------------------------------
    def initialize(self, *_: object) -> bool:
        self.calls.append("initialize")
        return self._bare(not self.dead, -10003, "IPC initialize failed")

    def shutdown(self) -> None:
        self.calls.append("shutdown")
        self.selected.clear()

    def last_error(self) -> tuple[int, str]:
        return self._error

    def terminal_info(self):
        return self._done(
            "terminal_info", TerminalInfo(self.connected, self.algo, 4885, "MetaTrader 5")
        )

    def account_info(self):
        account = AccountInfo(5012, "Simulated-Demo", "EUR", True, True, 10_000.0)
        return self._done("account_info", account)

    def symbols_get(self, *_: object):
        shown = tuple(
            i._replace(visible=i.visible or n in self.selected) for n, i in self.info.items()
        )
        return self._done("symbols_get", shown)

    def symbol_select(self, symbol: str, enable: bool = True):
        if symbol not in self.info:
            return self._done("symbol_select", False, -4, "Terminal: Not found")
        self.selected.add(symbol)
        return self._done("symbol_select", True)

    def symbol_info(self, symbol: str):
        found = self.info.get(symbol)
        return self._done("symbol_info", found, -4, "Terminal: Not found")

    def symbol_info_tick(self, symbol: str):
        if symbol not in self.selected:
            return self._done("symbol_info_tick", None, -4, "Terminal: Not found")
        stamp, bid, ask = self.newest_tick(symbol)
        msc = round(stamp * 1000)
        tick = TickInfo(msc // 1000, bid, ask, 0.0, 0, msc, 6, 0.0)
        return self._done("symbol_info_tick", tick)

    def copy_rates_from_pos(self, symbol: str, timeframe: int, start: int, count: int):
        rates = self._seen(symbol, timeframe)
        if rates is None:
            return self._done("copy_rates_from_pos", None, -1, "Terminal: Call failed")
        end = len(rates) - start
        return self._done("copy_rates_from_pos", rates[max(0, end - count) : max(0, end)])

    # --- the market behind it ------------------------------------------------------------------
    def newest_tick(self, symbol: str) -> tuple[float, float, float]:
        """Wall-clock seconds, bid and ask of the last tick so far; zeros before the first."""
        now = self._server()
        opens = self._opens[symbol]
        row = int(np.searchsorted(opens, now - PATH[0][0], side="right")) - 1
        if row < 0:
            return 0.0, 0.0, 0.0
        _, column = max(p for p in PATH if opens[row] + p[0] <= now)
        into = min(now - opens[row], PATH[-1][0]) - PATH[0][0]
        seconds = PATH[0][0] + into // TICK_EVERY * TICK_EVERY
        bid, spread = self._values[symbol][row, column], self._values[symbol][row, 5]
        wall = wall_clock(opens[row : row + 1], self.zone)[0] + seconds
        return float(wall), float(bid), float(bid + np.nan_to_num(spread))

    def _server(self) -> float:
        return self.now.timestamp() + self.skew

    def _seen(self, symbol: str, timeframe: int) -> np.ndarray | None:
        if symbol not in self.selected or symbol not in self._opens:
            return None
        rates = self._bars_so_far(symbol, timeframe)
        if self.cold.get(symbol, 0) > 0:
            self.cold[symbol] -= 1
            return None if self.cold[symbol] % 3 == 2 else rates[-3:]
        if self.hole is not None and self.hole[2] > 0:
            first, last, calls = self.hole
            self.hole = (first, last, calls - 1)
            low, high = (
                wall_clock(np.array([int(t.timestamp())]), self.zone)[0] for t in (first, last)
            )
            rates = rates[(rates["time"] < low) | (rates["time"] >= high)]
        return rates

    def _bars_so_far(self, symbol: str, timeframe: int) -> np.ndarray:
        now = self._server()
        opens = self._opens[symbol]
        count = int(np.searchsorted(opens, now - PATH[0][0], side="right"))
        values = self._values[symbol][:count].copy()
        if count and now < opens[count - 1] + PATH[-1][0]:
            seen = [
                values[-1, column] for seconds, column in PATH if opens[count - 1] + seconds <= now
            ]
            values[-1, :4] = seen[0], max(seen), min(seen), seen[-1]
            values[-1, 4] = len(seen)
        rates = np.zeros(count, dtype=RATES)
        rates["time"] = wall_clock(opens[:count], self.zone)
        for n, name in enumerate(("open", "high", "low", "close")):
            rates[name] = values[:, n]
        rates["tick_volume"] = values[:, 4].astype("u8")
        point = self.info[symbol].point
        rates["spread"] = np.round(np.nan_to_num(values[:, 5]) / point).astype("i4")
        return rates if timeframe == M1 else self._hourly(symbol, rates)

    def _hourly(self, symbol: str, rates: np.ndarray) -> np.ndarray:
        recent = _longer(rates, 3600)
        old = np.ones(len(self.hours.get(symbol, ())), dtype=RATES)
        if len(old):
            old["time"] = wall_clock(self.hours[symbol], self.zone)
            old = old[old["time"] < recent["time"][0]]
        return np.concatenate([old, recent])

    def _done(self, name: str, answer, code: int = 1, text: str = "Success"):
        self.calls.append(name)
        if self.dead:
            answer, code, text = None, -10004, "IPC no ipc"
        if answer is not None and answer is not False:
            code, text = 1, "Success"
        self._error = (code, text)
        if self.after is not None:
            self.after(name)
        return answer

    def _bare(self, good: bool, code: int, text: str) -> bool:
        self._error = (1, "Success") if good else (code, text)
        return good


def _longer(rates: np.ndarray, seconds: int) -> np.ndarray:
    bins = rates["time"] - rates["time"] % seconds
    starts = np.flatnonzero(np.diff(bins, prepend=bins[:1] - 1))
    out = rates[starts].copy()
    out["time"] = bins[starts]
    if len(starts):
        out["high"] = np.maximum.reduceat(rates["high"], starts)
        out["low"] = np.minimum.reduceat(rates["low"], starts)
        out["close"] = rates["close"][np.append(starts[1:], len(rates)) - 1]
    return out
