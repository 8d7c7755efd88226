"""Live held against the backtest, signal by signal, and what bars have to do with differences.

The backtest is carried out twice: on a day's bars as they were seen live, and as they are held
now. Where it agrees with live on the first only, the bars are the cause; which of them is shown by
putting them right one kind at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pandas as pd

from pipeline.data.clean import VALUES, resample
from pipeline.domain.live import DecisionKind, LiveSignal
from pipeline.domain.market import Side, Timeframe
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Plan
from pipeline.live.certificate import BarsCompared, Cause, Compared, SymbolCompared
from pipeline.live.parity_day import ParityDay
from pipeline.setups.engine import Found, detect, find_signals, frames_for, warm_up
from pipeline.setups.live import LiveSetup
from pipeline.setups.model import SetupSpec
from pipeline.verify.causality import NINE_DIGITS
from pipeline.verify.results import Difference
from pipeline.verify.said import first_difference, said_by_setup

Pair: TypeAlias = tuple[Signal, Plan]
Key: TypeAlias = tuple[datetime, Side]
M1 = Timeframe.M1
_OPENS = "open_time"
_BEHIND = timedelta(microseconds=1)


def compare(day: ParityDay) -> SymbolCompared:
    """Return every signal that live or the backtest knows, compared, in the order of closes."""
    mended = Mended(day.seen, day.held)
    signals: list[Compared] = []
    notes = []
    for spec, trigger in day.setups:
        bars = len(resample(day.history, M1, trigger, day.start))
        cut_short = bars < warm_up(spec, trigger)
        signals += _Asked(day, mended, spec, trigger, cut_short=cut_short).compared()
        if cut_short:
            notes.append(
                f"{day.symbol} {spec.setup_id} {trigger}: less is held before it than it looks "
                "back on"
            )
    signals.sort(key=lambda c: (c.known_at, c.setup_id, c.tf.minutes, c.side))
    return SymbolCompared(bars=mended.told(day.symbol), signals=tuple(signals), notes=tuple(notes))


class Mended:
    """The bars as seen, and as they would be with one kind of difference put right."""

    def __init__(self, seen: pd.DataFrame, held: pd.DataFrame | None) -> None:
        self.seen, self.held = seen, held
        if held is None:
            return
        self._missing = held[~held[_OPENS].isin(seen[_OPENS])]
        self._gone = seen[~seen[_OPENS].isin(held[_OPENS])]
        both = seen.merge(held[[_OPENS, *VALUES]], on=_OPENS, suffixes=("", "_held"))
        other = np.zeros(len(both), dtype=bool)
        for name in VALUES:
            one, two = both[name].to_numpy(), both[f"{name}_held"].to_numpy()
            other |= ~np.isclose(one, two, rtol=NINE_DIGITS, atol=0.0, equal_nan=True)
        self._revised = held[held[_OPENS].isin(both[_OPENS][other])]

    @property
    def same(self) -> bool:
        """Whether nothing differs, or there is nothing to compare with."""
        return self.held is None or not (
            len(self._missing) or len(self._gone) or len(self._revised)
        )

    @cached_property
    def kinds(self) -> dict[Cause, pd.DataFrame]:
        """The bars as seen with the missing ones, or with the revised ones, put right."""
        if self.same:
            return {}
        found = {}
        if len(self._missing):
            found[Cause.FEED_GAP] = _ordered(self.seen, self._missing)
        if len(self._revised) or len(self._gone):
            wrong = pd.concat([self._revised[_OPENS], self._gone[_OPENS]])
            kept = self.seen[~self.seen[_OPENS].isin(wrong)]
            found[Cause.REVISED_BAR] = _ordered(kept, self._revised)
        return found

    def told(self, symbol: str) -> BarsCompared:
        """Return the differences as they are reported."""
        if self.held is None:
            return BarsCompared(
                symbol=symbol, seen=len(self.seen), held=None, missing=(), gone=(), revised=()
            )
        return BarsCompared(
            symbol=symbol,
            seen=len(self.seen),
            held=len(self.held),
            missing=_moments(self._missing),
            gone=_moments(self._gone),
            revised=_moments(self._revised),
        )


def _ordered(*parts: pd.DataFrame) -> pd.DataFrame:
    some = [part for part in parts if len(part)]
    if not some:
        return parts[0]
    return pd.concat(some).sort_values(_OPENS, ignore_index=True)


def _moments(bars: pd.DataFrame) -> tuple[datetime, ...]:
    return tuple(moment.to_pydatetime() for moment in bars[_OPENS])


@dataclass(frozen=True)
class _Asked:
    """One setup on one trigger, asked of the day's bars in every shape."""

    day: ParityDay
    mended: Mended
    spec: SetupSpec
    trigger: Timeframe
    cut_short: bool

    def compared(self) -> list[Compared]:
        live = {
            (r.signal.known_at, r.signal.side): r
            for r in self.day.live
            if (r.signal.setup_id, r.signal.tf) == (self.spec.setup_id, self.trigger)
        }
        seen = self._backtest(self.mended.seen)
        held = seen
        if self.mended.held is not None and not self.mended.same:
            held = self._backtest(self.mended.held)
        return [self._one(key, live.get(key), seen, held) for key in {*live, *seen, *held}]

    def _one(
        self,
        key: Key,
        live: LiveSignal | None,
        seen: Mapping[Key, Pair],
        held: Mapping[Key, Pair],
    ) -> Compared:
        said = None if live is None else (live.signal, live.plan)
        on_seen = _difference(said, seen.get(key))
        on_held = None if self.mended.held is None else _difference(said, held.get(key))
        known_at, side = key
        found = Compared(
            setup_id=self.spec.setup_id,
            symbol=self.day.symbol,
            tf=self.trigger,
            side=side,
            known_at=known_at,
            signal_id="" if live is None else live.signal_id,
            late=live is not None and live.decision.decision is DecisionKind.LATE,
            versions=(
                "" if live is None else live.signal.rule_version, self.spec.rule_version,
            ),
            on_seen=on_seen is None,
            on_held=None if self.mended.held is None else on_held is None,
            cut_short=self.cut_short,
        )  # fmt: skip
        first = on_held or on_seen
        if first is not None:
            other = (held if on_held is not None else seen).get(key)
            told = {
                "field": first.field or "signal",
                "live": "" if said is None else first.left,
                "backtest": "" if other is None else first.right,
                "shown": other or said,
            }
            found = found.model_copy(update=told)
        elif found.late:
            found = found.model_copy(update={"shown": said})
        if on_seen is not None and said is not None:
            return found.model_copy(update={"late_bars": self._late_bars(said)})
        if on_seen is None and on_held is not None:
            return found.model_copy(update={"healed": self._healed(key, held.get(key))})
        return found

    def _backtest(self, bars: pd.DataFrame) -> dict[Key, Pair]:
        """Return what a backtest over all of history and these bars knows in the day."""
        day = self.day
        whole = resample(_joined(day.history, bars), M1, self.trigger, day.end)
        frames = frames_for(whole, self.trigger, self.spec)
        tools = detect(frames, self.spec, self.trigger, day.instrument)
        found = find_signals(
            frames, tools, self.spec, self.trigger, day.instrument, since=day.start + _BEHIND,
            news=day.news,
        )  # fmt: skip
        pairs = zip(found.signals, found.plans, strict=True)
        return {(s.known_at, s.side): (s, p) for s, p in pairs if s.known_at <= day.end}

    def _healed(self, key: Key, held: Pair | None) -> tuple[Cause, ...]:
        """Return which kind of difference, put right alone, gives what the held bars give."""
        return tuple(
            cause
            for cause, bars in self.mended.kinds.items()
            if _difference(self._backtest(bars).get(key), held) is None
        )

    def _late_bars(self, said: Pair) -> tuple[datetime, ...]:
        """Return the last bars of the trigger's bar without which live's answer comes out."""
        signal, day = said[0], self.day
        opened = signal.known_at - self.trigger.delta
        bars = _joined(day.history, day.seen)
        bars = bars[bars["close_time"] <= signal.known_at]
        inside = _moments(bars[bars[_OPENS] >= opened])
        for cut in reversed(inside[1:]):
            early = bars[bars[_OPENS] < cut]
            if _difference(said, self._asked_early(early, signal)) is None:
                return inside[inside.index(cut) :]
        return ()

    def _asked_early(self, bars: pd.DataFrame, signal: Signal) -> Pair | None:
        """Return what live says at a close that the clock tells before all bars have come."""
        live = LiveSetup(self.spec, self.trigger, self.day.instrument)
        buffer = live.buffer(M1)
        buffer.append(bars)
        buffer.tick(signal.known_at)
        found = live.scan(buffer, news=self.day.news)
        pairs = zip(found.signals, found.plans, strict=True)
        return next((p for p in pairs if p[0].side is signal.side), None)


def _joined(history: pd.DataFrame, bars: pd.DataFrame) -> pd.DataFrame:
    if history.empty or bars.empty:
        return bars if history.empty else history
    return pd.concat([history, bars], ignore_index=True)


def _difference(live: Pair | None, backtest: Pair | None) -> Difference | None:
    """Return the first difference between two answers; None: both silent, or the same.

    Ids count signals of a day and say nothing of one; versions are judged apart.
    """
    if live is None and backtest is None:
        return None
    sides = [said_by_setup(_bare(pair)) for pair in (live, backtest)]
    return first_difference("signal", sides[0], sides[1], NINE_DIGITS)


def _bare(pair: Pair | None) -> Found:
    if pair is None:
        return Found([], [], [])
    signal, plan = pair
    bare = {"signal_id": "", "run_id": "", "rule_version": ""}
    return Found([signal.model_copy(update=bare)], [plan.model_copy(update={"signal_id": ""})], [])
