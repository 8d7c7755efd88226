"""Files of bars into the store: read, ask what can't be known, convert, judge, merge, record.

The bot and `scout import` call `import_file` again and again with more answers until there is
a receipt. Nothing is written before that.
"""

import asyncio
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from flows.import_words import (
    DAY_ORDER,
    ImportAnswers,
    ImportQuestion,
    ImportReceipt,
    IngestServices,
)
from pipeline.data.clocks import SURE_LEAD, ClockGuess, describe, detect_clock
from pipeline.data.quality import assess
from pipeline.data.sample import SAMPLE_YEAR, make_sample
from pipeline.data.zones import parse_zone, to_utc
from pipeline.domain.bars import bar_frame, validate_bars
from pipeline.domain.errors import AppError, BadBarsError, BadRequestError, DataError, RequestError
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.report import Holding, QualityReport
from pipeline.domain.request import Actor, AuditEvent
from pipeline.domain.symbols import match_symbol
from storage.feeds.csv_files import DayOrderUnknown, read_file
from storage.feeds.table import FileBars, named_timeframe
from storage.feeds.unpack import FileLimits
from storage.market_ports import InstrumentTable

__all__ = [
    "ImportAnswers",
    "ImportQuestion",
    "ImportReceipt",
    "IngestServices",
    "ensure_sample",
    "import_file",
]

SYNTHETIC = "SYNTHETIC"
SAMPLE_SYMBOLS = ("GER40", "EURUSD")
_MADE_WAY = "the SYNTHETIC bars of {} made way for them"
_ZONES_OFFERED = 6
_DAY = 86_400


@dataclass(frozen=True)
class _Settled:
    """Everything known that was open, and the guess behind the zone."""

    file: FileBars
    instrument: Instrument
    timeframe: Timeframe
    zone: str
    score: float | None
    notes: tuple[str, ...]


async def import_file(
    name: str,
    data: bytes,
    answers: ImportAnswers,
    services: IngestServices,
    actor: Actor,
    now: datetime,
    limits: FileLimits | None = None,
) -> ImportQuestion | ImportReceipt:
    """Import one file of bars, or return the next question.

    Raises
    ------
    BadBarsError, BadRequestError
        The file or an answer is refused; the store is unchanged, the trail has the reason.
    """
    shown = PurePosixPath(name.replace("\\", "/")).name[:200] or "file"
    try:
        settled = await _settle(shown, data, answers, services, limits)
        if isinstance(settled, ImportQuestion):
            return settled
        receipt = await _merge(settled, services, now)
    except (DataError, RequestError) as error:
        await services.audit.append(_refused(shown, len(data), error, actor, now))
        raise
    await services.audit.append(_accepted(shown, len(data), receipt, actor, now))
    return receipt


async def _settle(
    name: str,
    data: bytes,
    answers: ImportAnswers,
    services: IngestServices,
    limits: FileLimits | None,
) -> _Settled | ImportQuestion:
    """Read the file and settle, in this order: day order, symbol, timeframe, clock."""
    file = await asyncio.to_thread(read_file, name, data, limits, day_first=answers.day_first)
    if isinstance(file, DayOrderUnknown):
        return _ask_day_order(file)
    instrument = await _instrument(file, name, answers, services.instruments)
    if isinstance(instrument, ImportQuestion):
        return instrument
    timeframe = _timeframe(file, name, answers)
    if timeframe is None:
        text = f"Which timeframe are the bars of {name}? The file doesn't tell."
        return ImportQuestion(field="timeframe", text=text, choices=tuple(Timeframe))
    file.check_grid(timeframe)
    guess = await asyncio.to_thread(_guess, file, timeframe, instrument)
    return _settle_zone(file, instrument, timeframe, answers, guess)


def _ask_day_order(unknown: DayOrderUnknown) -> ImportQuestion:
    text = f"In {unknown.example!r}, which comes first? Nothing in the file decides it."
    return ImportQuestion(field="day_first", text=text, choices=DAY_ORDER)


async def _instrument(
    file: FileBars, name: str, answers: ImportAnswers, table: InstrumentTable
) -> Instrument | ImportQuestion:
    if answers.symbol is not None:
        return await table.get(answers.symbol)
    known = await table.known()
    if file.symbol:
        matched = match_symbol(file.symbol, known)
    else:
        matched = match_symbol(name, known) or match_symbol(file.name, known)
    if matched is not None:
        return await table.get(matched)
    text = f"Which symbol are the bars of {name}? Neither its name nor its content tells."
    return ImportQuestion(field="symbol", text=text, choices=tuple(i.symbol for i in known))


def _timeframe(file: FileBars, name: str, answers: ImportAnswers) -> Timeframe | None:
    """Take what the stamps show, else the answer, else the name."""
    if answers.timeframe is not None:
        word = answers.timeframe.strip().upper()
        if word not in Timeframe.__members__:
            known = tuple(Timeframe)
            raise BadRequestError(
                f"unknown timeframe {answers.timeframe!r}: use one of {', '.join(known)}",
                field="timeframe",
                value=answers.timeframe,
                closest=known,
            )
        if file.timeframe not in (None, Timeframe(word)):
            raise BadBarsError(f"{name}: the bars are {file.timeframe}, not {word}")
        return Timeframe(word)
    return file.timeframe or named_timeframe(name) or named_timeframe(file.name)


def _guess(file: FileBars, timeframe: Timeframe, instrument: Instrument) -> ClockGuess:
    ranges = file.prices[:, 1] - file.prices[:, 2]
    return detect_clock(file.stamps, ranges, timeframe, instrument.calendar)


