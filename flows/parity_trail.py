"""What live left behind of some days: what was watched, when it was scanned, what it said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from flows.backtest_compute import Frozen
from flows.services import Services
from pipeline.domain.live import LiveScanReport
from pipeline.domain.market import Timeframe
from pipeline.live.certificate import Compared, Facts, Scans
from pipeline.setups.rules import SetupSpec

MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)
_MOST = 20_000  # scans of a day; there are 1,440 minutes


class WatchedSetup(Frozen):
    """One setup on one trigger that was watched; `changed`: its rules did so meanwhile."""

    setup_id: str
    rule_version: str
    tf: Timeframe
    changed: bool = False


class WatchedSymbol(Frozen):
    """What was watched of one symbol, from the open of the first bar seen to the last scan."""

    symbol: str
    start: datetime
    end: datetime
    setups: tuple[WatchedSetup, ...]


@dataclass(frozen=True)
class Trail:
    """The scans of one origin in [start, end], oldest first."""

    origin: str
    start: datetime
    end: datetime
    scans: tuple[LiveScanReport, ...]

    def of(self, symbol: str) -> list[datetime]:
        """Return the closes whose own scans went through a symbol."""
        return [s.trigger_time for s in self.scans if symbol in s.symbols_scanned]

    async def facts(self, compared: Compared, setup: WatchedSetup, services: Services) -> Facts:
        """Return what the trail says of the close of a signal."""
        from pipeline.live.scanning import PAUSED  # noqa: PLC0415  (which loads the engine)

        close, place = compared.known_at, (compared.symbol, compared.setup_id, compared.tf)
        at_close = [s for s in self.scans if s.trigger_time == close]
        scanned = any(compared.symbol in s.symbols_scanned for s in at_close)
        failed = next((s.failed.get(compared.symbol, "") for s in at_close), "")
        said = await services.scans.evaluation(self.origin, *place, close)
        asked = said is not None and said.close == close
        later = await services.scans.evaluation(self.origin, *place, _last_of_day(close))
        around = said is not None and later is not None and later.close > close
        return Facts(
            watched=asked or not scanned or bool(failed) or around,
            asked=asked,
            paused=asked and said is not None and said.reason == PAUSED,
            scanned=scanned,
            failed=failed,
            changed=setup.changed,
        )


async def trail_of(origin: str, start: datetime, end: datetime, services: Services) -> Trail:
    """Return the scans whose closes lie in (start, end]."""
    found: list[LiveScanReport] = []
    at = start + _TICK
    while at <= end:
        until = min(at + _DAY, end + _TICK)
        found += reversed(await services.scans.scans(origin, at, until, limit=_MOST))
        at = until
    return Trail(origin, start, end, tuple(found))


async def watched(
    trail: Trail, symbols: Sequence[str], specs: Sequence[SetupSpec], services: Services
) -> list[WatchedSymbol]:
    """Return what was watched of some symbols: nothing of one that was never scanned.

    Notes
    -----
    A setup counts from the first to the last of the symbol's bars if it was ever asked on a day.
    """
    found = []
    for symbol in symbols:
        closes = trail.of(symbol)
        seen = await services.scans.bars(trail.origin, symbol, trail.start, trail.end)
        if not closes or seen.empty:
            continue
        setups = [
            setup
            for spec in specs
            for tf in spec.timeframes
            if (setup := await _watched_setup(trail, symbol, spec, tf, services)) is not None
        ]
        start = seen["open_time"].iloc[0].to_pydatetime()
        found.append(
            WatchedSymbol(symbol=symbol, start=start, end=max(closes), setups=tuple(setups))
        )
    return found


async def _watched_setup(
    trail: Trail, symbol: str, spec: SetupSpec, tf: Timeframe, services: Services
) -> WatchedSetup | None:
    at = trail.start
    while at < trail.end:
        last = min(_last_of_day(at), trail.end)
        if await services.scans.evaluation(trail.origin, symbol, spec.setup_id, tf, last):
            changed = await _changed(trail, spec.setup_id, services)
            return WatchedSetup(
                setup_id=spec.setup_id, rule_version=spec.rule_version, tf=tf, changed=changed
            )
        at = last + _TICK
    return None


def _last_of_day(moment: datetime) -> datetime:
    """Return the last moment of a UTC day."""
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC) + _DAY - _TICK


async def _changed(trail: Trail, setup_id: str, services: Services) -> bool:
    versions = await services.setups.versions(setup_id)
    return any(trail.start < version.at < trail.end for version in versions)


def scans_of(trail: Trail, closes: Sequence[datetime]) -> Scans:
    """Return how many scans there were of those that there should have been.

    Parameters
    ----------
    closes
        Closes of minutes that had a bar in any of the symbols watched, in order.
    """
    made = {scan.trigger_time for scan in trail.scans}
    if not made:
        return Scans()
    first, last = min(made), max(made)
    wanted = [close for close in closes if first <= close <= last]
    missed = [close for close in wanted if close not in made]
    return Scans(
        first=first,
        last=last,
        expected=len(wanted),
        made=len(wanted) - len(missed),
        missed=_stretches(missed),
    )


def _stretches(closes: Sequence[datetime]) -> tuple[tuple[datetime, datetime], ...]:
    """Return minutes that follow each other as (first, last)."""
    if not closes:
        return ()
    breaks = [(a, b) for a, b in pairwise(closes) if b - a > MINUTE]
    firsts = [closes[0], *(b for _, b in breaks)]
    lasts = [*(a for a, _ in breaks), closes[-1]]
    return tuple(zip(firsts, lasts, strict=True))
