"""What `scout` prints: pure functions from models to lines of text."""

from collections.abc import Sequence
from pathlib import Path

from flows import cost_words
from flows.cli_analysis import analysis_lines
from flows.cli_evidence import evidence_rows, expectancy_row, profit_factor_row
from flows.control import DryRunPlan
from flows.import_words import ImportQuestion, ImportReceipt
from flows.stories import run_title
from pipeline.domain.qa import Verdict
from pipeline.domain.report import BacktestReport, Holding, Metrics
from pipeline.domain.request import Run, TaskRecord
from pipeline.setups.rules import SetupSpec, SetupVersion
from pipeline.setups.words import rules_in_words


def task_line(record: TaskRecord) -> str:
    """Return one line about a task."""
    reason = f"  {record.error}" if record.error else ""
    return f"  {record.task:<16} {record.status:<8} {record.duration_sec:6.2f} s{reason}"


def run_line(run: Run) -> str:
    """Return one line about a run."""
    created = run.created_at.strftime("%Y-%m-%d %H:%M")
    return f"{run.run_id}  {run.status.value:<9}  {created}Z  {run_title(run)}"


def run_lines(run: Run) -> list[str]:
    """Return all about a run but its report."""
    lines = [run_line(run), *(task_line(record) for record in run.tasks)]
    if run.error:
        lines.append(f"  {run.error}")
    return lines


def plan_lines(plan: DryRunPlan) -> list[str]:
    """Return what a dry run found."""
    missing = ", ".join(plan.missing) or "nothing"
    return [
        f"Nothing was started. {plan.request.setup_id} {plan.rule_version} would run:",
        f"  tasks      {', '.join(plan.tasks)}",
        f"  bars       {plan.bars_held} of about {plan.bars_needed}, from {plan.loaded_from}",
        f"  warm-up    {plan.warm_up_bars} bars before the period",
        f"  missing    {missing}",
        f"  expected   about {plan.expected_seconds:g} s",
    ]


def report_lines(report: BacktestReport, archive: Path) -> list[str]:
    """Return a finished backtest's report with the paths of its files."""
    kind = "SYNTHETIC bars" if report.synthetic else f"bars: {report.source}"
    what = f"{report.setup_id} {report.rule_version}  {report.symbol} {report.timeframe}"
    period = f"{report.period_start} – {report.period_end}"
    lines = [f"{report.run_id}  {what}  {period}  ({kind})", ""]
    figures = report.metrics
    if figures is None or figures.trades == 0:
        lines += ["No trades. How far the rules got:", *_funnel(report)]
    else:
        lines += [*_figures(figures, report), *_checks(report)]
    lines += [f"! {warning}" for warning in report.warnings]
    lines += analysis_lines(report)
    if url := report.results_summary.get("notion_page_url"):
        lines += ["", f"  journal: {url}"]
    lines += ["", *(f"  {path}" for path in file_paths(report, archive))]
    return lines


def file_paths(report: BacktestReport, archive: Path) -> list[Path]:
    """Return where the report's files lie on this machine."""
    artifacts = report.artifacts
    names = [artifacts["backtest_json"], artifacts["trades_csv"], artifacts.get("equity_png")]
    names += artifacts["sample_pngs"]
    return [archive / name.removeprefix("archive/") for name in names if name]


