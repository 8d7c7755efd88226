"""How a backtest's result reads in the chat: headline, verdict, funnel, warnings."""

from collections.abc import Iterable

from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, TextLink, as_list

from bot import keyboards, views_analysis, views_evidence, views_qa
from bot.layout import View, fit
from bot.texts import en, en_journal
from flows import cost_words
from flows.backtest_text import command_of
from pipeline.domain.report import BacktestReport, Metrics
from pipeline.domain.signal import FunnelStep

NO_VALUE = "–"


def report(result: BacktestReport) -> View:
    """Return the headline message of a finished backtest.

    Notes
    -----
    Without trades the funnel takes the place of the figures. A figure that isn't defined shows
    as a dash.
    """
    figures = result.metrics
    has_trades = figures is not None and figures.trades > 0
    parts: list[Text | str] = [_title(result), _source(result), ""]
    if figures is not None and has_trades:
        parts += [*_headline(result, figures), "", *views_evidence.worth(result, figures)]
        parts += views_qa.line(result.qa)
    else:
        parts += [Bold(en.NO_TRADES), *funnel(result.funnel)]
    parts += _missed(result)
    parts += _warnings(result.warnings)
    parts += views_analysis.of_backtest(result)
    parts += _page(result)
    parts += ["", _details(result, figures if has_trades else None)]
    return fit(as_list(*parts), keyboards.report(result.run_id, has_trades=has_trades))


def _title(result: BacktestReport) -> Text:
    period = f"{result.period_start} – {result.period_end}"
    return as_list(
        Bold(f"{result.setup_id} v{result.rule_version.removeprefix('v')}"),
        f"{result.symbol} {result.timeframe}, {period}",
    )


def _source(result: BacktestReport) -> Text:
    quality = "" if result.data_quality is None else f", data quality {result.data_quality:.0%}"
    if result.synthetic:
        return Text(Bold(en.SYNTHETIC), quality)
    return Text(f"Bars: {result.source}{quality}")


def _headline(result: BacktestReport, m: Metrics) -> list[Text | str]:
    money, robustness = result.currency, result.robustness
    return [
        Text(Bold(en.count(m.trades, "trade")), f", win rate {_win_rate(m)}"),
        f"Break-even win rate {_percent(m.break_even_rate)}",
        views_evidence.expectancy(m, robustness),
        f"Total {_signed(m.total_r)} R, {_signed(m.total_points)} points, "
        f"{_signed(m.total_pnl, 2)} {money}".rstrip(),
        views_evidence.profit_factor(m, robustness),
        f"Max drawdown {number(m.max_drawdown_r)} R, {number(m.max_drawdown_pnl)} {money}",
        *views_evidence.other_orders(robustness),
        f"Costs paid {cost_words.paid_told(m.costs, m.swap, money)}",
        _ambiguous(m),
    ]


def _win_rate(m: Metrics) -> str:
    if m.win_rate is None:
        return NO_VALUE
    return f"{m.win_rate.value:.0%} ({m.win_rate.low:.0%} – {m.win_rate.high:.0%})"


def _ambiguous(m: Metrics) -> str:
    if not m.ambiguous:
        return "No ambiguous trades (stop and target in one bar)"
    return (
        f"{m.ambiguous} ambiguous (stop and target in one bar): total between "
        f"{_signed(m.total_r_worst)} R at worst and {_signed(m.total_r_best)} R at best"
    )


def funnel(steps: Iterable[FunnelStep]) -> list[Text | str]:
    """Return one line for each step of the setup: days and cases that got there, and the lost."""
    lines: list[Text | str] = []
    for i, step in enumerate(steps, 1):
        days, cases = en.count(step.days, "day"), en.count(step.cases, "case")
        lines.append(f"{i}. {step.title}: {days}, {cases}")
        if lost := en.lost_line(step.lost):
            lines.append(f"    fell away: {lost}")
    return lines or ["The setup kept no steps."]


def _missed(result: BacktestReport) -> list[Text | str]:
    line = en.lost_line(result.missed)
    return [f"Signals without a fill: {line}"] if line else []


def _warnings(warnings: Iterable[str]) -> list[Text | str]:
    lines = [f"• {line}" for line in warnings]
    return ["", Bold(en.WARNINGS), *lines] if lines else []


def _page(result: BacktestReport) -> list[Text | str]:
    """Return the link to the run's page in the journal, where it has one."""
    url = result.results_summary.get("notion_page_url")
    return ["", TextLink(en_journal.PAGE, url=url)] if url else []


def _details(result: BacktestReport, m: Metrics | None) -> Text:
    lines: list[Text | str] = [f"Run {result.run_id}, {_took(result.execution_time_minutes)}"]
    lines += _costs(result)
    if m is not None:
        lines.append(
            f"Average win {number(m.average_win_r)} R, average loss {number(m.average_loss_r)} R, "
            f"longest losing run {m.longest_losing_run}"
        )
        lines += views_evidence.details(m, result.robustness)
        lines += [f"{x.month}: {en.count(x.trades, 'trade')}, {_signed(x.rr)} R" for x in m.months]
        lines += views_qa.details(result.qa)
        lines += ["Steps:", *funnel(result.funnel)]
    return ExpandableBlockQuote(as_list(*lines))


def _costs(result: BacktestReport) -> list[Text | str]:
    """Return what the fills paid and how they were settled, as sentences."""
    paid = result.costs
    if not paid:
        return []
    told = f"Paid: {cost_words.costs_told(paid, result.currency)}."
    fill = en.FILL_WORDS.get(str(paid.get("fill")))
    size = f"Size: {result.lots:g} {'lot' if result.lots == 1 else 'lots'}" if result.lots else ""
    if result.risk:
        size = f"Size: {result.risk:g} {result.currency} at risk per trade, in whole volume steps"
    fills = f"Fills ({paid.get('fill')}): {fill}." if fill else ""
    return [line for line in (told, fills, size) if line]


def _took(minutes: float) -> str:
    return f"{minutes * 60:.1f} s" if minutes < 1 else f"{minutes:.1f} min"


def number(value: float | None, digits: int = 2) -> str:
    """Return a figure with separators, or a dash if there is none."""
    return NO_VALUE if value is None else f"{value:,.{digits}f}"


def _signed(value: float, digits: int = 1) -> str:
    return f"{round(value, digits) + 0.0:+,.{digits}f}"  # + 0.0: no minus before a zero


def _percent(value: float | None) -> str:
    return NO_VALUE if value is None else f"{value:.0%}"


def variants(request: dict[str, object]) -> list[tuple[str, str]]:
    """Return (button text, command) of neighbouring tests: other timeframes, other targets."""
    raw = request.get("options")
    options = dict(raw) if isinstance(raw, dict) else {}
    found = [
        (f"Timeframe {tf}", command_of({**request, "timeframe": tf}))
        for tf in keyboards.CHANGE_TIMEFRAMES
        if tf != str(request.get("timeframe"))
    ]
    for rr in keyboards.CHANGE_RR:
        if rr != options.get("rr_target"):
            changed = {**request, "options": {**options, "rr_target": rr}}
            found.append((f"Target {rr:g} R", command_of(changed)))
    return found


def change(request: dict[str, object], tokens: list[str]) -> View:
    """Return the offer of variants; `tokens` name their kept commands, in the same order."""
    command = command_of(request)
    offers = [(text, token) for (text, _), token in zip(variants(request), tokens, strict=True)]
    body = as_list(en.CHANGE_TITLE, Code(command))
    return fit(body, keyboards.commands(offers, command))
