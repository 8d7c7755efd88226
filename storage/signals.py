"""SqlSignalStore: live signals with their cooldowns and alerts, one transaction for each call.

`admit` in its order: the next id is taken (others wait until the commit), the cooldown is
claimed, the signal written, its alerts owed in the outbox. A process that dies before the commit
has done nothing; after it, all is owed. Redis is told last and may miss it (`storage.cooldown`).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.label import Label
from pipeline.domain.live import AlertFor, AlertSent, Answer, Held, Life, LiveSignal, Paper
from storage import alert_rows, signal_rows
from storage import cooldown as cooldowns
from storage.cooldown import Place, RedisCooldowns
from storage.database import reading, writing
from storage.live_ports import Admission
from storage.live_tables import ALERTS, LABELED_TRADES, SIGNALS
from storage.signal_changes import labelled, lived, looks_alike, opined, suppressed, ticket_fits
from storage.tables import json_text

_S = SIGNALS.c


class SqlSignalStore:
    """Signals and what became of them; see `storage.live_ports.SignalStore`.

    Parameters
    ----------
    redis
        What Redis remembers of cooldowns; None where there is no Redis.
    """

    def __init__(self, engine: AsyncEngine, redis: RedisCooldowns | None = None) -> None:
        self._engine = engine
        self._redis = redis

    async def cooling(self, setup_id: str, symbol: str, origin: str, close: datetime) -> str:
        """Return the key of the signal that silences that close; "": none, or Redis forgot."""
        place = Place(origin, setup_id, symbol)
        if self._redis is not None and await self._redis.free(place, close):
            return ""
        async with reading(self._engine) as db:
            return await cooldowns.owner_at(db, place, close)

    async def admit(
        self,
        draft: LiveSignal,
        alerts: Sequence[AlertFor],
        *,
        cooldown: timedelta,
        now: datetime,
    ) -> Admission:
        """Keep a signal, claim its cooldown and owe its alerts, all or nothing."""
        known = await self._records(_S.key == draft.key)  # which shall not wait for a lock
        if known:
            return Admission(known[0], fresh=False)
        chats = alerts if draft.decision.decision.alerts else ()
        try:
            async with writing(self._engine) as db:
                record = await self._admit(db, draft, chats, cooldown, now)
        except _KnownError:
            [record] = await self._records(_S.key == draft.key)
            return Admission(record, fresh=False)
        if self._redis is not None and cooldown and chats and record.decision.decision.alerts:
            await self._redis.note(record, cooldown)
        return Admission(record, fresh=True)

    async def _admit(
        self,
        db: AsyncConnection,
        draft: LiveSignal,
        chats: Sequence[AlertFor],
        cooldown: timedelta,
        now: datetime,
    ) -> LiveSignal:
        fresh_id = await signal_rows.next_id(db, self._engine)
        record = draft.model_copy(update={"signal_id": fresh_id})
        if chats and cooldown:
            taken = await cooldowns.claim(db, self._engine, record, cooldown)
            record = record if taken is None else suppressed(record, *taken)
        if not await signal_rows.insert(db, self._engine, record, now):
            raise _KnownError
        if chats and record.decision.decision.alerts:
            await alert_rows.owe_alerts(db, self._engine, record, chats, now)
        return record

    async def get(self, signal_id: str) -> LiveSignal | None:
        """Return a signal, or None."""
        found = await self._records(_S.signal_id == signal_id)
        return found[0] if found else None

    async def newest(self, limit: int = 10, origin: str | None = None) -> list[LiveSignal]:
        """Return signals, newest first."""
        query = signal_rows.RECORDS.order_by(_S.seq.desc()).limit(limit)
        if origin is not None:
            query = query.where(_S.origin == origin)
        async with reading(self._engine) as db:
            return await signal_rows.records(db, query)

    async def between(self, origin: str, start: datetime, end: datetime) -> list[LiveSignal]:
        """Return signals known in [start, end), in order of closes."""
        return await self._records(_S.origin == origin, _S.known_at >= start, _S.known_at < end)

    async def following(self, origin: str) -> list[LiveSignal]:
        """Return signals whose life, or whose paper trade's, has not ended, by closes."""
        return await self._records(_S.following, _S.origin == origin)

    async def answered(self, since: datetime) -> list[LiveSignal]:
        """Return the answered signals that were changed at or after `since`."""
        return await self._records(_S.answer.is_not(None), _S.changed_at >= since)

    async def _records(self, *conditions: Any) -> list[LiveSignal]:
        query = signal_rows.RECORDS.where(*conditions).order_by(_S.known_at, _S.seq)
        async with reading(self._engine) as db:
            return await signal_rows.records(db, query)

    async def live_on(
        self,
        signal_id: str,
        life: Life,
        *,
        paper: Paper | None = None,
        reply: Mapping[str, Any] | None = None,
        label: Label | None = None,
        now: datetime,
    ) -> bool:
        """Write what became of a signal, and tell it."""
        async with writing(self._engine) as db:
            kept = await signal_rows.locked(db, signal_id)
            if kept is None or (record := lived(kept, life, paper)) is kept:
                return False
            await self._change(db, kept, record, now)
            if label is not None:
                known = labelled(label, kept)
                await signal_rows.keep_label(db, self._engine, known)
            if reply is not None:
                told = life, reply
                await alert_rows.owe_outcome(db, self._engine, signal_id, told, now)
        return True

    async def answer(
        self, signal_id: str, ticket: str, answer: Answer, *, paper: Paper | None, now: datetime
    ) -> tuple[LiveSignal | None, bool]:
        """Keep the first answer to a ticket; edits are owed."""
        async with writing(self._engine) as db:
            kept = await signal_rows.locked(db, signal_id)
            if kept is None or not ticket_fits(kept, ticket):
                return None, False
            if kept.answer is not None:
                return kept, False
            record = kept.model_copy(update={"answer": answer, "paper": paper})
            await self._change(db, kept, record, now)
            await signal_rows.note_human(db, record)
        return record, True

    async def note_extra(self, signal_id: str, extra: Mapping[str, Any], now: datetime) -> None:
        """Add to a signal's `extra`; edits are owed."""
        async with writing(self._engine) as db:
            kept = await signal_rows.locked(db, signal_id)
            if kept is not None:
                more = json.loads(json_text(dict(extra)))
                record = kept.model_copy(update={"extra": {**kept.extra, **more}})
                await self._change(db, kept, record, now)
                await signal_rows.note_human(db, record)

    async def note_opinion(
        self, signal_id: str, llm: float | None, said: Mapping[str, Any], now: datetime
    ) -> bool:
        """Keep what the analyst said of a signal; the first opinion counts."""
        async with writing(self._engine) as db:
            kept = await signal_rows.locked(db, signal_id)
            if kept is None or (record := opined(kept, llm, said)) is kept:
                return False
            await signal_rows.rewrite(db, record)
            await self._change(db, kept, record, now)
        return True

    async def _change(
        self, db: AsyncConnection, kept: LiveSignal, record: LiveSignal, now: datetime
    ) -> None:
        """Keep a changed signal, and owe its alerts again if it looks different now."""
        await signal_rows.change(db, record, now)
        if not looks_alike(kept, record):
            await alert_rows.owe_edits(db, self._engine, record.signal_id, now)

    async def accepted(
        self, signal_id: str, chat_id: int, message_id: int, at: datetime
    ) -> AlertSent:
        """Keep that a chat's alert was accepted; the first time counts."""
        sent = AlertSent(
            signal_id=signal_id, chat_id=chat_id, message_id=message_id, accepted_at=at
        )
        async with writing(self._engine) as db:
            return await alert_rows.note_accepted(db, self._engine, sent)

    async def undelivered(self, signal_id: str, chat_id: int, now: datetime) -> bool:
        """Note that a chat will never get its alert; True if the cooldown was given back."""
        del now
        async with writing(self._engine) as db:
            kept = await signal_rows.locked(db, signal_id)
            if kept is None or not await alert_rows.note_failed(db, signal_id, chat_id):
                return False
            back = await cooldowns.give_back(db, kept)
        if self._redis is not None:
            await self._redis.forget(kept)
        return back

    async def alerts(self, signal_id: str) -> list[AlertSent]:
        """Return where a signal's alert stands, by chat."""
        async with reading(self._engine) as db:
            found = await alert_rows.sent(db, ALERTS.c.signal_id == signal_id)
        return sorted(found, key=lambda sent: sent.chat_id)

    async def accepted_between(
        self, start: datetime, end: datetime, origin: str | None = None
    ) -> list[AlertSent]:
        """Return the alerts accepted in [start, end), by time; of one origin, or all."""
        within = ALERTS.c.accepted_at >= start, ALERTS.c.accepted_at < end
        async with reading(self._engine) as db:
            return await alert_rows.sent(db, *within, origin=origin)

    async def owed(self, origin: str) -> dict[int, int]:
        """Return how many alerts each chat is owed that were neither taken nor refused."""
        async with reading(self._engine) as db:
            return await alert_rows.owed_by_chat(db, origin)

    async def held(self, now: datetime) -> list[Held]:
        """Return the held alerts whose digest is due, by chat, then in order of signals."""
        async with reading(self._engine) as db:
            return await alert_rows.held_until(db, now)

    async def digest(self, chat_id: int, held: Sequence[Held], now: datetime) -> bool:
        """Owe a chat one DIGEST that lists these signals, and mark them told."""
        async with writing(self._engine) as db:
            return await alert_rows.tell_held(db, self._engine, chat_id, held, now)

    async def labels(self, source: str | None = None) -> list[Label]:
        """Return rows of `labeled_trades`, oldest first."""
        query = select(LABELED_TRADES).order_by(LABELED_TRADES.c.seq)
        if source is not None:
            query = query.where(LABELED_TRADES.c.source == source)
        async with reading(self._engine) as db:
            rows = (await db.execute(query)).mappings().all()
        return [Label.model_validate(dict(row)) for row in rows]


class _KnownError(Exception):
    """The natural key is there already: nothing of this transaction may stay."""
