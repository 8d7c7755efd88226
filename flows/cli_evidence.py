"""How far chance reaches, beside the figures that `scout` prints: rows of name and value."""

from collections.abc import Mapping
from typing import Final

from pipeline.domain.report import Interval, Metrics, Robustness, Verdict
from pipeline.domain.trial import Standing

Rows = list[tuple[str, str]]
_VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.ABOVE: "above zero; past bars only, it may not hold",
    Verdict.BELOW: "it lost, and not by chance alone",
    Verdict.OPEN: "cannot be told from zero",
    Verdict.TOO_FEW: "too few trades to say anything",
}


def expectancy_row(figures: Metrics, robustness: Robustness | None) -> Rows:
    """Return the mean R with its standard error and its interval."""
    if figures.expectancy_r is None:
        return []
    error = "" if figures.expectancy_se is None else f" ± {figures.expectancy_se:.3f}"
    around = _interval(robustness.expectancy_r, "+.3f") if robustness else ""
    return [("expectancy", f"{figures.expectancy_r:+.3f}{error} R a trade{around}")]


def profit_factor_row(figures: Metrics, robustness: Robustness | None) -> Rows:
    """Return the profit factor with its interval."""
    if figures.profit_factor is None:
        return []
    around = _interval(robustness.profit_factor, ".2f") if robustness else ""
    return [("profit factor", f"{figures.profit_factor:.2f}{around}")]


def evidence_rows(robustness: Robustness | None, standing: Standing | None) -> Rows:
    """Return drawdown in other orders, yearly ratios, verdict, and the place among all tries."""
    rows: Rows = []
    if robustness is not None:
        luck = robustness.drawdown_r
        if luck is not None:
            told = f"drawdown of {luck.median:.2f} R usual, {luck.high:.2f} R once in twenty"
            rows.append(("other orders", told))
        ratios = f"{_ratio(robustness.sharpe)}, {_ratio(robustness.sortino)}"
        rows.append(("Sharpe, Sortino", f"{ratios} a year, of R by weekday"))
        rows.append(("verdict", _VERDICTS[robustness.verdict]))
    return rows + ([] if standing is None else [("variant", _variant(standing))])


def _variant(standing: Standing) -> str:
    told = f"{standing.number} of {standing.tried} of this idea"
    if standing.deflated is None or standing.tried == 1:
        return told
    return f"{told}; chance of more than the luckiest of so many: {standing.deflated:.1%}"


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def _interval(interval: Interval | None, digits: str) -> str:
    if interval is None:
        return ""
    return f"  (95 %: {interval.low:{digits}} – {interval.high:{digits}})"
