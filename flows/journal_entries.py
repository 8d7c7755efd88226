"""What the journal's pages say: of a backtest, of any other run, of an answered signal."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flows.analyst_opinion import Analysed
from flows.backtest_compute import Found, Tested
from flows.backtest_pictures import Pictures
from flows.backtest_steps import Ingested, Job
from flows.backtest_text import title_of
from pipeline.analysis.opinion_words import head_words, opinion_lines
from pipeline.domain.journal import EntryKind, JournalEntry
from pipeline.domain.label import HUMAN
from pipeline.domain.live import LIVE, AlertSent, Life, LifeState, LiveSignal
from pipeline.domain.report import Interval, Metrics
from pipeline.domain.request import Run

Value = str | float | int | bool | datetime | None
PICTURES: Final = 4
"""The most of a run's pictures on its page; each costs two requests."""
_GROUPS: Final = -1_000_000_000_000
"""Ids of groups whose messages have links lie below this."""


def backtest_entry(
    job: Job,
    ingested: Ingested,
    found: Found,
    tested: Tested,
    pictures: Pictures | None,
    said: Analysed | None,
) -> JournalEntry:
    """Return the page of a backtest; `said` is the analyst's opinion, where it was asked."""
    request, figures = job.request, tested.metrics
    verdict = tested.robustness.verdict.value if tested.robustness else ""
    properties: dict[str, Value] = {
        "Date": job.run.created_at, "Setup": job.spec.setup_id,
        "Rule version": job.spec.rule_version, "Symbol": request.symbol,
        "Timeframe": request.timeframe.value, "Period": f"{request.start} – {request.end}",
        "Trades": figures.trades, "Win rate": _value(figures.win_rate),
        "Expectancy (R)": _rounded(figures.expectancy_r),
        "Profit factor": _rounded(figures.profit_factor),
        "Drawdown (R)": _rounded(figures.max_drawdown_r), "R": _rounded(figures.total_r),
        "Outcome": verdict.replace("_", " "),
        "Synthetic": ingested.synthetic,
    }  # fmt: skip
    bars = "SYNTHETIC bars: a made-up sample, no market." if ingested.synthetic else (
        f"Bars: {ingested.source}."
    )  # fmt: skip
    drawn = () if pictures is None else (pictures.equity, *pictures.samples)
    return JournalEntry(
        kind=EntryKind.RUN, key=job.run.run_id,
        title=title_of(request, job.spec.rule_version), properties=properties,
        paragraphs=(job.spec.title, f"{bars} {len(found.signals)} signals.", *_opinion(said)),
        table=metrics_table(figures),
        pictures=tuple(file.path for file in drawn if file is not None)[:PICTURES],
    )  # fmt: skip


def _opinion(said: Analysed | None) -> list[str]:
    opinion = said.analysis.opinion if said is not None else None
    return [] if opinion is None else [f"Analyst: {head_words(opinion)}", *opinion_lines(opinion)]


def metrics_table(figures: Metrics) -> tuple[tuple[str, str], ...]:
    """Return a backtest's figures as rows, the months last."""
    rate = figures.win_rate
    told = "–" if rate is None else f"{rate.value:.0%} ({rate.low:.0%} – {rate.high:.0%})"
    rows = [
        ("Trades", str(figures.trades)),
        ("Win rate", told),
        ("Expectancy", f"{_told(figures.expectancy_r)} R ± {_told(figures.expectancy_se)}"),
        ("Profit factor", _told(figures.profit_factor)),
        ("Total", f"{figures.total_r:+.1f} R, {figures.total_pnl:+,.2f}"),
        ("Max drawdown", f"{figures.max_drawdown_r:.2f} R, {figures.max_drawdown_pnl:,.2f}"),
        ("Costs", f"{figures.costs:,.2f}"),
        ("Longest losing run", str(figures.longest_losing_run)),
        ("Ambiguous", str(figures.ambiguous)),
    ]  # fmt: skip
    months = [(m.month, f"{m.trades} trades, {m.rr:+.1f} R") for m in figures.months]
    return (("Figure", "Value"), *rows, *months)


def run_entry(run: Run, title: str, lines: list[str], pictures: tuple[str, ...]) -> JournalEntry:
    """Return the page of any other run, from its report's lines as the command line shows them."""
    asked = run.request
    properties: dict[str, Value] = {
        "Date": run.created_at, "Setup": _word(asked.get("setup_id")),
        "Symbol": _word(asked.get("symbol")), "Timeframe": _word(asked.get("timeframe")),
    }  # fmt: skip
    told = tuple(line.rstrip() for line in lines if line.strip())
    return JournalEntry(
        kind=EntryKind.RUN, key=run.run_id, title=title, properties=properties,
        paragraphs=told, pictures=pictures[:PICTURES],
    )  # fmt: skip


