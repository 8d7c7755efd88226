"""Conditions beside the steps: a price against another, and the confluences of a case."""

from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline.domain.news import IMPACTS
from pipeline.setups.vocabulary import Name, Price, Text, Words

Impact = Literal["none", "low", "medium", "high"]


class Where(Words):
    """A price or number against another: `value` lies beyond (or behind) `of`."""

    value: Price = Field(description="reference, `close`, `this.field` of the event, or a number")
    is_: Literal["beyond", "behind"] = Field(alias="is")
    of: Price
    note: Text = ""


class NewsFree(Words):
    """No news near the case: from `minutes_before` before an item to `minutes_after` after it."""

    minutes_before: int = Field(default=30, ge=0, le=1440)
    minutes_after: int = Field(default=30, ge=0, le=1440)
    impact: Impact = Field(default="high", description="news of at least this impact")
    currencies: tuple[str, ...] = Field(
        default=(), max_length=20, description="empty: those the symbol is quoted in"
    )

    @model_validator(mode="before")
    @classmethod
    def _one_currency(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("currencies"), str):
            return {**data, "currencies": (data["currencies"],)}
        return data

    @property
    def impacts(self) -> tuple[str, ...]:
        """The impacts that count."""
        return IMPACTS[IMPACTS.index(self.impact) :]


class ConfluenceRule(Words):
    """A side condition that adds weight, or that must hold where it is `required`.

    It is one of: a number in bounds, a price, a tool's events, a window without news.
    """

    name: Text
    weight: float = Field(gt=0, le=100)
    required: bool = Field(default=False, description="no signal without it")
    value: str | None = None
    per: str | None = None
    min: float | None = None
    max: float | None = None
    where: Where | None = None
    tool: str | None = Field(
        default=None,
        description="its newest event is on the trade's side; with `since` or `max_bars`: any is",
    )
    event: tuple[str, ...] = Field(default=(), description="only these of the tool's events")
    side: Literal["any", "same", "opposite"] = "same"
    since: Name | None = Field(default=None, description="an event not before this step")
    max_bars: int | None = Field(
        default=None, ge=0, le=5000, description="an event at most so many trigger bars ago"
    )
    news_free: NewsFree | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_event(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("event"), str):
            return {**data, "event": (data["event"],)}
        return data
