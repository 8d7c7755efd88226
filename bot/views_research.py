"""How sweeps, walk-forwards and batches read in the chat."""

from collections.abc import Sequence

from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot.keyboards import OriginalCb, RerunCb, button, rows
from bot.layout import View, fit
from bot.texts import en, en_evidence
from bot.texts import en_research as words
from pipeline.domain.report import Metrics
from pipeline.research.reports import (
    BatchReport,
    BatchTest,
    GridReport,
    SweepReport,
    VariantLine,
    WalkForwardReport,
)
from pipeline.research.walkforward import WindowResult

Lines = list[Text | str]
_MOST_TESTS = 40


def sweep(report: SweepReport) -> View:
    """Return the headline message of a sweep."""
    parts: Lines = [*_head(report), ""]
    if report.chosen is None:
        parts.append(Bold(words.NOTHING))
    else:
        parts += [Bold(words.CHOSEN), *_variant(report.chosen)]
        if report.best is not None and report.best.index != report.chosen.index:
            alone = report.plateau is not None and report.plateau.best_stands_alone
            parts += [words.ALONE if alone else words.BEST, *_variant(report.best)]
        if report.own is not None and report.own.index != report.chosen.index:
            parts += [words.OWN, *_variant(report.own)]
    if report.standing is not None:
        parts += ["", words.tries(report.standing)]
    parts += [*_pbo(report), words.IN_SAMPLE, *_foot(report.warnings), *_failures(report)]
    return fit(as_list(*parts), _buttons(report))


def walkforward(report: WalkForwardReport) -> View:
    """Return the headline message of a walk-forward."""
    mean = report.robustness.expectancy_r if report.robustness is not None else None
    traded = report.metrics.trades > 0
    verdict = report.robustness.verdict if report.robustness is not None and traded else None
    parts: Lines = [*_head(report), "", Bold(words.OUTSIDE), figures(report.metrics)]
    if report.inside_expectancy_r is not None:
        parts.append(f"{words.PROMISED} {report.inside_expectancy_r:+.2f} R a trade")
    if verdict is not None:
        parts += [Bold(en_evidence.verdict(verdict, mean))]
    parts += _pbo(report)
    told = [_window(report, window) for window in report.windows]
    parts += ["", ExpandableBlockQuote(as_list(*told)), *_foot(report.warnings)]
    return fit(as_list(*parts, *_failures(report)), _buttons(report))


def batch(report: BatchReport) -> View:
    """Return the headline message of a batch: every test in a line, failures last."""
    done = [test for test in report.tests if not test.error]
    failed = [test for test in report.tests if test.error]
    count = en.count(len(report.tests), "test")
    parts: Lines = [Bold(f"{count}, {len(failed)} failed" if failed else count)]
    parts += [_test(test) for test in done[:_MOST_TESTS]]
    if len(done) > _MOST_TESTS:
        parts.append(f"… and {len(done) - _MOST_TESTS} more in the table")
    if failed:
        parts += ["", Bold(words.FAILED), *(_test(test) for test in failed[:10])]
    return fit(as_list(*parts, *_foot(report.warnings)), _buttons(report))


def figures(m: Metrics | None) -> str:
    """Return a list of trades in one line."""
    if m is None or m.expectancy_r is None:
        return words.NO_TRADES
    error = "" if m.expectancy_se is None else f" ± {m.expectancy_se:.2f}"
    count = en.count(m.trades, "trade")
    return f"{count}, mean {m.expectancy_r:+.2f}{error} R, total {m.total_r:+,.1f} R"


def _head(report: GridReport) -> Lines:
    period = f"{report.period_start} – {report.period_end}"
    names = " × ".join(f"{d.name} ({len(d.values)})" for d in report.grid.dimensions)
    source = Bold(en.SYNTHETIC) if report.synthetic else f"Bars: {report.source}"
    return [
        Bold(f"{report.setup_id} v{report.rule_version}"),
        f"{report.symbol} {report.timeframe}, {period}",
        source,
        Text(f"{report.variants:,} variants: ", Code(names), f", by {words.CRITERIA[report.by]}"),
    ]


def _variant(line: VariantLine) -> Lines:
    return [Text(Code(line.label or "–"), f"  {figures(line.metrics)}")]


def _pbo(report: GridReport) -> Lines:
    return [] if report.pbo is None else [words.pbo(report.pbo)]


def _window(report: WalkForwardReport, result: WindowResult) -> str:
    days = f"{result.window.split} – {result.window.end}"
    if result.chosen is None:
        return f"{days}: {words.NOTHING_CHOSEN}"
    outside = result.outside
    told = en.count(outside.trades, "trade")
    if outside.expectancy_r is not None:
        told += f", {outside.expectancy_r:+.2f} R each"
    return f"{days}: {report.grid.label(result.chosen)}: {told}"


def _test(test: BatchTest) -> str:
    what = f"{test.setup_id} {test.symbol} {test.timeframe} {test.start}..{test.end}"
    return f"{what}: {test.error or figures(test.metrics)}"


def _foot(warnings: Sequence[str]) -> Lines:
    return ["", Bold(en.WARNINGS), *(f"• {line}" for line in warnings)] if warnings else []


def _failures(report: GridReport) -> Lines:
    lines: Lines = [f"{line.label}: {line.error}" for line in report.failures]
    return ["", Bold(words.FAILED), *lines] if lines else []


def _buttons(report: GridReport | BatchReport) -> InlineKeyboardMarkup | None:
    found = [button(en.BUTTON_RERUN, RerunCb(run_id=report.run_id))]
    if report.artifacts.get("pngs"):
        found.append(button(en.BUTTON_ORIGINAL, OriginalCb(run_id=report.run_id, index=-1)))
    return rows(found)
