"""How instrument information reads, in the chat and on the command line."""

from flows.instrument_desk import Info
from pipeline.domain.instrument_info import InstrumentsReport, SourceSaid, one_line
from pipeline.domain.market import SESSIONS, Instrument, Swap
from pipeline.domain.source import InstrumentFacts

_FIGURES_SHOWN = 6
_SPLITS_SHOWN = 3


def info_lines(found: Info) -> list[str]:
    """Return all that /info shows; the first line is the title."""
    said = [line for one in found.said.said for line in said_lines(one)]
    return [
        f"{found.instrument.symbol}: {found.instrument.title}",
        *_table_lines(found.instrument),
        *(said or ["No source is set up: SOURCES names them."]),
    ]


def _table_lines(known: Instrument) -> list[str]:
    spreads, money = known.spread_points, known.currency
    session = SESSIONS[known.cash_session]
    size = f"Point {known.point:g}, tick {known.tick_size:g}"
    worth = f"a point is worth {known.point_value:g} {money} a lot"
    lots = f"lots from {known.volume_min:g} in steps of {known.volume_step:g}"
    spread = f"spread {min(spreads):g} to {max(spreads):g} points by the hour"
    fees = f"commission {known.commission:g} {money} a lot and side, {_swap(known.swap)}"
    week = f"week from {known.week_open}, calendar {known.calendar}"
    hours = f"{session.start:%H:%M} to {session.end:%H:%M} {session.zone}"
    return [
        f"{size}, {worth}; {lots}",
        f"Costs: {spread}, slippage {known.slippage_points:g} points, {fees}",
        f"Hours: {week}; main session {hours}",
    ]


def _swap(swap: Swap | None) -> str:
    if swap is None:
        return "swap not known"
    return f"swap {swap.long:g} long, {swap.short:g} short ({swap.unit.value})"


def said_lines(one: SourceSaid) -> list[str]:
    """Return what a source says, when it said so, what is news, and why it wasn't asked now."""
    told = [f"! {text}" for text in one.news]
    if one.facts is not None and one.at is not None:
        told.append(f"{one.title} ({one.at:%Y-%m-%d %H:%M} UTC): {facts_line(one.facts)}")
    if one.trouble:
        told.append(f"{one.title}: {one.trouble}")
    return told or [f"{one.title}: says nothing of it"]


def facts_line(facts: InstrumentFacts) -> str:
    """Return facts on one line; their words are a source's and only shown."""
    words = [facts.title or facts.name, facts.kind, facts.sector, facts.country, facts.market]
    words += [f"in {facts.currency}" if facts.currency else "", facts.zone]
    figures = sorted(facts.figures.items())[:_FIGURES_SHOWN]
    words += [f"{name.replace('_', ' ')} {value:,g}" for name, value in figures]
    splits = sorted(facts.splits)[-_SPLITS_SHOWN:]
    words += [f"split {ratio:g} for 1 on {day}" for day, ratio in splits]
    words += [f"renamed to {facts.renamed_to}" if facts.renamed_to else ""]
    words += ["" if facts.active else "not traded any more"]
    return ", ".join(one_line(word) for word in words if word)


def instruments_headline(report: InstrumentsReport) -> str:
    """Return the first line of a run that looked symbols up."""
    if not report.symbols:
        return "Instruments: no bars are held, so nothing was looked up"
    news = report.results_summary.get("news", 0)
    return f"Instruments: {len(report.symbols)} looked up, {news or 'nothing'} new"


def instruments_lines(report: InstrumentsReport) -> list[str]:
    """Return what is known of each symbol, those with news first."""
    found = sorted(report.symbols, key=lambda s: not any(one.news for one in s.said))
    return [
        *(f"{each.symbol} · {line}" for each in found for one in each.said
          for line in said_lines(one)),
        *report.warnings,
    ]  # fmt: skip
