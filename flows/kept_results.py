"""What the archive keeps of a backtest, read back: where it lies, its trades and signals."""

import json
from typing import TYPE_CHECKING

from pipeline.domain.comparison import RunFacts
from pipeline.domain.request import Run
from pipeline.domain.signal import Signal
from pipeline.domain.trade import Missed, Trade

if TYPE_CHECKING:
    from pipeline.backtest.comparison import Kept


def trades_path(stem: str) -> str:
    """Return where signals, plans, trades and misses lie, so that each can be drawn again."""
    return f"results/{stem}_trades.json"


def provenance_path(stem: str) -> str:
    """Return where the record lies of what decided the trades."""
    return f"provenance/{stem}.json"


def trades_of(run: Run) -> str:
    """Return where the trades of a finished backtest's newest attempt lie."""
    return str(run.report["artifacts"]["trades_json"]).removeprefix("archive/")


def read_kept(facts: RunFacts, data: bytes) -> "Kept":
    """Return a run's archived trades and signals, to be compared with others.

    Raises
    ------
    ValueError
        They were kept by a program whose trades this one can't read.
    """
    raw = json.loads(data)
    signals = [Signal.model_validate(signal) for signal in raw["signals"]]
    missed = [Missed.model_validate(miss) for miss in raw["missed"]]
    trades = [Trade.model_validate(trade) for trade in raw["trades"]]
    return kept_of(facts, trades, signals, missed)


def kept_of(
    facts: RunFacts, trades: list[Trade], signals: list[Signal], missed: list[Missed]
) -> "Kept":
    """Return a result in the shape that comparing asks for."""
    from pipeline.backtest.comparison import Kept  # noqa: PLC0415  (see backtest_compute)

    known = {signal.signal_id: (signal.side.sign, signal.known_at) for signal in signals}
    reasons = {m.signal_id: str(getattr(m.reason, "value", m.reason)) for m in missed}
    return Kept(facts, trades, known, reasons)
