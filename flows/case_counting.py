"""Counting the past cases of one symbol and timeframe, and keeping them in the archive."""

import asyncio
import hashlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pandas as pd

from flows import similar_compute as compute
from flows.case_book import CaseKey
from flows.costs import costs_of
from flows.holdings import best_holding, usable
from flows.news import calendar_for
from flows.provenance import code_hash, rule_hash
from flows.services import Services
from flows.similar_compute import CasesJob
from pipeline.domain.errors import AppError
from pipeline.domain.market import Timeframe
from pipeline.domain.news import news_fingerprint
from pipeline.domain.report import Holding
from pipeline.domain.request import BacktestOptions
from pipeline.live.cases import JUDGED, table_of
from pipeline.setups.rules import SetupSpec
from storage.telemetry import get_logger

log = get_logger(__name__)
REACH = timedelta(days=3 * 365)
MOST_BARS = 800_000
"""Of a longer history the newest count: it bounds time and memory (M1: a good two years)."""
NO_BARS = "no bars are held that could give any"
FAILED = "they could not be counted; the log says why"
_NOT_FIGURES = {"title", "aliases", "source"}
_MONDAY_TO_SATURDAY, _WEEK = 2, 7


@dataclass(frozen=True)
class Counting:
    """The setups to count on one symbol and timeframe, and the span of bars to do it on."""

    job: CasesJob
    start: datetime
    end: datetime

    @property
    def _keys(self) -> list[CaseKey]:
        return [(s.setup_id, self.job.symbol, self.job.trigger) for s in self.job.specs]

    @property
    def _name(self) -> str:
        """The name under which the archive lists what is kept of this symbol and timeframe."""
        return f"cases_{self.job.symbol}_{self.job.trigger}"

    async def recall(self, services: Services) -> None:
        """Take from the archive what the rules and the program of today still stand behind."""
        for key in self._keys:
            if not self._stands(key, services.cases.stamp(key)):
                services.cases.forget(key)
        try:
            held = await self._held(services)
            for key in self._keys:
                if self._stands(key, held.get(key[0], "")):
                    await _take(key, held[key[0]], services)
        except AppError as error:
            log.warning("cases_not_recalled", symbol=self.job.symbol, error=str(error))

    def _stands(self, key: CaseKey, stamp: str) -> bool:
        return stamp.startswith(f"{self.job.rules[key[0]]}.")

    async def renew(self, services: Services) -> None:
        """Count what is not kept from these very bars, keep it, and take all into memory."""
        if all(services.cases.counted(key) == self._when(key) for key in self._keys):
            return
        try:
            await self._count(services)
        except Exception as error:  # noqa: BLE001  (one symbol's failure is that symbol's alone)
            log.warning("cases_not_counted", symbol=self.job.symbol, error=repr(error))
            for key in self._keys:
                services.cases.lacks(key, FAILED)
            return
        for key in self._keys:
            services.cases.note_counted(key, self._when(key))

    def _when(self, key: CaseKey) -> str:
        return f"{self.job.rules[key[0]]} to {self.end:%Y-%m-%d}"

    async def _count(self, services: Services) -> None:
        job, span = self.job, (self.start, self.end)
        bars = _newest(await services.bars.read(job.symbol, job.source, *span))
        m1 = None
        if job.trigger is not Timeframe.M1:
            read = await services.bars.read(job.symbol, Timeframe.M1, *span)
            m1 = None if read.empty else _newest(read)
        new = await services.cpu.run(
            compute.count_cases, bars, m1, job, await self._held(services)
        )
        for key in self._keys:
            if key[0] in new:
                stamp, data = new[key[0]]
                await services.archive.put(
                    path_of(key), data, run_id=self._name, role="cases",
                    media_type="application/vnd.apache.parquet",
                    meta={"setup_id": key[0], "stamp": stamp},
                )  # fmt: skip
        held = await self._held(services)
        for key in self._keys:
            await _take(key, held[key[0]], services)

    async def _held(self, services: Services) -> dict[str, str]:
        """Return, by setup id, the stamps of what the archive keeps."""
        kept = await services.archive.of_run(self._name)
        return {str(a.meta.get("setup_id")): str(a.meta.get("stamp")) for a in kept}


async def _take(key: CaseKey, stamp: str, services: Services) -> None:
    """Read kept cases into memory, unless they are there."""
    if services.cases.stamp(key) == stamp:
        return
    data = await services.archive.get(path_of(key))
    frame = await asyncio.to_thread(pd.read_parquet, io.BytesIO(data), columns=JUDGED)
    services.cases.keep(key, table_of(frame), stamp)


def path_of(key: CaseKey) -> str:
    """Return where cases lie in the archive."""
    return f"cases/{re.sub(r'[^A-Za-z0-9_.-]', '_', '_'.join(key))}.parquet"


async def counting_of(
    symbol: str, trigger: Timeframe, setup_ids: Sequence[str], services: Services
) -> Counting | None:
    """Return what is to be counted; None, with a note why, where nothing can be."""
    why = NO_BARS
    try:
        specs = tuple([await services.setups.get(setup_id) for setup_id in setup_ids])
        holdings = [h for h in await services.bars.holdings() if h.symbol == symbol]
        start, end = _span(usable(holdings, trigger), services.clock())
        holding = best_holding(holdings, trigger, start, end)
        if holding is not None:
            job = await _job(specs, trigger, holding, services)
            return Counting(job, start, end)
    except AppError as error:
        log.warning("cases_not_counted", symbol=symbol, error=str(error))
        why = error.user_text
    for setup_id in setup_ids:
        services.cases.lacks((setup_id, symbol, trigger), why)
    return None


def _span(fitting: Sequence[Holding], now: datetime) -> tuple[datetime, datetime]:
    """Return the three years that end with the newest whole week of what is held.

    A week is whole at Saturday 00:00 UTC; so a restart within the week finds the same bars.
    """
    last = min(max((h.last for h in fitting), default=now), now)
    midnight = datetime.combine(last.date(), time(), UTC)
    end = midnight - timedelta(days=(midnight.weekday() + _MONDAY_TO_SATURDAY) % _WEEK)
    return end - REACH, end


async def _job(
    specs: tuple[SetupSpec, ...], trigger: Timeframe, holding: Holding, services: Services
) -> CasesJob:
    instrument = await services.instruments.get(holding.symbol)
    costs = costs_of(BacktestOptions(), instrument, services.settings)
    calendars = [await calendar_for(spec, services) for spec in specs]
    figures = instrument.model_dump_json(exclude=_NOT_FIGURES) + costs.model_dump_json()
    return CasesJob(
        symbol=holding.symbol,
        trigger=trigger,
        specs=specs,
        source=Timeframe(holding.timeframe),
        instrument=instrument,
        costs=costs,
        rules={
            spec.setup_id: _fingerprint(spec, figures, news)
            for spec, news in zip(specs, calendars, strict=True)
        },
        news=next((news for news in calendars if news is not None), None),
    )


def _fingerprint(spec: SetupSpec, figures: str, news: pd.DataFrame | None) -> str:
    parts = [rule_hash(spec), code_hash(), figures, "" if news is None else news_fingerprint(news)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _newest(bars: pd.DataFrame) -> pd.DataFrame:
    return bars.iloc[-MOST_BARS:].reset_index(drop=True)
