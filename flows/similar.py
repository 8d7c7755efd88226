"""Past cases like a signal: answered from memory, and the ten nearest from what is kept."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from flows import similar_compute as compute
from flows.case_book import CaseKey
from flows.case_counting import counting_of, path_of
from flows.services import Services
from pipeline.domain.errors import DataError
from pipeline.domain.live import Similar
from pipeline.domain.market import Timeframe
from pipeline.domain.signal import Signal
from pipeline.live.similar import similar

if TYPE_CHECKING:
    from pipeline.live.nearest import Near


def similar_to(signal: Signal, services: Services, *, before: datetime) -> Similar | None:
    """Return how cases like a signal ended that had ended by `before`; from memory, at once.

    None: they are not counted; `no_cases_because` says why.
    """
    table = services.cases.table(key_of(signal))
    return None if table is None else similar(signal, table, before)


def no_cases_because(signal: Signal, services: Services) -> str:
    """Return why `similar_to` has no answer, in words for people; empty: it has one."""
    return services.cases.why(key_of(signal))


def key_of(signal: Signal) -> CaseKey:
    """Return under which key the cases of a signal are kept."""
    return signal.setup_id, signal.symbol, signal.tf


async def prepare_cases(services: Services, wanted: Iterable[CaseKey]) -> None:
    """Bring the past cases of setups on symbols and timeframes into memory.

    First whatever the archive has that rules and program still stand behind; then, one symbol
    and timeframe after the other in a computing process, what bars held since have changed.
    What can't be counted is logged, and told by `no_cases_because`; nothing is raised for it.
    Asked again for the same, it does nothing until a new week has begun. Cancel it at any time.
    """
    keys_wanted = set(wanted)
    services.cases.asked |= keys_wanted
    async with services.cases.lock:
        counted = []
        for (symbol, trigger), keys in groupby(sorted(keys_wanted, key=_place), key=_place):
            setup_ids = [key[0] for key in keys]
            counting = await counting_of(symbol, trigger, setup_ids, services)
            if counting is not None:
                await counting.recall(services)
                counted.append(counting)
        for counting in counted:
            await counting.renew(services)


async def renew_cases(services: Services, now: datetime) -> bool:
    """Begin to count anew, beside everything else, what was wanted so far; True if it did.

    Call it daily: what nothing has changed for is not counted.
    """
    del now
    book = services.cases
    if not book.asked or (book.renewing is not None and not book.renewing.done()):
        return False
    book.renewing = asyncio.create_task(prepare_cases(services, frozenset(book.asked)))
    return True


async def nearest_to(
    signal: Signal, services: Services, *, before: datetime, n: int = 10
) -> "list[Near]":
    """Return the past cases most like a signal; they are counted now if none are kept.

    Raises
    ------
    DataError
        There are no cases to look at; it says why.
    """
    spec = await services.setups.get(signal.setup_id)
    try:
        kept = await services.archive.get(path_of(key_of(signal)))
    except DataError:
        await prepare_cases(services, [key_of(signal)])
        if why := no_cases_because(signal, services):
            raise DataError(f"No past cases of {signal.setup_id}: {why}.") from None
        kept = await services.archive.get(path_of(key_of(signal)))
    return await services.cpu.run(compute.nearest_cases, kept, signal, spec.zone, before, n)


def _place(key: CaseKey) -> tuple[str, Timeframe]:
    return key[1], key[2]
