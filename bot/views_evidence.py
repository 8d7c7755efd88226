"""How far chance reaches, beside the figures of a report: intervals, verdict, tries."""

from aiogram.utils.formatting import Bold, Text

from bot.texts import en_evidence as en
from pipeline.backtest.robustness import verdict
from pipeline.domain.report import BacktestReport, Interval, Metrics, Robustness

NO_VALUE = "–"


def expectancy(m: Metrics, r: Robustness | None) -> Text:
    """Return the line of the mean R with its interval, or its standard error without one."""
    if m.expectancy_r is None:
        return Text(f"Expectancy {NO_VALUE}")
    around = "" if m.expectancy_se is None else f", standard error {m.expectancy_se:.2f}"
    if r is not None and r.expectancy_r is not None:
        around = _between(r.expectancy_r, "+.2f")
    return Text("Expectancy ", Bold(f"{m.expectancy_r:+.2f} R"), f" a trade{around}")


def profit_factor(m: Metrics, r: Robustness | None) -> str:
    """Return the line of the profit factor with its interval."""
    if m.profit_factor is None:
        return f"Profit factor {NO_VALUE}"
    around = _between(r.profit_factor, ".2f") if r is not None and r.profit_factor else ""
    return f"Profit factor {m.profit_factor:,.2f}{around}"


def other_orders(r: Robustness | None) -> list[Text | str]:
    """Return how deep the same trades fall in other orders, as a line or none."""
    if r is None or r.drawdown_r is None:
        return []
    luck = r.drawdown_r
    return [f"In other orders {luck.median:,.1f} R is usual, {luck.high:,.1f} R once in twenty"]


def worth(result: BacktestReport, m: Metrics) -> list[Text | str]:
    """Return the verdict, and the place among all tries of the idea."""
    r = result.robustness
    mean = r.expectancy_r if r is not None else _by_error(m)
    told = verdict(mean)
    lines: list[Text | str] = [Bold(en.verdict(told, mean))]
    if result.standing is not None:
        lines.append(en.standing(result.standing, told))
    return lines


def details(m: Metrics, r: Robustness | None) -> list[Text | str]:
    """Return what only the curious need: where the intervals come from, Sharpe and Sortino."""
    if r is None:
        return []
    source = en.by_days(r.days, r.block_days) if r.by_days else en.BY_ERROR
    error = "" if m.expectancy_se is None else f"; standard error {m.expectancy_se:.2f} R"
    ratios = f"Sharpe {_ratio(r.sharpe)}, Sortino {_ratio(r.sortino)} a year, of R by weekday"
    return [source + error, ratios]


def _by_error(m: Metrics) -> Interval | None:
    """Return mean ± 2 standard errors, for reports from before there were drawn intervals."""
    if m.expectancy_r is None or m.expectancy_se is None:
        return None
    mean, reach = m.expectancy_r, 2 * m.expectancy_se
    return Interval(value=mean, low=mean - reach, high=mean + reach)


def _between(interval: Interval, digits: str) -> str:
    return f" ({interval.low:{digits}} to {interval.high:{digits}})"


def _ratio(value: float | None) -> str:
    return NO_VALUE if value is None else f"{value:+.2f}"
