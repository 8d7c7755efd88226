"""One symbol watched: its bars as they close, and every setup asked at each close it waits for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pandas as pd

from pipeline.data.buffer import BarBuffer, BarRows
from pipeline.domain.live import Evaluation
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan
from pipeline.live.evaluating import evaluation_of, reads_the_clock
from pipeline.ml.features import Vector, features_of, m1_bars_for, windows_for
from pipeline.setups.answers import Answers
from pipeline.setups.detecting import warm_up
from pipeline.setups.engine import Found, Overrides
from pipeline.setups.live import LiveSetup
from pipeline.setups.model import SetupSpec
from pipeline.setups.news import NewsTape, own_currencies

SHOWN = 300
"""Bars that `window` can give at least, of each timeframe held."""
AS_WRITTEN = Overrides()
PAUSED = "paused: the feed's clock is in doubt"


@dataclass(frozen=True)
class Scanned:
    """What one close brought: of a bar, or of longer bars whose time was over without one.

    `close` is when it was (UTC). A bar that comes late, after the clock has closed the longer bar
    it belongs to, has that one asked again: its evaluation and signals bear its own close then.
    `failed` says of setups that could not be asked why, one line each; the others were. `shown`
    has the newest bars at that close of each timeframe that a signal is on, for its picture.
    `features` has each signal's vector, in the order of the signals; None: it could not be worked
    out, and `featureless` says why.
    """

    close: datetime
    signals: tuple[tuple[Signal, Plan], ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    failed: tuple[str, ...] = ()
    shown: Mapping[Timeframe, pd.DataFrame] = field(default_factory=dict, compare=False)
    features: tuple[Vector | None, ...] = ()
    featureless: tuple[str, ...] = ()


def m1_bars_needed(setups: Iterable[tuple[SetupSpec, Timeframe]]) -> int:
    """Return how many M1 bars before the first close to be asked decide what is said at it.

    What is said are signals and their features.
    """
    needed = (
        max(warm_up(spec, trigger) * trigger.minutes, m1_bars_for(trigger))
        for spec, trigger in setups
    )
    return max(needed, default=1)


class SymbolScan:
    """Any number of setups on one symbol, on M1 bars held once for all of them.

    Parameters
    ----------
    instrument
        The symbol's.
    setups
        Each with the timeframe that triggers it.
    overrides, quality, news
        As `LiveSetup.scan` takes them.

    Notes
    -----
    Fed with all M1 bars since `seed`, it gives the signals that a backtest over all of history
    finds on bars made of the same M1 bars: all of them and no other. It holds state: one at a
    time may use it.
    """

    def __init__(
        self,
        instrument: Instrument,
        setups: Sequence[tuple[SetupSpec, Timeframe]],
        *,
        overrides: Overrides = AS_WRITTEN,
        quality: float = 1.0,
        news: pd.DataFrame | None = None,
    ) -> None:
        self._live = [LiveSetup(s, trigger, instrument, overrides) for s, trigger in setups]
        self._resting = [reads_the_clock(live.spec) for live in self._live]
        self._quality = quality
        self._instrument = instrument
        self._news = NewsTape(news, own_currencies(instrument))
        self._buffer = BarBuffer(Timeframe.M1, self._depths())
        self._answers = Answers(instrument, {})
        self._stale = set(self._buffer.timeframes)

    def _depths(self) -> dict[Timeframe, int]:
        merged: dict[Timeframe, int] = {Timeframe.M1: SHOWN}
        for live in self._live:
            for wanted in (live.depths, windows_for(live.trigger)):
                for timeframe, depth in wanted.items():
                    merged[timeframe] = max(merged.get(timeframe, SHOWN), depth)
        return merged

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        """The timeframes that `window` can give, shortest first."""
        return self._buffer.timeframes

    @property
    def last_open(self) -> datetime | None:
        """When the newest M1 bar held opened (UTC); None: there is none."""
        newest = self._buffer.newest(Timeframe.M1)
        return None if newest is None else newest[0]

    def seed(self, bars: pd.DataFrame | BarRows, until: datetime | None = None) -> None:
        """Take M1 bars that were scanned already, up to `until` by the clock: none is asked."""
        self._buffer.append(bars)
        if until is not None:
            self._buffer.tick(until)
        self._warm()

    def _warm(self) -> None:
        """Work all out once, for nothing: the first close that counts shall not load kernels."""
        for live in self._live:
            newest = self._buffer.newest(live.trigger)
            if newest is not None:
                self._found(live, newest[1])
        self._forget(everything=True)

    def advance(
        self,
        bars: pd.DataFrame | BarRows,
        until: datetime | None = None,
        *,
        paused: bool = False,
    ) -> list[Scanned]:
        """Take M1 bars one by one and ask at each close; return what each close brought.

        Parameters
        ----------
        bars
            Closed M1 bars, newer than those held, oldest first; may be empty.
        until
            The feed's time, read before the bars were asked for: longer bars whose last minutes
            had no trade close by it. None: they close when the next bar comes.
        paused
            The feed's clock is in doubt: setups that read the clock are not asked, and say so.

        Raises
        ------
        BadBarsError
            A bar is not newer than the last one held, or than the one before it. None was taken.
        """
        scanned = []
        rows = bars if isinstance(bars, BarRows) else BarRows.of(bars)
        self._buffer.check(rows)
        for row in rows:
            opened = datetime.fromtimestamp(row.opened[0], UTC)
            scanned += self._tick(opened, paused=paused)
            grown = self._buffer.append(row)
            scanned.append(self._asked(opened + Timeframe.M1.delta, grown, paused=paused))
        if until is not None:
            scanned += self._tick(until, paused=paused)
        return scanned

    def window(self, timeframe: Timeframe, bars: int) -> pd.DataFrame:
        """Return the newest closed bars of a timeframe held, `bars` at most: a bar frame."""
        return self._buffer.frame(timeframe, bars)

    def _tick(self, until: datetime, *, paused: bool) -> list[Scanned]:
        """Close the longer bars that are over by the clock, one close after the other."""
        scanned = []
        while (close := self._buffer.next_close) is not None and close <= until:
            grown = self._buffer.tick(close)
            scanned.append(self._asked(close, grown, paused=paused))
        return scanned

    def _asked(self, close: datetime, grown: tuple[Timeframe, ...], *, paused: bool) -> Scanned:
        self._stale.update(grown)
        signals: list[tuple[Signal, Plan]] = []
        evaluations: list[Evaluation] = []
        failed: list[str] = []
        for live, rests in zip(self._live, self._resting, strict=True):
            newest = self._buffer.newest(live.trigger)
            if live.trigger not in grown or newest is None or not live.is_due(*newest):
                continue
            found, why = (None, PAUSED) if paused and rests else self._found(live, newest[1])
            evaluations.append(evaluation_of(live, newest[1], found, why))
            if found is not None:
                signals += zip(found.signals, found.plans, strict=True)
            elif why is not PAUSED:
                failed.append(f"{live.spec.setup_id} {live.trigger} {why}")
        self._forget(everything=not evaluations)
        shown = {s.tf: self._buffer.frame(s.tf, SHOWN) for s, _ in signals}
        vectors = [self._features(signal, plan) for signal, plan in signals]
        return Scanned(
            close, tuple(signals), tuple(evaluations), tuple(failed), shown,
            tuple(vector for vector, _ in vectors), tuple(why for _, why in vectors if why),
        )  # fmt: skip

    def _features(self, signal: Signal, plan: Plan) -> tuple[Vector | None, str]:
        """Return a signal's features; a fault in them is theirs and stops no signal."""
        bars = {t: self._buffer.columns(t) for t in windows_for(signal.tf)}
        try:
            return features_of(signal, plan, bars, self._instrument), ""
        except Exception as fault:  # noqa: BLE001  (whatever it is, the signal goes out)
            return None, f"{signal.setup_id} {signal.tf}: {type(fault).__name__}: {fault}"

    def _found(self, live: LiveSetup, close: datetime) -> tuple[Found | None, str]:
        """Return what a setup finds; a fault in it is its own and stops no other."""
        try:
            return live.ask(self._at_hand(), close, self._quality, self._news), ""
        except Exception as fault:  # noqa: BLE001  (whatever it is, the other setups go on)
            return None, f"failed: {type(fault).__name__}: {fault}"

    def _forget(self, *, everything: bool) -> None:
        """Let go of what the next bar changes anyway, and of all outside the setups' hours."""
        spent = set(self._buffer.timeframes) if everything else {Timeframe.M1}
        spent -= self._stale
        if spent:
            self._answers.forget(spent)
            self._stale |= spent

    def _at_hand(self) -> Answers:
        """Return what was worked out of the bars held, without what newer bars have changed."""
        if self._stale:
            self._answers.take({t: self._buffer.columns(t) for t in self._stale})
            self._stale.clear()
        return self._answers
