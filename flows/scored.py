"""Live signals that models scored and whose end is known: what the scores are judged by."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from flows.services import Services
from pipeline.backtest.ending import target_reached
from pipeline.domain.live import LIVE, LiveSignal

_DAY = timedelta(days=1)


async def ended_with_scores(
    versions: Sequence[str], since: datetime, until: datetime, services: Services
) -> list[LiveSignal]:
    """Return the filled and ended live signals that all these versions scored, by closes.

    Notes
    -----
    Whatever was decided about them: a signal that was rejected is followed like one that was
    approved, so what is judged was not chosen by the score. A day (UTC) on which a scored signal
    still runs waits as a whole: losses end sooner than wins, and would stand there alone.
    """
    found: list[LiveSignal] = []
    start = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while start < until:  # day by day: scans go on in between
        records = await services.signals.between(LIVE, max(start, since), start + _DAY)
        mine = [r for r in records if all(version in r.scores for version in versions)]
        if all(r.life.state.ended for r in mine):
            found += [r for r in mine if r.life.trade is not None]
        start += _DAY
    return found


def reached(record: LiveSignal) -> int:
    """Return 1 if a filled and ended signal's last target was reached, else 0."""
    return target_reached(record.life.trade) or 0


def day_number(record: LiveSignal) -> int:
    """Return the UTC day on which a signal became known, as a number."""
    return record.signal.known_at.astimezone(UTC).toordinal()
