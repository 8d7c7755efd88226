"""Signals as they happen: the backtest's own functions on the newest bars, at each bar's close."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import pandas as pd

from pipeline.data.buffer import BarBuffer
from pipeline.domain.market import Instrument, Timeframe
from pipeline.setups.answers import Answers, Question, questions
from pipeline.setups.detecting import depths
from pipeline.setups.engine import Found, Overrides, found_on
from pipeline.setups.model import SetupSpec
from pipeline.setups.news import NewsTape, own_currencies
from pipeline.setups.signal_hours import SignalHours
from pipeline.setups.tape import laid_out

NOTHING = Found([], [], [])


@dataclass(frozen=True)
class LiveSetup:
    """One setup on one symbol and trigger timeframe, ready to be asked at each bar's close."""

    spec: SetupSpec
    trigger: Timeframe
    instrument: Instrument
    overrides: Overrides = field(default=Overrides())

    @cached_property
    def depths(self) -> dict[Timeframe, int]:
        """Bars that its buffer must hold, by timeframe."""
        return depths(self.spec, self.trigger)

    @cached_property
    def _hours(self) -> SignalHours:
        return SignalHours(self.spec)

    @cached_property
    def _questions(self) -> dict[str, Question]:
        return questions(self.spec, self.trigger)

    def buffer(self, base: Timeframe | None = None) -> BarBuffer:
        """Return an empty buffer deep enough for this setup; None: of trigger bars."""
        return BarBuffer(base or self.trigger, self.depths)

    def is_due(self, opened: datetime, closed: datetime) -> bool:
        """Return whether a signal can become known at the close of the bar [opened, closed)."""
        return self._hours.may_end_at(opened, closed)

    def scan(
        self, buffer: BarBuffer, quality: float = 1.0, news: pd.DataFrame | None = None
    ) -> Found:
        """Return the signals that became known at the close of the trigger's newest bar.

        They are those that a backtest over all of history knows at that close, with the same
        ids, prices and trace (figures that average the past agree to nine digits: the window
        forgets what weighs nothing). No bars, or an hour at which the setup can't be complete,
        give nothing at once.

        Parameters
        ----------
        buffer
            Holds at least `depths`; it may be shared by setups and be deeper.
        quality
            0–1, of the bars in use; no signal is more confident than its data.
        news
            As in `find_signals`.

        Notes
        -----
        Ask once after each bar of the trigger timeframe: a close that is skipped is never
        looked at again. The funnel counts the newest day alone.
        """
        newest = buffer.newest(self.trigger)
        if newest is None or not self.is_due(*newest):
            return NOTHING
        bars = {t: buffer.columns(t, n) for t, n in self.depths.items()}
        answers = Answers(self.instrument, bars)
        return self.ask(
            answers, newest[1], quality, NewsTape(news, own_currencies(self.instrument))
        )

    def ask(self, answers: Answers, close: datetime, quality: float, news: NewsTape) -> Found:
        """Return what `scan` does at the close of the trigger's newest bar at hand.

        `answers` holds at least `depths` bars of each timeframe; setups may share it.
        """
        known = (
            answers.series(self._questions, self.trigger),
            answers.events(self._questions, self.trigger),
        )
        tape = laid_out(
            answers.bars(self.trigger), known, self.spec.zone, self.trigger, self.instrument,
            answers.spread(self.trigger, self.overrides.spread_points), news,
        )  # fmt: skip
        return found_on(
            tape, self.spec, self.instrument,
            overrides=self.overrides, quality=quality, since=close,
        )  # fmt: skip
