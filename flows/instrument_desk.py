"""What we and the sources know of a symbol, for people; what is news in it is told to owners."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.owners import notify_owners
from flows.services import Services
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.instrument_info import SourceSaid, SymbolSaid, facts_news
from pipeline.domain.market import Instrument
from pipeline.domain.source import KeptFacts
from storage.source_ports import BarSource
from storage.telemetry import get_logger

log = get_logger(__name__)
PATIENCE = 20.0
"""Longest time one source is waited for (s)."""


@dataclass(frozen=True)
class Info:
    """What /info shows."""

    instrument: Instrument
    said: SymbolSaid


async def info(text: str, services: Services) -> Info:
    """Return what is known of the symbol that `/info SYMBOL` names.

    Sources are asked where what they said is older than SOURCE_CACHE_HOURS.

    Raises
    ------
    BadRequestError
        No symbol, more than one, or none that is known, with the closest ones.
    """
    words = text.split()[1:]
    if len(words) != 1:
        raise BadRequestError("/info takes one symbol: /info GER40", field="symbol", value=text)
    instrument = await services.instruments.get(words[0])
    lasts = timedelta(hours=services.settings.source_cache_hours)
    return Info(instrument, await look_up(instrument.symbol, services, lasts))


async def look_up(symbol: str, services: Services, lasts: timedelta) -> SymbolSaid:
    """Return what each source says, asked again where it is at least so old; owners hear news."""
    kept = {one.facts.source: one for one in await services.facts.of(symbol)}
    asked = [_said(name, symbol, kept.get(name), services, lasts) for name in services.sources]
    return SymbolSaid(symbol=symbol, said=tuple(await asyncio.gather(*asked)))


async def _said(
    name: str, symbol: str, kept: KeptFacts | None, services: Services, lasts: timedelta
) -> SourceSaid:
    source = services.sources[name]
    said = SourceSaid(
        source=name, title=source.card.title, facts=kept.facts if kept else None,
        at=kept.at if kept else None,
    )  # fmt: skip
    now = services.clock()
    if kept is not None and now - kept.at < lasts:
        return said
    try:
        return await _ask(source, said, symbol, services, now)
    except AppError as error:
        trouble = error.user_text
    except TimeoutError:
        trouble = f"no answer within {PATIENCE:g} s"
    log.warning("facts_not_had", source=name, symbol=symbol, error=trouble)
    return said.model_copy(update={"trouble": trouble})


async def _ask(
    source: BarSource, said: SourceSaid, symbol: str, services: Services, now: datetime
) -> SourceSaid:
    if source.card.lacks:
        return said.model_copy(update={"trouble": f"needs {source.card.lacks}"})
    theirs = await services.source_symbols.get(said.source, symbol)
    if theirs is None:
        return said.model_copy(update={"trouble": f"has no {symbol}"})
    async with asyncio.timeout(PATIENCE):
        found = await source.facts(theirs, now)
    if found is None:
        return said
    found = found.model_copy(update={"source": said.source, "symbol": symbol})
    fresh = said.model_copy(
        update={"facts": found, "at": now, "news": facts_news(said.facts, found)}
    )
    await _tell_owners(fresh, services)  # before it is kept: a kill between them loses no news
    await services.facts.keep(found, now)
    return fresh


async def _tell_owners(said: SourceSaid, services: Services) -> None:
    """Owe owners each piece of news once, whichever look found it."""
    for text in said.news:
        told = {"text": f"{text}, says {said.title}. Bars from before may need a look: /data"}
        await notify_owners(told, f"facts:{said.source}:{text}", services)
