"""What detectors and setups say: zones, signals with their trace, funnels."""

from datetime import datetime
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from pipeline.domain.market import Side, Timeframe


class Zone(BaseModel):
    """A price interval with a life in time, as detectors give it to the outside.

    A level has `price_low == price_high`. `known_at` is a close time; `start` may be earlier.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    start: datetime
    end: datetime | None
    price_low: float
    price_high: float
    confidence: float = Field(ge=0, le=1)
    known_at: datetime
    meta: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> "Zone":
        if not (np.isfinite(self.price_low) and np.isfinite(self.price_high)):
            raise ValueError("price_low and price_high must be finite")
        if self.price_low > self.price_high:
            raise ValueError(f"price_low {self.price_low} is above price_high {self.price_high}")
        if self.start > self.known_at:
            raise ValueError(f"start {self.start} is after known_at {self.known_at}")
        return self


class TraceStep(BaseModel):
    """One rule that fired: what, when it was known, at which prices.

    `kind` says how it is drawn: range | level | sweep | gap | structure | pattern | entry.
    """

    model_config = ConfigDict(frozen=True)

    step: str
    kind: str
    event: str
    start: datetime
    known_at: datetime
    price_low: float
    price_high: float
    note: str = ""
    values: dict[str, float | int | str | None] = Field(default_factory=dict)


class Confluence(BaseModel):
    """One weighted side condition and whether it was met."""

    model_config = ConfigDict(frozen=True)

    name: str
    weight: float
    met: bool
    note: str = ""


class Signal(BaseModel):
    """A complete setup, known at a bar's close; it can be filled from the next open on.

    Prices are the ticket as a person would see it: `entry_price` is the expected fill (market:
    the close, at the ask for a long; limit: the limit). `tp_price` is the last target.
    """

    model_config = ConfigDict(frozen=True)

    signal_id: str
    run_id: str = ""
    symbol: str
    tf: Timeframe
    side: Side
    entry_price: float
    sl_price: float
    tp_price: float
    confidence: float = Field(ge=0, le=1)
    setup_id: str
    rule_version: str
    known_at: datetime
    day: str = Field(description="trading date of the setup, ISO, in the setup's own zone")
    trace: tuple[TraceStep, ...]
    confluences: tuple[Confluence, ...] = ()
    context: dict[str, float | str | None] = Field(
        default_factory=dict, description="context_snapshot: trend, volatility …"
    )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def meta(self) -> dict[str, Any]:
        """What scripts read of a signal besides its ticket, in one place."""
        return {
            "detectors": [step.event for step in self.trace],
            "entry_timestamp": self.known_at,
            "trace": [step.model_dump(mode="json") for step in self.trace],
            "context_snapshot": self.context,
        }


class FunnelStep(BaseModel):
    """How many days (and cases) got as far as one step of a setup, and why the rest fell away."""

    model_config = ConfigDict(frozen=True)

    step: str
    title: str
    days: int
    cases: int
    lost: dict[str, int] = Field(default_factory=dict, description="reason -> number of cases")
