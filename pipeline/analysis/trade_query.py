"""Typed questions over the trades of one run: what may be asked, and nothing besides."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ExitWord = Literal["TP", "SL", "BE", "TIME", "SESSION_END"]
EXITS: Final[tuple[ExitWord, ...]] = ("TP", "SL", "BE", "TIME", "SESSION_END")
SessionWord = Literal["asia", "frankfurt", "london", "new_york_cash", "other"]
SESSION_WORDS: Final[tuple[SessionWord, ...]] = (
    "asia", "frankfurt", "london", "new_york_cash", "other",
)  # fmt: skip
Group = Literal["none", "weekday", "hour", "month", "year", "side", "exit_reason", "session"]
Figure = Literal[
    "count", "win_rate", "expectancy", "total_r", "profit_factor", "drawdown",
    "longest_losing_run",
]  # fmt: skip
USUAL: Final[tuple[Figure, ...]] = ("count", "win_rate", "expectancy", "total_r", "profit_factor")
MOST_QUERIES: Final = 3
TOO_FEW: Final = 5
"""Groups of fewer trades are told as too few to say anything."""


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TradeQuery(_Form):
    """One question: which trades, how they are grouped, what is told of each group.

    Empty filters let all through. Times are of the entry, in the reader's zone. `rows` "trades"
    lists single trades, the best or worst by R, instead of groups.
    """

    weekdays: tuple[Weekday, ...] = Field(default=(), description="of the entry")
    hours: tuple[Annotated[int, Field(ge=0, le=23)], ...] = Field(
        default=(), description="of the entry, on the reader's clock"
    )
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = ()
    years: tuple[Annotated[int, Field(ge=1970, le=2100)], ...] = ()
    sides: tuple[Literal["long", "short"], ...] = ()
    exit_reasons: tuple[ExitWord, ...] = ()
    sessions: tuple[SessionWord, ...] = Field(
        default=(), description="the session that had opened last at the entry"
    )
    outcome: Literal["any", "win", "loss"] = "any"
    group_by: Group = "none"
    figures: tuple[Figure, ...] = Field(default=(), description="empty: the usual five")
    rows: Literal["groups", "trades"] = "groups"
    order: Literal["natural", "best", "worst"] = Field(
        default="natural", description="best and worst are by expectancy; of trades by R"
    )
    top: int | None = Field(default=None, ge=1, le=50, description="so many rows; null: all")


class TradeQuestions(_Form):
    """What a question comes to. `funnel`: it asks why there are so few trades, or none.

    No query and no funnel: it can't be answered from this run's trades.
    """

    queries: tuple[TradeQuery, ...] = Field(max_length=MOST_QUERIES)
    funnel: bool = False


_FIGURE_WORDS: Final[dict[str, str]] = {
    "count": "number of trades", "win_rate": "win rate", "expectancy": "expectancy",
    "total_r": "total R", "profit_factor": "profit factor", "drawdown": "drawdown",
    "longest_losing_run": "longest losing run",
}  # fmt: skip


def asked_words(query: TradeQuery, zone: str) -> str:
    """Return how a query was understood, in words."""
    if query.rows == "trades":
        which = {"best": "best", "worst": "worst"}.get(query.order, "first")
        head = f"the {query.top or 'all'} {which} trades"
    else:
        head = ", ".join(_FIGURE_WORDS[each] for each in query.figures or USUAL)
        if query.group_by != "none":
            head += f" by {query.group_by.replace('_', ' ')}"
        if query.order != "natural":
            head += f", {query.order} first"
        head += f", {query.top} at most" if query.top else ""
    filters = [
        *(query.weekdays), *(f"{hour:02d}:00" for hour in query.hours),
        *(f"month {month}" for month in query.months), *map(str, query.years), *query.sides,
        *query.exit_reasons, *query.sessions,
        *([] if query.outcome == "any" else ["winners" if query.outcome == "win" else "losers"]),
    ]  # fmt: skip
    only = f"; only {', '.join(filters)}" if filters else ""
    clock = query.hours or query.weekdays or query.group_by in ("hour", "weekday", "month")
    return f"{head}{only}" + (f" (entries, {zone})" if clock else "")
