"""The words in which a replay is told, in the chat and on the command line."""

from zoneinfo import ZoneInfo

from pipeline.domain.replay import AS_FAST_AS_CAN_BE, ReplayReport, ReplaySignal


def headline(report: ReplayReport) -> str:
    """Return what was played, in one line."""
    days = f"{report.period_start}"
    if report.period_end != report.period_start:
        days += f" – {report.period_end}"
    fast = "max" if report.speed == AS_FAST_AS_CAN_BE else f"x{report.speed}"
    return f"{' '.join(report.symbols)} · {days} · {fast}"


def sums(report: ReplayReport) -> str:
    """Return how many signals there were, by decision, and what they came to."""
    if not report.signals:
        return "No signal."
    many = "signal" if len(report.signals) == 1 else "signals"
    parts = [f"{n} {kind.replace('_', ' ')}" for kind, n in report.decisions.items()]
    total = "" if report.total_r is None else f". All trades that ended: {report.total_r:+.2f} R"
    return f"{len(report.signals)} {many}: {', '.join(parts)}{total}"


def played(report: ReplayReport) -> str:
    """Return how much was played and how quickly it was scanned."""
    median = "" if report.scan_ms is None else f", {report.scan_ms:.0f} ms each (median)"
    held = ", ".join(sorted(set(report.sources.values())))
    return f"{report.bars:,} bars played from {held}, {report.scans:,} scans{median}"


def line(signal: ReplaySignal, zone: str) -> str:
    """Return one signal: when, what, how decided, what became of it."""
    when = signal.known_at.astimezone(ZoneInfo(zone))
    result = signal.outcome if signal.rr is None else f"{signal.outcome} {signal.rr:+.2f} R"
    answer = f" · {signal.answer} by you" if signal.answer else ""
    return (
        f"{when:%d.%m. %H:%M} {signal.symbol} {signal.tf} {signal.setup_id} {signal.side} · "
        f"{signal.decision.value.replace('_', ' ')} · {result}{answer} · {signal.signal_id}"
    )