def _figures(figures: Metrics, report: BacktestReport) -> list[str]:
    rows: list[tuple[str, str]] = [("trades", f"{figures.trades} ({figures.wins} won)")]
    if figures.win_rate is not None:
        rate = figures.win_rate
        rows.append(("win rate", f"{rate.value:.1%}  (95 %: {rate.low:.1%} – {rate.high:.1%})"))
    if figures.break_even_rate is not None:
        rows.append(("break-even rate", f"{figures.break_even_rate:.1%}"))
    rows += expectancy_row(figures, report.robustness)
    rows += profit_factor_row(figures, report.robustness)
    bounds = f"total between {figures.total_r_worst:+.2f} and {figures.total_r_best:+.2f} R"
    rows += [
        ("total", f"{figures.total_r:+.2f} R, {figures.total_pnl:+.2f} {report.currency} net"),
        ("costs", cost_words.paid_told(figures.costs, figures.swap, report.currency)),
        ("charged", cost_words.costs_told(report.costs, report.currency)),
        ("max drawdown", f"{figures.max_drawdown_r:.2f} R"),
        ("ambiguous", f"{figures.ambiguous} ({bounds})"),
        *evidence_rows(report.robustness, report.standing),
    ]
    return [f"  {name:<16} {value}" for name, value in rows]


def _checks(report: BacktestReport) -> list[str]:
    """Return the QA card, what wants a look with its sentence."""
    if report.qa is None:
        return []
    lines = []
    for check in report.qa.checks:
        why = "" if check.verdict is Verdict.PASSED else f"  {check.sentence}"
        lines.append(f"  {check.verdict.value:<6}  {check.title} ({check.figure}){why}")
    return ["", "Checks of the result:", *lines, ""]


def _funnel(report: BacktestReport) -> list[str]:
    lines = []
    for step in report.funnel:
        lost = ", ".join(f"{reason}: {count}" for reason, count in step.lost.items())
        why = f"  (lost: {lost})" if lost else ""
        lines.append(f"  {step.title:<32} {step.days:>5} days {step.cases:>6} cases{why}")
    return lines


def holding_lines(holdings: Sequence[Holding]) -> list[str]:
    """Return what is held."""
    if not holdings:
        return ["No bars are held. Import a file: scout import FILE"]
    return [
        f"{h.symbol:<8} {h.timeframe:<4} {h.bars:>8} bars  {h.first.date()} – {h.last.date()}  "
        f"{', '.join(h.sources)}" + ("" if h.score is None else f"  quality {h.score:.0%}")
        for h in holdings
    ]


def setup_lines(specs: Sequence[SetupSpec], problems: Sequence[str]) -> list[str]:
    """Return the active setups and the files that could not be read."""
    lines = [
        f"{spec.setup_id:<24} {spec.rule_version:<5} {spec.timeframe:<4} "
        f"{', '.join(spec.symbols):<16} {spec.title}"
        for spec in specs
    ]
    return lines + [f"! {problem}" for problem in problems]


def setup_detail(spec: SetupSpec, versions: Sequence[SetupVersion]) -> list[str]:
    """Return one setup in words, with its history."""
    lines = [f"{spec.setup_id} {spec.rule_version} · {spec.title}", spec.description.strip(), ""]
    lines += [f"  {number}. {rule}" for number, rule in enumerate(rules_in_words(spec), start=1)]
    lines += ["", "Versions:"]
    for version in versions:
        at = version.at.strftime("%Y-%m-%d")
        lines.append(f"  {version.rule_version}  {at}  {version.author}: {version.reason}")
    return lines


def receipt_lines(receipt: ImportReceipt) -> list[str]:
    """Return what an import did."""
    quality = receipt.quality
    counts = f"{receipt.added} bars added, {receipt.replaced} replaced"
    worth = f"clock {receipt.zone}, quality {quality.score:.0%}"
    lines = [f"{receipt.symbol} {receipt.timeframe}: {counts}, {worth}"]
    if quality.first is not None and quality.last is not None:
        lines.append(f"  {quality.first.date()} – {quality.last.date()}")
    return lines + [f"  {note}" for note in (*receipt.notes, *quality.notes)]


_OPTIONS = {
    "symbol": "--symbol",
    "timeframe": "--timeframe",
    "zone": "--zone",
    "day_first": "--day-first / --month-first",
}


def question_lines(question: ImportQuestion) -> list[str]:
    """Return a question and how to answer it on the command line."""
    choices = ", ".join(question.choices)
    return [question.text, f"Answer with {_OPTIONS[question.field]}: {choices}"]
