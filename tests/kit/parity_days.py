"""A day as live scans it minute by minute, on bars that come as a test has them come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from pipeline.domain.live import (
    ConfidenceBreakdown,
    Decision,
    DecisionKind,
    Evaluation,
    LiveSignal,
    Receipt,
)
from pipeline.domain.market import Instrument
from pipeline.live.parity_day import ParityDay
from pipeline.live.scanning import SymbolScan
from pipeline.live.ticket import ticket_hash
from pipeline.ml.features import FEATURE_VERSION

MINUTE = timedelta(minutes=1)
Bars = Callable[[pd.DataFrame], pd.DataFrame]


def as_they_are(bars: pd.DataFrame) -> pd.DataFrame:
    """Leave bars as they are."""
    return bars


@dataclass
class LiveDay:
    """One symbol's day: `bars` is what the market made, all of it.

    Parameters
    ----------
    got
        What live gets instead of the day's bars.
    late
        By open time, how many minutes later than its close a bar comes.
    scanless
        Closes at which nobody scans.
    """

    symbol: str
    instrument: Instrument
    setups: tuple
    bars: pd.DataFrame
    start: datetime
    end: datetime
    got: Bars = as_they_are
    late: Mapping[datetime, int] = field(default_factory=dict)
    scanless: frozenset[datetime] = frozenset()
    signals: list[LiveSignal] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    scans: list[datetime] = field(default_factory=list)
    seen: pd.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        opened = self.bars["open_time"]
        self.history = self.bars[opened < self.start].reset_index(drop=True)
        inside = (opened >= self.start) & (self.bars["close_time"] <= self.end)
        self.held = self.bars[inside].reset_index(drop=True)
        self.seen = self.got(self.held.copy()).reset_index(drop=True)

    def live(self) -> "LiveDay":
        """Scan the day as the scanner does: at each minute with the bars that have come."""
        scan = SymbolScan(self.instrument, self.setups)
        scan.seed(self.history, self.start)
        comes = self.seen["close_time"] + pd.to_timedelta(
            [self.late.get(t.to_pydatetime(), 0) for t in self.seen["open_time"]], unit="min"
        )
        taken, now = 0, self.start
        while now < self.end:
            now += MINUTE
            if now in self.scanless:
                continue
            until = taken
            while until < len(self.seen) and comes.iloc[until] <= now:
                until += 1
            new = self.seen.iloc[taken:until].reset_index(drop=True)
            taken = until
            self.scans.append(now)
            for one in scan.advance(new, now):
                self.evaluations += one.evaluations
                vectors = zip(one.signals, one.features, strict=True)
                self.signals += [self._kept(pair, vector, now) for pair, vector in vectors]
        return self

    def _kept(self, pair, vector, now: datetime) -> LiveSignal:
        signal, plan = pair
        late = now - signal.known_at > 2 * signal.tf.delta
        kept = LiveSignal(
            signal_id=f"sig_live_{len(self.signals) + 1:03d}",
            run_id="live_2025_03_10_001",
            signal=signal,
            plan=plan,
            ticket=ticket_hash(signal, plan),
            features=vector,
            feature_version=FEATURE_VERSION,
            decision=Decision(
                decision=DecisionKind.LATE if late else DecisionKind.APPROVED,
                confidence_breakdown=ConfidenceBreakdown(rules=signal.confidence),
            ),
            receipt=Receipt(
                closed_at=signal.known_at, data_at=now, detected_at=now, decided_at=now
            ),
        )
        return LiveSignal.model_validate_json(kept.model_dump_json())

    def day(self, *, held: bool = True) -> ParityDay:
        """Return what is compared."""
        return ParityDay(
            self.symbol, self.setups, self.instrument, self.start, self.end,
            self.history, self.seen, self.held if held else None, tuple(self.signals),
        )  # fmt: skip
