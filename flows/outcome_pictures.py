"""The picture of what became of a signal, drawn on the bars as they were seen and kept."""

from datetime import datetime, timedelta

import pandas as pd

from flows import outcomes_compute as compute
from flows.holdings import best_holding
from flows.outcomes_compute import OutcomeJob
from flows.services import Services
from pipeline.domain.bars import empty_bars
from pipeline.domain.live import LIVE, Life, LiveSignal
from pipeline.domain.market import Timeframe
from storage.telemetry import get_logger

log = get_logger(__name__)

_BEFORE, _WEEKEND = 160, timedelta(days=3)


async def outcome_picture(
    record: LiveSignal, life: Life, services: Services, now: datetime
) -> str:
    """Draw and keep the picture of an ended life; return its archive path.

    Notes
    -----
    Drawn again it lies under the same path. Empty where it could not be drawn or kept: an
    outcome is told all the same.
    """
    path = f"annotated/{record.signal_id}_outcome.png"
    s = record.signal
    try:
        job = await _job(record, life, services, now)
        picture = await services.cpu.run(compute.draw_outcome, job)
        mapping = picture.mapping.model_dump(mode="json") if picture.mapping else None
        meta = {
            "signal_id": record.signal_id, "setup_id": s.setup_id, "symbol": s.symbol,
            "rule_version": s.rule_version, "timeframe": s.tf.value, "mapping": mapping,
        }  # fmt: skip
        await services.archive.put(
            path, picture.png, run_id=record.run_id, role="outcome", media_type="image/png",
            meta=meta,
        )  # fmt: skip
    except Exception:
        log.exception("outcome_not_drawn", signal=record.signal_id)
        return ""
    return path


async def _job(record: LiveSignal, life: Life, services: Services, now: datetime) -> OutcomeJob:
    signal, settings = record.signal, services.settings
    first = min([signal.known_at, *(step.start for step in signal.trace)])
    start = first - _BEFORE * signal.tf.delta - _WEEKEND
    seen = await services.scans.bars(record.origin, signal.symbol, start, life.as_of)
    begin = seen["open_time"].iloc[0].to_pydatetime() if len(seen) else signal.known_at
    held, source, synthetic = await _held(record, (start, begin), services)
    return OutcomeJob(
        signal=signal,
        plan=record.plan,
        life=life,
        seen=seen,
        held=held,
        held_in=source,
        instrument=await services.instruments.get(signal.symbol),
        theme=settings.chart_theme,
        zone=settings.timezone,
        words=(record.signal_id, now.strftime("%Y-%m-%d")),
        synthetic=synthetic,
    )


async def _held(
    record: LiveSignal, period: tuple[datetime, datetime], services: Services
) -> tuple[pd.DataFrame, Timeframe, bool]:
    """Return held bars of a period, in which timeframe they are, and whether they are made up.

    Made-up bars stand before a replay's, never before the market's.
    """
    signal = record.signal
    holdings = [
        h for h in await services.bars.holdings()
        if h.symbol == signal.symbol and not (h.synthetic and record.origin == LIVE)
    ]  # fmt: skip
    holding = best_holding(holdings, signal.tf, *period)
    if holding is None:
        return empty_bars(), Timeframe.M1, any(h.synthetic for h in holdings)
    source = Timeframe(holding.timeframe)
    bars = await services.bars.read(signal.symbol, source, *period)
    return bars, source, holding.synthetic
