"""What people ask of many variants at once: sweep, walk-forward, batch."""

from datetime import date
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestOptions, BacktestRequest


class Criterion(StrEnum):
    """By what variants are compared. All in R, net of costs.

    t: mean R over its standard error, so that a few lucky trades don't win. expectancy: mean R.
    total: sum of R.
    """

    T = "t"
    EXPECTANCY = "expectancy"
    TOTAL = "total"


class Parameter(BaseModel):
    """A parameter and its values as typed: `min_gap_atr`, `0.1..0.5/0.1`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    values: str = Field(min_length=1, max_length=400)


class GridRequest(BaseModel):
    """Every combination of some parameters' values of a setup, on [start, end] in UTC days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: str
    symbol: str
    timeframe: Timeframe
    start: date
    end: date
    setup_id: str
    parameters: tuple[Parameter, ...] = Field(min_length=1)
    by: Criterion = Criterion.T
    min_trades: int = Field(
        default=20, ge=2, le=100_000, description="variants with fewer trades are not chosen"
    )
    options: BacktestOptions = BacktestOptions()
    extra: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> "GridRequest":
        if self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}")
        return self

    @property
    def backtest(self) -> BacktestRequest:
        """The same on the setup as it stands: what any one variant is tested like."""
        return BacktestRequest(
            symbol=self.symbol, timeframe=self.timeframe, start=self.start, end=self.end,
            setup_id=self.setup_id, options=self.options, extra=self.extra,
        )  # fmt: skip


class SweepRequest(GridRequest):
    """A grid whose stable region is looked for."""

    mode: Literal["sweep"] = "sweep"


class WalkForwardRequest(GridRequest):
    """A grid that is chosen from on rolling windows and judged on the days after each."""

    mode: Literal["walkforward"] = "walkforward"
    inside: int | None = Field(default=None, ge=1, le=5000, description="days to choose on")
    outside: int | None = Field(default=None, ge=1, le=5000, description="days to trade a choice")


class Period(BaseModel):
    """[start, end] in whole UTC days, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: date
    end: date

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.start}..{self.end}"


class BatchRequest(BaseModel):
    """The same backtest over setups × symbols × timeframes × periods.

    No timeframes: each setup's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["batch"] = "batch"
    setups: tuple[str, ...] = Field(min_length=1)
    symbols: tuple[str, ...] = Field(min_length=1)
    timeframes: tuple[Timeframe, ...] = ()
    periods: tuple[Period, ...] = Field(min_length=1)
    options: BacktestOptions = BacktestOptions()
    extra: dict[str, Any] = Field(default_factory=dict)
