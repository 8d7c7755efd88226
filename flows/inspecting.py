"""Everything about one signal: found by its id, gathered, drawn; each part by itself."""

import asyncio
import difflib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flows import inspecting_compute as compute
from flows.backtest_compute import Look, Sample
from flows.market_bars import bars_around
from flows.services import Services
from flows.similar import nearest_to
from pipeline.domain.errors import AppError, BadRequestError, DataError
from pipeline.domain.live import AlertSent, DecisionKind, LiveSignal
from pipeline.domain.market import Instrument, Timeframe
from storage.telemetry import get_logger

if TYPE_CHECKING:
    from pipeline.live.nearest import Near

log = get_logger(__name__)
LONGER = {
    Timeframe.M1: Timeframe.M15,
    Timeframe.M5: Timeframe.H1,
    Timeframe.M15: Timeframe.H4,
    Timeframe.H1: Timeframe.D1,
    Timeframe.H4: Timeframe.D1,
}
"""Which bars show what a signal stood in."""
NEAREST = 10
_ID = re.compile(r"(?:sig[_ ]?)?(?:live[_ ]?)?0*(\d{1,9})", re.IGNORECASE)
_LATELY = 300  # signals among which a wrong id's nearest are looked for
_CLOSED_DAYS = timedelta(days=4)  # a market may sleep so long within a picture


@dataclass(frozen=True)
class Inspected:
    """A signal and what was gathered about it; `zone` is the one in which its setup thinks.

    `silenced`: signals that its cooldown kept silent. `until`: when that ended by today's rules.
    """

    record: LiveSignal
    zone: str
    instrument: Instrument | None
    sent: tuple[AlertSent, ...]
    silenced: tuple[str, ...]
    until: datetime


@dataclass(frozen=True)
class NearPicture:
    """A past case most like the signal, with its picture; None: its bars are gone."""

    near: "Near"
    png: bytes | None


async def find_signal(text: str, services: Services) -> LiveSignal:
    """Return the signal that `text` names, like `sig_live_012`, `live 12` or `12`.

    Raises
    ------
    BadRequestError
        There is none; with the ids nearest to it, or the newest.
    """
    word = " ".join(text.split())
    read = _ID.fullmatch(word)
    record = await services.signals.get(f"sig_live_{int(read[1]):03d}") if read else None
    record = record or (await services.signals.get(word) if word else None)
    if record is not None:
        return record
    ids = [r.signal_id for r in await services.signals.newest(_LATELY)]
    near = difflib.get_close_matches(word, ids, n=3, cutoff=0.6) or ids[:3]
    told = f"There is no signal {word[:40]}." if word else "Which signal?"
    if not ids:
        told += " None was found yet: they come with /live on, or /live replay."
    raise BadRequestError(
        told, field="signal_id", value=word or None, closest=tuple(near),
        corrected=f"/signal {near[0]}" if near else "",
    )  # fmt: skip


async def inspected(record: LiveSignal, services: Services) -> Inspected:
    """Gather from the database alone what is known of a signal; quick."""
    s, zone, instrument = record.signal, services.settings.timezone, None
    try:
        zone = (await services.setups.get(s.setup_id)).zone
        instrument = await services.instruments.get(s.symbol)
    except AppError as error:
        log.info("inspected_without", signal_id=record.signal_id, error=str(error))
    rules = await services.watches.rules()
    until = s.known_at + timedelta(minutes=rules.cooldown_minutes)
    sent = await services.signals.alerts(record.signal_id)
    silenced: tuple[str, ...] = ()
    if record.decision.decision.alerts:
        after = await services.signals.between(record.origin, s.known_at, until)
        silenced = tuple(
            other.signal_id
            for other in after
            if other.decision.decision is DecisionKind.SUPPRESSED
            and (other.signal.setup_id, other.signal.symbol) == (s.setup_id, s.symbol)
        )
    return Inspected(record, zone, instrument, tuple(sent), silenced, until)


async def longer_picture(found: Inspected, services: Services) -> bytes:
    """Draw a signal on longer bars, with what became of it so far.

    Raises
    ------
    AppError
        In words: its bars are gone, or its symbol is not known any more.
    """
    record = found.record
    shown = LONGER.get(record.signal.tf, record.signal.tf)
    trade = record.life.trade
    sample = Sample(record.signal, record.plan, trade)
    return await _drawn(sample, shown, found, services, record.origin)


async def nearest_pictures(found: Inspected, services: Services) -> list[NearPicture]:
    """Return the ten past cases most like a signal, nearest first, drawn in parallel.

    Only cases that had ended when the signal became known. None: an empty list.

    Raises
    ------
    AppError
        In words: there are no past cases to look at.
    """
    signal = found.record.signal
    near = await nearest_to(signal, services, before=signal.known_at, n=NEAREST)
    return list(await asyncio.gather(*(_near_picture(n, found, services) for n in near)))


async def _near_picture(near: "Near", found: Inspected, services: Services) -> NearPicture:
    case = near.case
    sample = Sample(case.signal, case.plan, case.trade)
    try:
        return NearPicture(near, await _drawn(sample, case.signal.tf, found, services, None))
    except AppError as error:
        log.info("near_case_not_drawn", day=case.signal.day, error=str(error))
        return NearPicture(near, None)


async def _drawn(
    sample: Sample, shown: Timeframe, found: Inspected, services: Services, origin: str | None
) -> bytes:
    if found.instrument is None:
        raise DataError(f"{found.record.signal.symbol} is not among the symbols any more.")
    span = _span(sample, shown)
    bars = await bars_around(sample.signal.symbol, shown, span, services, origin)
    settings = services.settings
    look = Look(
        settings.chart_theme, found.record.signal_id if origin else "", settings.timezone,
        bars.synthetic,
    )  # fmt: skip
    picture = await services.cpu.run(compute.draw_on, bars, sample, found.instrument, look, shown)
    return picture.png


def _span(sample: Sample, shown: Timeframe) -> tuple[datetime, datetime]:
    """Return the times between which a picture needs bars, nights and weekends counted in."""
    first = min([step.start for step in sample.signal.trace] + [sample.signal.known_at])
    last = sample.trade.exit_time if sample.trade else sample.signal.known_at
    before, after = 160 * shown.delta, 80 * shown.delta
    return first - 1.5 * before - _CLOSED_DAYS, last + 1.5 * after + _CLOSED_DAYS


async def raw_values(found: Inspected, services: Services) -> bytes:
    """Return a signal with all that is kept of it as JSON: nothing rounded, nothing left out."""
    record, s = found.record, found.record.signal
    said = await services.scans.evaluation(record.origin, s.symbol, s.setup_id, s.tf, s.known_at)
    whole = {
        **json.loads(record.model_dump_json()),
        "alerts": [alert.model_dump(mode="json") for alert in found.sent],
        "evaluation": None if said is None else said.model_dump(mode="json"),
        "silenced": list(found.silenced),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False).encode()