def signal_entry(record: LiveSignal, alerts: list[AlertSent]) -> JournalEntry:
    """Return the page of an answered signal, with its end where that is known."""
    s, answer = record.signal, record.answer
    life = _told_life(record)
    rr = life.trade.rr if life.trade else None
    properties: dict[str, Value] = {
        "run_id": record.run_id, "Date": s.known_at, "Setup": s.setup_id,
        "Rule version": s.rule_version, "Symbol": s.symbol, "Timeframe": s.tf.value,
        "Decision": record.decision.decision.value.replace("_", " "),
        "Outcome": outcome_of(life), "R": _rounded(rr),
        "Taken": HUMAN[answer.choice] if answer else None, "Note": None,
    }  # fmt: skip
    ended = record.life.state.ended
    outcome = (f"annotated/{record.signal_id}_outcome.png",) if ended else ()
    return JournalEntry(
        kind=EntryKind.SIGNAL, key=record.signal_id,
        title=f"{s.symbol} {s.tf.value} {s.side.value} · {s.setup_id}", properties=properties,
        paragraphs=tuple(_signal_lines(record)),
        table=(("Step", "Known", "Price"), *_steps(record)),
        pictures=(*((record.chart,) if record.chart else ()), *outcome),
        link=link_of(alerts),
    )  # fmt: skip


def outcome_of(life: Life) -> str | None:
    """Return how a life ended in one word; None: it has not."""
    if life.trade is not None:
        return life.trade.exit_reason.value
    return life.state.value if life.state.ended else None


def link_of(alerts: list[AlertSent]) -> str:
    """Return the link to an alert in the first chat whose messages have one; "": none has."""
    for sent in sorted(alerts, key=lambda sent: sent.chat_id):
        if sent.chat_id < _GROUPS:
            return f"https://t.me/c/{_GROUPS - sent.chat_id}/{sent.message_id}"
    return ""


def _told_life(record: LiveSignal) -> Life:
    """Return the life that counts for a person: the paper trade's where there is one."""
    life = record.paper.life if record.paper else record.life
    return life if life.state.ended else Life(state=LifeState.WAITING)


def _signal_lines(record: LiveSignal) -> list[str]:
    s, plan = record.signal, record.plan
    score = "" if record.ml_score is None else f", score {record.ml_score:.2f} ({record.model})"
    targets = ", ".join(f"{target.price:g}" for target in plan.targets)
    lines = [
        f"Entry {plan.entry_price:g}, stop {plan.sl_price:g}, target {targets}.",
        f"Confidence {s.confidence:.2f}{score}. Known {s.known_at:%Y-%m-%d %H:%M} UTC.",
        *record.decision.reasons,
    ]
    if record.origin != LIVE:
        lines.append(f"Of the replay {record.origin}: past bars, not the market.")
    if record.answer is not None:
        said = record.answer
        comment = f": {said.comment}" if said.comment else "."
        lines.append(
            f"{said.choice.capitalize()} by {said.name or said.user_id},"
            f" {said.at:%Y-%m-%d %H:%M} UTC{comment}"
        )
    lines += _comments(record.extra)
    if text := str(record.extra.get("text") or "").strip():
        lines.append(f"Analyst: {text}")
    return lines + _ends(record)


def _comments(extra: Mapping[str, Any]) -> list[str]:
    notes = [extra[key] for key in sorted(extra) if key.startswith("comment:")]
    return [f"{n.get('name', '')}: {n.get('text', '')}" for n in notes if isinstance(n, Mapping)]


def _ends(record: LiveSignal) -> list[str]:
    lines = []
    lives = {"Signal": record.life}
    if record.paper is not None:
        lives["On paper"] = record.paper.life
    for word, life in lives.items():
        if not life.state.ended:
            continue
        rr = "" if life.trade is None else f", {life.trade.rr:+.2f} R"
        lines.append(f"{word}: {life.state.value} ({outcome_of(life)}{rr})")
    return lines


def _steps(record: LiveSignal) -> list[tuple[str, str, str]]:
    return [
        (
            step.note or step.step.replace("_", " "),
            f"{step.known_at.astimezone(UTC):%Y-%m-%d %H:%M}",
            f"{step.price_low:g} – {step.price_high:g}",
        )
        for step in record.signal.trace
    ]


def _value(interval: Interval | None) -> float | None:
    return None if interval is None else round(interval.value, 4)


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if value is not None and math.isfinite(value) else None


def _told(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
