"""A row of `labeled_trades`: what a signal taught."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.market import Side, Timeframe
from pipeline.domain.signal import Signal

BACKTEST = "backtest"
MARKS = "marks"
HUMAN: dict[str, Literal["taken", "skipped"]] = {
    "approved": "taken", "rejected": "skipped", "taken": "taken", "skipped": "skipped",
}  # fmt: skip
"""What an answer or a tick is called in `labeled_trades`."""


def natural_key(setup_id: str, symbol: str, tf: Timeframe, known_at: datetime, side: Side) -> str:
    """Return what a signal is the same by, whoever finds it: live, a backtest or a person.

    It is a live signal's `key` without its origin. Moments are UTC, to the second.
    """
    moment = known_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
    return f"{setup_id}|{symbol}|{tf.value}|{moment}|{side.value}"


def signal_key(signal: Signal) -> str:
    """Return a signal's natural key."""
    s = signal
    return natural_key(s.setup_id, s.symbol, s.tf, s.known_at, s.side)


class Label(BaseModel):
    """One row of `labeled_trades`: a signal, what became of it, what people did about it.

    `label` is 1 iff the target came before the stop, 0 if not, None where nothing was filled.
    """

    model_config = ConfigDict(frozen=True)

    source: str = Field(
        description="origin of a live signal or replay, BACKTEST, or MARKS of a user's own file"
    )
    signal_id: str = Field(description="of BACKTEST and MARKS: the signal's natural key")
    run_id: str = Field(default="", description="the run that wrote the row")
    setup_id: str
    rule_version: str
    symbol: str
    tf: Timeframe
    side: str
    known_at: datetime
    resolved_at: datetime
    label: int | None
    rr: float | None
    exit_reason: str
    decision: str = ""
    human: Literal["taken", "skipped", ""] = ""
    confidence: float
    features: dict[str, float | None] | None = None
    feature_version: str | None = None
