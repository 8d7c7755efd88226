"""The words in which a parity certificate is told, in the chat and on the command line."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.domain.live import LIVE
from pipeline.live.certificate import BarsCompared, Line, ParityReport, Scans

VERDICTS = {
    "identical": "Live said what the backtest says",
    "explained": "Live differs from the backtest, for known causes",
    "alarm": "Live differs from the backtest, and nothing explains it",
    "nothing": "Nothing was recorded live at that time",
}
_SHOWN = 4  # bars or stretches of one kind that are listed
NOTHING = (
    "There are no scans and no bars of it: nobody watched, or it is so long ago that the trail is "
    "gone."
)


def headline(report: ParityReport) -> str:
    """Return how many of how many are identical, in one line."""
    if report.verdict == "nothing":
        return VERDICTS["nothing"]
    if report.failed and not report.signals:
        return "Nothing could be compared"
    return f"{report.identical:,} of {_count(report.signals, 'signal')} identical"


def what(report: ParityReport) -> str:
    """Return what was compared, in one line."""
    origin = "live" if report.origin == LIVE else f"replay {report.origin}"
    first, last = report.period_start, report.period_end
    when = f"{first:%a %Y-%m-%d}"
    if (last - first).days > 1:
        when += f" – {last:%Y-%m-%d}"
    clock = "" if first.hour else " UTC"
    told = [" ".join(report.symbols), " ".join(report.timeframes), ", ".join(report.setups)]
    return " · ".join([origin, f"{when}{clock}", *(part for part in told if part)])


def difference_line(line: Line) -> str:
    """Return one difference: when, which, what differs, and why."""
    live = f" ({line.signal_id})" if line.signal_id else ""
    where = f"{line.known_at:%m-%d %H:%M} {line.symbol} {line.tf} {line.setup_id} {line.side}"
    return f"{where}{live}: {line.what}. {str(line.cause).capitalize()}: {line.because}."


def scans_line(scans: Scans) -> str:
    """Return how many scans there were of those expected, and where some are missing."""
    if scans.first is None or scans.last is None:
        return "No scans."
    span = f"{scans.first:%m-%d %H:%M} – {scans.last:%m-%d %H:%M} UTC"
    told = f"Scans: {scans.made:,} of {scans.expected:,} closes with a bar, {span}"
    if not scans.missed:
        return told
    missed = [_span(first, last) for first, last in scans.missed[:_SHOWN]]
    more = ", …" if len(scans.missed) > _SHOWN else ""
    return f"{told}; none at {', '.join(missed)}{more}"


def bars_lines(bars: Sequence[BarsCompared]) -> list[str]:
    """Return how the bars as seen differ from those held, a line for each symbol that does."""
    lines = []
    for one in bars:
        kinds = (("missing live", one.missing), ("revised", one.revised), ("gone", one.gone))
        told = [f"{len(at):,} {name} ({_moments(at)})" for name, at in kinds if at]
        if told:
            lines.append(f"{one.symbol}: {one.seen:,} bars seen, {', '.join(told)}")
    if not lines and bars:
        held = [one for one in bars if one.held is not None]
        seen = sum(one.seen for one in bars)
        same = ", all as they are held now" if len(held) == len(bars) else ""
        lines.append(f"Bars: {seen:,} seen{same}")
    return lines


def _moments(at: Sequence[datetime]) -> str:
    told = [f"{moment:%H:%M}" for moment in at[:_SHOWN]]
    return ", ".join([*told, *(["…"] if len(at) > _SHOWN else [])])


def _span(first: datetime, last: datetime) -> str:
    return f"{first:%H:%M}" if first == last else f"{first:%H:%M}–{last:%H:%M}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
