"""How a fetch and the sources read, in the chat and on the command line."""

from pipeline.domain.fetch import FetchReport, SourceAnswer

_GAPS_SHOWN = 3
_MINUTE, _HOUR = 60, 3600


def headline(report: FetchReport) -> str:
    """Return the first line."""
    added = sum(answer.added for answer in report.answers)
    new = f"{added:,} new" if added else "nothing new"
    return f"{report.symbol} {report.timeframe}: {report.held:,} bars held, {new}"


def lines(report: FetchReport) -> list[str]:
    """Return what else there is to say."""
    told = [answer_line(answer) for answer in report.answers]
    if report.first and report.last:
        span = f"{report.first:%Y-%m-%d %H:%M} – {report.last:%Y-%m-%d %H:%M} UTC"
        score = "" if report.score is None else f", quality {report.score:.2f} of 1"
        told.append(f"{span}{score}")
    told += [
        f"Gap {gap.start:%Y-%m-%d %H:%M} – {gap.end:%Y-%m-%d %H:%M} UTC: {gap.missing} bars"
        for gap in report.gaps[:_GAPS_SHOWN]
    ]
    if report.missing:
        told.append(f"{report.missing:,} bars are missing at the source; none was filled in.")
    told += report.warnings
    return [*told, *([f"Started then: {report.next_run}"] if report.next_run else [])]


def answer_line(answer: SourceAnswer) -> str:
    """Return what one source made of it."""
    if answer.error and not answer.bars:
        return f"{answer.title} was passed over: {answer.error}"
    if answer.stretches and not answer.bars:
        return f"{answer.title} ({answer.name}) has no bars of this period"
    if not answer.stretches:
        return f"{answer.title}: all of it was fetched before; again=yes asks anew"
    speed = f", {answer.bars_a_second:,.0f} bars a second" if answer.seconds else ""
    text = (
        f"{answer.title} ({answer.name}): {answer.bars:,} bars in {answer.pages} pages, "
        f"{lasting(answer.seconds)}{speed}"
    )
    waiting = (
        f"; {answer.withheld} of them wait in quarantine: /quarantine" if answer.withheld else ""
    )
    broken = f". It broke off: {answer.error}" if answer.error else ""
    return f"{text}{waiting}{broken}"


def lasting(seconds: float) -> str:
    """Return a duration in words."""
    if seconds < _MINUTE:
        return f"{max(seconds, 0.1):.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
