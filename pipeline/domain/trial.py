"""Trials: each variant of an idea that was tested, and what so many tries make of the best."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Sharpe(BaseModel):
    """A Sharpe ratio that is not annualised, with what its uncertainty is judged by."""

    model_config = ConfigDict(frozen=True)

    ratio: float
    count: int = Field(description="values it was taken from")
    skew: float
    kurtosis: float = Field(description="3 for a normal distribution")


class Trial(BaseModel):
    """One tested variant of an idea. The idea is a setup on a symbol, whoever tries it.

    Moments are of R by trade, None where they aren't defined. Tries on SYNTHETIC bars are an
    idea of their own: they tell nothing of the market's.
    """

    model_config = ConfigDict(frozen=True)

    setup_id: str
    symbol: str
    synthetic: bool = False
    variant: str = Field(description="fingerprint of rules, timeframe, options and period")
    what: dict[str, Any] = Field(
        default_factory=dict, description="timeframe, period, options, rule_version, to read"
    )
    trades: int
    mean_r: float | None
    sd_r: float | None = Field(description="of the population (n)")
    skew: float | None
    kurtosis: float | None = Field(description="3 for a normal distribution")
    run_id: str
    at: datetime

    @property
    def sharpe(self) -> Sharpe | None:
        """R's Sharpe ratio by trade; None below four trades or where R doesn't vary."""
        mean, sd, skew, kurtosis = self.mean_r, self.sd_r, self.skew, self.kurtosis
        if mean is None or not sd or skew is None or kurtosis is None:
            return None
        return Sharpe(ratio=mean / sd, count=self.trades, skew=skew, kurtosis=kurtosis)


class Standing(BaseModel):
    """Where a result stands among all tries of its idea."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(description="this variant's, counted from 1 in order of first try")
    tried: int = Field(description="variants tried so far")
    sharpe: float | None = Field(description="of R by trade, not annualised")
    luckiest: float = Field(
        description="the Sharpe ratio to expect of the luckiest of so many tries without an edge"
    )
    deflated: float | None = Field(
        description="deflated Sharpe ratio: probability that the true one lies above `luckiest`"
    )


class Pbo(BaseModel):
    """Probability of backtest overfitting among some variants."""

    model_config = ConfigDict(frozen=True)

    pbo: float = Field(
        description="share of splits whose best falls below the other half's median"
    )
    loss: float = Field(description="share of splits whose best loses on the other half")
    slope: float | None = Field(description="of the best's Sharpe ratio there on the one here")
    variants: int
    days: int
    blocks: int
    splits: int
