"""The scan log's bars: those seen live are added to the bar store each day.

What is old of the scan log is forgotten by upkeep (`flows/upkeep_parts/scan_log.py`).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pandas as pd

from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.live import LIVE
from pipeline.domain.market import Timeframe
from storage.telemetry import get_logger

log = get_logger(__name__)
SOURCE = "live"
"""What the bar store calls the source of bars that were seen live."""
M1 = Timeframe.M1
_AFTER = timedelta(hours=1)
"""So long after midnight (UTC): the day's late bars have come, and parity has been looked at."""
_AGAIN = timedelta(days=2)  # looked at once more, for bars that came late
_KEY = "live:upkeep"
_TRIES = 3  # a day


@dataclass(frozen=True)
class Merged:
    """How many bars each symbol gained, and why some symbols could not be merged."""

    added: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


async def keep_scan_log(services: Services, now: datetime) -> bool:
    """Merge yesterday's live bars, once a UTC day; True if this call did.

    If a symbol fails it is tried again at the next calls, and on the days after: until then its
    bars stay in the scan log, `scan_log_days` at most.
    """
    day = (now - _AFTER).astimezone(UTC).date().isoformat()
    kept = await services.chats.recall(_KEY) or {}
    tries = int(kept.get("tries", 0)) if kept.get("day") == day else 0
    if kept.get("day") == day and (kept.get("done") or tries >= _TRIES):
        return False
    until = kept.get("merged_until")
    since = datetime.fromisoformat(until) - _AGAIN if until else None
    merged = await merge_live_bars(services, now, since=since)
    log.info("scan_log_kept", added=sum(merged.added.values()), failed=list(merged.failed))
    done = not merged.failed
    state = {"day": day, "tries": tries + 1, "done": done}
    state["merged_until"] = _midnight(now).isoformat() if done else until
    await services.chats.remember(_KEY, state, now)
    return done


async def forget_scans(services: Services, now: datetime) -> int:
    """Forget what was recorded longer than SCAN_LOG_DAYS ago; return how many rows."""
    return await services.scans.prune(now - timedelta(days=services.settings.scan_log_days))


async def merge_live_bars(
    services: Services,
    now: datetime,
    *,
    origin: str = LIVE,
    since: datetime | None = None,
    today: bool = False,
) -> Merged:
    """Add the M1 bars that were seen live to the bar store, where it has none of that minute.

    Parameters
    ----------
    since
        Bars that opened before are left out; None: none are.
    today
        Bars of the running UTC day too, which are left out otherwise.

    Notes
    -----
    A bar that is held already, from an import or a merge before, stays as it is: what was
    tested on it can be repeated. A SYNTHETIC holding makes way, as it does for any real bars. A
    symbol that fails is named, and the others go on.
    """
    merged = Merged()
    until = None if today else _midnight(now)
    for symbol in await services.scans.symbols(origin):
        try:
            seen = await services.scans.bars(origin, symbol, since, until)
            fresh = await _not_held(symbol, seen, services)
            added, _ = await services.bars.merge(symbol, M1, fresh, source=SOURCE, now=now)
        except AppError as error:
            log.warning("live_bars_not_merged", symbol=symbol, error=error.user_text)
            merged.failed[symbol] = error.user_text
            continue
        merged.added[symbol] = added
    return merged


async def _not_held(symbol: str, seen: pd.DataFrame, services: Services) -> pd.DataFrame:
    """Return the bars of which the store has no real one."""
    holdings = await services.bars.holdings()
    made = any(each.symbol == symbol and each.synthetic for each in holdings)
    if made or seen.empty:
        return seen
    first, behind = seen["open_time"].iloc[0], seen["close_time"].iloc[-1]
    held = await services.bars.read(symbol, M1, first.to_pydatetime(), behind.to_pydatetime())
    return seen[~seen["open_time"].isin(held["open_time"])].reset_index(drop=True)


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
