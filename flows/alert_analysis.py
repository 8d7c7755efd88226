"""The analyst's opinion on signals whose alert has left: it follows as an edit, and holds nothing.

Nothing that scans, decides or sends knows of this. What was done is read from the signals
themselves, so a restart between alert and opinion neither loses nor doubles it.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flows.analyst_desk import consult
from flows.languages import language_of
from flows.services import Services
from pipeline.analysis.opinion_words import alert_words
from pipeline.analysis.signal_question import share_of, signal_question
from pipeline.domain.analysis import ANALYST, Analysis
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError, AppError, RequestError
from pipeline.domain.live import LIVE, LiveSignal
from pipeline.domain.market import Instrument
from storage.telemetry import get_logger

log = get_logger(__name__)
PAUSE = 2.0
"""Seconds between two looks for alerts that have left."""
WITHIN = timedelta(minutes=15)
"""An alert that left longer ago is not asked about any more: its moment is over."""
PATIENCE = timedelta(minutes=2)
"""How long after an alert an analyst that doesn't answer is asked again."""
AT_A_TIME = 2


class AlertAnalyst:
    """Asks about alerted signals, two at a time; of all scanners the one that has the turn.

    Parameters
    ----------
    ours
        Whether this process has the turn.
    """

    def __init__(self, services: Services, ours: Callable[[], bool]) -> None:
        self._services = services
        self._ours = ours
        self._done: dict[str, datetime] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def keep(self) -> None:
        """Look for alerts that have left, until cancelled."""
        try:
            while True:
                if self._ours():
                    try:
                        await self.look()
                    except AppError as error:
                        log.warning("alert_analysis_failed", error=error.user_text)
                    except Exception:
                        log.exception("alert_analysis_failed")
                await asyncio.sleep(PAUSE)
        finally:
            for task in self._under_way.values():
                task.cancel()

    async def look(self) -> None:
        """Begin what is to be asked and isn't; nobody waits for the answers here."""
        now = self._services.clock()
        self._done = {k: at for k, at in self._done.items() if at > now - 2 * WITHIN}
        sent = await self._services.signals.accepted_between(now - WITHIN, now, LIVE)
        left = {each.signal_id: each.accepted_at for each in reversed(sent)}  # the first chat's
        for signal_id, at in reversed(left.items()):
            if len(self._under_way) >= AT_A_TIME:
                return
            if signal_id not in self._done and signal_id not in self._under_way:
                task = asyncio.create_task(self._ask(signal_id, at))
                self._under_way[signal_id] = task
                task.add_done_callback(partial(self._over, signal_id))

    def _over(self, signal_id: str, _: asyncio.Task[None]) -> None:
        self._under_way.pop(signal_id, None)

    async def settle(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _ask(self, signal_id: str, left_at: datetime) -> None:
        services = self._services
        try:
            record = await services.signals.get(signal_id)
            if record is not None and ANALYST not in record.extra:
                found = await self._opinion(record, left_at)
                if found is None:
                    return
                await services.signals.note_opinion(signal_id, *found, services.clock())
            self._done[signal_id] = services.clock()
        except AppError as error:
            log.warning("alert_analysis_failed", signal_id=signal_id, error=error.user_text)
        except Exception:
            self._done[signal_id] = services.clock()  # the same would fail the same way
            log.exception("alert_analysis_failed", signal_id=signal_id)

    async def _opinion(
        self, record: LiveSignal, left_at: datetime
    ) -> tuple[float | None, dict[str, Any]] | None:
        """Return the opinion's weight and what is said of it; None: ask again later."""
        services = self._services
        question = signal_question(record, await self._thing(record), await self._chart(record))
        try:
            analysis = await consult(
                question, subject=record.signal_id, chat_id=None, services=services,
                language=await self._language(record.signal_id),
            )  # fmt: skip
        except AnalystDownError as error:
            if services.clock() < left_at + PATIENCE:
                return None
            return None, _missing(error)
        except AnalystRefusedError as error:
            return None, _missing(error)
        return await self._said(record, analysis)

    async def _said(
        self, record: LiveSignal, analysis: Analysis
    ) -> tuple[float | None, dict[str, Any]]:
        if analysis.opinion is None:
            return None, {ANALYST: {}}
        llm = share_of(analysis.opinion, record.signal.side)
        gate = (await self._services.watches.rules()).gate(record.signal.setup_id)
        contradicts = llm < gate.review_from
        kept = {
            "contradicts": contradicts, "llm": llm, "key": analysis.key, "model": analysis.model,
            "opinion": analysis.opinion.model_dump(mode="json"), "dropped": len(analysis.dropped),
            "cost": analysis.cost,
        }  # fmt: skip
        return llm, {ANALYST: kept, "text": alert_words(analysis.opinion, contradicts=contradicts)}

    async def _thing(self, record: LiveSignal) -> Instrument | None:
        """Return what is traded; None where the table has lost it: then there are no points."""
        try:
            return await self._services.instruments.get(record.signal.symbol)
        except RequestError:
            return None

    async def _chart(self, record: LiveSignal) -> bytes | None:
        """Return the alert's chart; without one the facts alone are shown."""
        if not record.chart:
            return None
        try:
            return await self._services.archive.get(record.chart)
        except AppError:
            return None

    async def _language(self, signal_id: str) -> str:
        """Return the language of the chats that have the alert, if they share one."""
        chats = [sent.chat_id for sent in await self._services.signals.alerts(signal_id)]
        found = {await language_of(chat, self._services) for chat in chats}
        return found.pop() if len(found) == 1 else self._services.settings.analyst_language


def _missing(error: AppError) -> dict[str, Any]:
    """Return what is said where there is no opinion."""
    return {ANALYST: {"missing": error.user_text}, "text": f"no opinion\n{error.user_text}"}
