"""How an ingest reads, in the chat and on the command line, and what owners hear by themselves."""

from pipeline.domain.ingest import Ingested, IngestReport

FELL = 0.05
"""A score that fell so far is told."""
_ROWS_SHOWN = 20


def ingest_headline(report: IngestReport) -> str:
    """Return the first line."""
    if not report.rows:
        return "Ingest: nothing is held from a source"
    added, failed = (
        sum(row.added for row in report.rows),
        sum(bool(row.error) for row in report.rows),
    )
    trouble = f", {failed} failed" if failed else ""
    kind = report.kind.replace("_", " ")
    return f"Ingest ({kind}): {added:,} new bars of {len(report.rows)} holdings{trouble}"


def ingest_lines(report: IngestReport) -> list[str]:
    """Return what else there is to say, those with trouble first."""
    if not report.rows:
        return ["/fetch brings the first bars of a symbol; from then on they are gone on with."]
    rows = sorted(report.rows, key=lambda row: (not row.error, not row.withheld, row.symbol))
    left = len(rows) - _ROWS_SHOWN
    more = [f"… and {left} more"] if left > 0 else []
    return [*(row_line(row) for row in rows[:_ROWS_SHOWN]), *more, *report.warnings]


def row_line(row: Ingested) -> str:
    """Return what became of one symbol and timeframe."""
    about = f"{row.symbol} {row.timeframe} ({row.source})"
    if row.error:
        return f"{about}: {row.error}"
    upto = f", up to {row.last:%Y-%m-%d %H:%M} UTC" if row.last else ""
    score = f", quality {row.score:.2f} of 1" if row.score is not None else ""
    waiting = f"; {row.withheld:,} wait: /quarantine {row.symbol}" if row.withheld else ""
    return f"{about}: {row.added:,} new{upto}{score}{waiting}"


def alarms(row: Ingested) -> list[tuple[str, str]]:
    """Return what owners are told of a row by themselves: a word for each reason, and the text."""
    about = f"{row.symbol} {row.timeframe}"
    told = []
    if row.error:
        told.append(("error", f"Bars of {about} could not be brought up to date: {row.error}"))
    before, now = row.score_before, row.score
    if before is not None and now is not None and before - now >= FELL - 1e-9:
        fell = f"The quality of {about} fell from {before:.2f} to {now:.2f} of 1."
        told.append(("score", f"{fell} /fetch {about} shows the gaps."))
    if row.withheld:
        are = "bar" if row.withheld == 1 else "bars"
        text = f"{row.withheld:,} {are} of {about} from {row.source} wait for your word"
        told.append(("withheld", f"{text}: /quarantine {about}"))
    return told