def _settle_zone(
    file: FileBars,
    instrument: Instrument,
    timeframe: Timeframe,
    answers: ImportAnswers,
    guess: ClockGuess,
) -> _Settled | ImportQuestion:
    """Settle the clock: the file's own offset, the answer, a sure guess; else ask."""
    notes = list(file.notes)
    if file.clock == "utc":
        notes.append("the file gives each time with its offset from UTC")
        zone, score = "UTC", guess.score_of("UTC")
    elif answers.zone is not None:
        zone = parse_zone(answers.zone)
        score = guess.score_of(zone)
        if guess.sure and zone != guess.best.zone and zone not in guess.best.also:
            notes.append(f"the bars themselves speak for {describe(guess, 1)}, not {zone}")
    elif guess.sure:
        zone, score = guess.best.zone, guess.best.score
        if guess.best.also:
            notes.append(f"{', '.join(guess.best.also)} would read this file the same")
    elif file.clock == "unix" and guess.best.score < (guess.score_of("UTC") or 0.0) + SURE_LEAD:
        zone, score = "UTC", guess.score_of("UTC")
        notes.append("times are epoch seconds, taken as UTC")
    else:
        return _ask_zone(file, guess)
    return _Settled(file, instrument, timeframe, zone, score, tuple(notes))


def _ask_zone(file: FileBars, guess: ClockGuess) -> ImportQuestion:
    offered = guess.scores[:_ZONES_OFFERED]
    if guess.evidence == 0:
        reason = "too little time, or a market that never closes"
    else:
        reason = f"scores: {describe(guess)}"
    return ImportQuestion(
        field="zone",
        text=f"Which clock stamped the bars of {file.name}? They don't say clearly ({reason}).",
        choices=tuple(s.zone for s in offered),
        scores=tuple(s.score for s in offered),
    )


async def _merge(settled: _Settled, services: IngestServices, now: datetime) -> ImportReceipt:
    symbol, timeframe = settled.instrument.symbol, settled.timeframe
    bars, quality = await asyncio.to_thread(_judge, settled, now)
    name, kind = settled.file.name, settled.file.kind
    source = name if name.lower().endswith(f".{kind}") else f"{kind}: {name}"
    made_up = any(h.symbol == symbol and h.synthetic for h in await services.bars.holdings())
    added, replaced = await services.bars.merge(symbol, timeframe, bars, source=source, now=now)
    held = await services.bars.read(symbol, timeframe)
    whole = await asyncio.to_thread(assess, held, timeframe, settled.instrument)
    await services.bars.note_score(symbol, timeframe, min(whole.score, quality.score))
    return ImportReceipt(
        symbol=symbol,
        timeframe=timeframe,
        zone=settled.zone,
        zone_score=settled.score,
        added=added,
        replaced=replaced,
        quality=quality,
        source=source,
        notes=(*settled.notes, *([_MADE_WAY.format(symbol)] if made_up else [])),
    )


def _judge(settled: _Settled, now: datetime) -> tuple[pd.DataFrame, QualityReport]:
    """Convert to UTC, build the bar frame and judge it."""
    file, timeframe = settled.file, settled.timeframe
    utc = to_utc(file.stamps, settled.zone)
    if utc[-1] > now.timestamp() + _DAY:
        last = pd.Timestamp(int(utc[-1]), unit="s")
        raise BadBarsError(f"{file.name}: the last bar is in the future ({last:%Y-%m-%d %H:%M})")
    _check_possible(file, utc)
    times = pd.DatetimeIndex(utc.astype("datetime64[s]")).tz_localize("UTC")
    bars = bar_frame(times, timeframe, file.prices, file.volume, file.spread)
    validate_bars(bars, timeframe)
    quality = assess(
        bars,
        timeframe,
        settled.instrument,
        duplicates=file.duplicates,
        impossible=file.impossible,
    )
    return bars, quality


def _check_possible(file: FileBars, utc: np.ndarray) -> None:
    if len(utc) > 1 and (np.diff(utc) <= 0).any():
        raise BadBarsError(f"{file.name}: the times run backwards in this time zone")


def _accepted(
    name: str, size: int, receipt: ImportReceipt, actor: Actor, now: datetime
) -> AuditEvent:
    what = receipt.model_dump(mode="json", exclude={"quality", "notes"})
    what |= {"file": name, "bytes": size, "score": receipt.quality.score}
    return AuditEvent(at=now, actor=actor, action="import", what=what, verdict="accepted")


def _refused(name: str, size: int, error: AppError, actor: Actor, now: datetime) -> AuditEvent:
    return AuditEvent(
        at=now,
        actor=actor,
        action="import",
        what={"file": name, "bytes": size},
        verdict="refused",
        reason=error.user_text,
    )


async def ensure_sample(services: IngestServices, now: datetime) -> list[Holding]:
    """Write a made year of GER40 and EURUSD if nothing at all is held; return what is held."""
    held = await services.bars.holdings()
    if held:
        return held
    for symbol in SAMPLE_SYMBOLS:
        instrument = await services.instruments.get(symbol)
        rng = np.random.default_rng([SAMPLE_YEAR, zlib.crc32(symbol.encode())])
        bars = await asyncio.to_thread(make_sample, instrument, SAMPLE_YEAR, rng)
        await services.bars.merge(symbol, Timeframe.M1, bars, source=SYNTHETIC, now=now)
        quality = await asyncio.to_thread(assess, bars, Timeframe.M1, instrument)
        await services.bars.note_score(symbol, Timeframe.M1, quality.score)
    return await services.bars.holdings()
