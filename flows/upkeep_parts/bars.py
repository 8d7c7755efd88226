"""Bars older than BARS_DAYS leave the bar store for SCOUT_HOME/bars_archive, month by month."""

from flows.upkeep_parts.job import Job
from pipeline.domain.market import Timeframe
from pipeline.domain.upkeep import PartReport, bars_kept


async def bars(job: Job) -> PartReport:
    """Put old months away; without BARS_DAYS all bars stay. The newest month held always does."""
    days = bars_kept(job.services.settings.bars_days or "")
    if not days:
        return PartReport(
            part="bars", unit="months", notes=("all bars stay: BARS_DAYS is not set",)
        )
    upkeep = job.services.upkeep.bars
    if upkeep is None:
        note = "bars that hosts share stay: BARS_DAYS counts for bars in the home alone"
        return PartReport(part="bars", unit="months", notes=(note,))
    count = size = 0
    notes = []
    for held in await job.services.bars.holdings():
        job.stop.check()
        timeframe = Timeframe(held.timeframe)
        if timeframe not in days or held.synthetic:
            continue
        before = job.before(days[timeframe])
        act = upkeep.old if job.dry else upkeep.put_away
        found = await act(held.symbol, timeframe, before)
        if found.months:
            count, size = count + len(found.months), size + found.size
            notes.append(
                f"{held.symbol} {held.timeframe} {found.months[0]} to {found.months[-1]}"
                " lie in bars_archive"
            )
    return PartReport(
        part="bars", found=count, removed=count, freed=size, unit="months", notes=tuple(notes)
    )
