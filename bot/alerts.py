"""Alerts, what became of them, and digests: from what is kept of a signal to messages.

One signal is one message in a chat. It is loaded at the moment of sending, so whatever happened
meanwhile is in it; every later edit is made from the newest state with all its buttons.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog
from aiogram import Bot
from aiogram.types import Message, ReplyParameters

from bot import views_alert, views_digest
from bot.posting import Content, post, renew
from bot.sending import Ids, NotYetError, Send, name_of
from flows.services import Services
from pipeline.domain.errors import AppError, DataError
from pipeline.domain.live import LIVE, AlertSent, LifeState, LiveSignal
from pipeline.domain.market import Instrument
from pipeline.domain.report import Delivery, DeliveryKind
from pipeline.domain.watch import AlertKind, Loudness, Watch
from pipeline.live.routing import loudness
from storage import metrics

log = structlog.get_logger(__name__)

RECEIPT_AFTER: Final = timedelta(seconds=3)
"""How long after its acceptance an alert is edited only to add when that was."""


class Alerts:
    """Sends what chats are owed of signals; raises what Telegram raises."""

    def __init__(self, bot: Bot, services: Services) -> None:
        self._bot = bot
        self._services = services
        self._unrecorded: dict[tuple[str, int], AlertSent] = {}

    @property
    def kinds(self) -> dict[DeliveryKind, Send]:
        """How each kind is sent."""
        return {
            DeliveryKind.ALERT: self.alert,
            DeliveryKind.OUTCOME: self.outcome,
            DeliveryKind.DIGEST: self.digest,
        }

    async def alert(self, delivery: Delivery, chat_id: int) -> Ids:
        """Send a signal's alert the first time, edit it later.

        One that was accepted before a crash, or before the store failed, is only recorded.
        """
        record = await self._record(delivery)
        standing = await self._standing(record.signal_id, delivery)
        if standing is None:
            message = await self._first(record, chat_id, delivery)
            standing = await self._accepted(record.signal_id, delivery.chat_id, message.message_id)
            if record.origin == LIVE:
                spent = standing.accepted_at - record.receipt.closed_at
                metrics.ALERT_SECONDS.observe(spent.total_seconds())
        elif delivery.message_ids:
            self._wait_for_news(record, standing)
            await self._edit(record, chat_id, standing)
        return (standing.message_id,)

    async def outcome(self, delivery: Delivery, chat_id: int) -> Ids:
        """Say in reply to an alert what became of it."""
        loud = await self._loudness(chat_id, "outcome")
        if loud == "off":
            return ()
        record = await self._record(delivery)
        standing = await self._standing(record.signal_id, delivery)
        reply = standing and ReplyParameters(
            message_id=standing.message_id, allow_sending_without_reply=True
        )
        view = views_alert.outcome(record, await self._instrument(record))
        chart = str(delivery.payload.get("chart") or "")
        content = Content(view, view, await self._picture(chart), name_of(chart))
        message = await post(
            self._bot, chat_id, content, reply_parameters=reply,
            disable_notification=loud == "silent",
        )  # fmt: skip
        return (message.message_id,)

    async def digest(self, delivery: Delivery, chat_id: int) -> Ids:
        """List what was held back, a message at a time; alerts go between them."""
        key = f"told:{delivery.dedupe_key}"
        ids = [str(each) for each in delivery.payload["signal_ids"]]
        told = int((await self._services.chats.recall(key) or {}).get("told", 0))
        rows = [await self._row(signal_id) for signal_id in ids[told:]]
        held = dict(delivery.payload.get("held") or {})
        view, count = views_digest.page(rows, held, first=told + 1, total=len(ids))
        loud = await self._loudness(chat_id, "digest")
        content = Content(view, view)
        message = await post(self._bot, chat_id, content, disable_notification=loud != "loud")
        if told + count < len(ids):
            now = self._services.clock()
            await self._services.chats.remember(key, {"told": told + count}, now)
            raise NotYetError(now)
        return (message.message_id,)

    async def given_up(self, delivery: Delivery) -> None:
        """Note that a chat will not get an alert, or maybe has; the cooldown may be given back.

        The chat is owed a line in its place: Telegram may take a text where it has broken off
        pictures.
        """
        if delivery.kind is not DeliveryKind.ALERT:
            return
        signal_id = str(delivery.payload["signal_id"])
        if await self._standing(signal_id, delivery) is None:
            signals, now = self._services.signals, self._services.clock()
            if (record := await signals.get(signal_id)) is not None:
                await self._services.outbox.put(
                    delivery.chat_id, DeliveryKind.NOTICE, {"text": views_alert.in_place(record)},
                    dedupe_key=f"in_place:{delivery.dedupe_key}", now=now,
                )  # fmt: skip
            free = await signals.undelivered(signal_id, delivery.chat_id, now)
            log.warning("alert_undelivered", signal=signal_id, cooldown_given_back=free)

    async def _record(self, delivery: Delivery) -> LiveSignal:
        signal_id = str(delivery.payload["signal_id"])
        record = await self._services.signals.get(signal_id)
        if record is None:
            raise DataError(f"no signal {signal_id} is kept", signal_id=signal_id)
        return record

    async def _row(self, signal_id: str) -> views_digest.Row:
        record = await self._services.signals.get(signal_id)
        thing = await self._instrument(record) if record else None
        return views_digest.Row(signal_id, record, thing)

    async def _standing(self, signal_id: str, delivery: Delivery) -> AlertSent | None:
        """Return where the alert stands in the delivery's chat; None: it was never accepted."""
        chat_id = delivery.chat_id
        if noted := self._unrecorded.get((signal_id, chat_id)):
            return await self._accepted(signal_id, chat_id, noted.message_id)
        for sent in await self._services.signals.alerts(signal_id):
            if sent.chat_id == chat_id:
                return sent
        return None

    async def _accepted(self, signal_id: str, chat_id: int, message_id: int) -> AlertSent:
        """Keep that Telegram took it.

        If the store fails now, the delivery comes back: this process still knows, and doesn't
        send it again.
        """
        fresh = AlertSent(
            signal_id=signal_id, chat_id=chat_id, message_id=message_id,
            accepted_at=self._services.clock(),
        )  # fmt: skip
        key = (signal_id, chat_id)
        note = self._unrecorded.setdefault(key, fresh)
        kept = await self._services.signals.accepted(
            signal_id, chat_id, note.message_id, note.accepted_at
        )
        del self._unrecorded[key]
        return kept

    def _wait_for_news(self, record: LiveSignal, standing: AlertSent) -> None:
        """Raise NotYetError if there is nothing to tell but when it was accepted."""
        due = standing.accepted_at + RECEIPT_AFTER
        news = record.answer is not None or record.life.state is not LifeState.WAITING
        if not news and self._services.clock() < due:
            raise NotYetError(due)

    async def _first(self, record: LiveSignal, chat_id: int, delivery: Delivery) -> Message:
        content = await self._content(record)
        png = await self._picture(record.chart)
        silent = bool(delivery.payload.get("silent"))
        return await post(
            self._bot, chat_id, replace(content, png=png), disable_notification=silent
        )

    async def _edit(self, record: LiveSignal, chat_id: int, standing: AlertSent) -> None:
        """Show the newest state in the message; one that is gone stays gone."""
        content = await self._content(record, standing)
        if not await renew(self._bot, chat_id, standing.message_id, content):
            log.info("alert_message_gone", signal=record.signal_id, chat_id=chat_id)

    async def _content(self, record: LiveSignal, standing: AlertSent | None = None) -> Content:
        thing = await self._instrument(record)
        return Content(
            caption=views_alert.alert(record, thing, standing),
            text=views_alert.alert(record, thing, standing, photo=False),
            name=name_of(record.chart),
        )

    async def _picture(self, path: str) -> bytes | None:
        """Return a chart's bytes; None where there is none, as the words matter more."""
        if not path:
            return None
        try:
            return await self._services.archive.get(path)
        except DataError as error:
            log.warning("alert_without_chart", path=path, error=error.user_text)
            return None

    async def _instrument(self, record: LiveSignal) -> Instrument | None:
        """Return what is known of its symbol; an alert doesn't fail for want of it."""
        try:
            return await self._services.instruments.get(record.signal.symbol)
        except AppError:
            return None

    async def _loudness(self, chat_id: int, kind: AlertKind) -> Loudness:
        watch = await self._services.watches.get(chat_id)
        return loudness(watch or Watch(chat_id=chat_id), kind)
