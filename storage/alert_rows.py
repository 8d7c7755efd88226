"""Rows of alerts: where a signal's alert stands in each chat, and what chats are owed of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.live import AlertFor, AlertSent, Held, Life, LiveSignal
from pipeline.domain.report import DeliveryKind
from storage.database import insert_into
from storage.live_tables import ALERTS, SIGNALS
from storage.outbox_rows import Owed, owe
from storage.signal_changes import alert_key, outcome_key

_A = ALERTS.c
_TOLD = ("owed", "sent")  # chats that have the alert, or will
_SENT = select(_A.signal_id, _A.chat_id, _A.message_id, _A.accepted_at).where(
    _A.accepted_at.is_not(None)
)


async def owe_alerts(
    db: AsyncConnection,
    engine: AsyncEngine,
    record: LiveSignal,
    alerts: Sequence[AlertFor],
    now: datetime,
) -> None:
    """Owe a new signal's alerts, at once or in a digest."""
    signal = record.signal_id
    rows = [
        {
            "signal_id": signal,
            "chat_id": each.chat_id,
            "silent": each.silent,
            "state": "held" if each.held else "owed",
            "edits": 0,
            "held": each.held,
            "due_at": each.due_at or now,
        }
        for each in alerts
    ]
    await db.execute(ALERTS.insert().values(rows))
    owed = [_alert(signal, each.chat_id, each.silent, 0) for each in alerts if not each.held]
    await owe(db, engine, owed, now)


async def owe_edits(db: AsyncConnection, engine: AsyncEngine, signal: str, now: datetime) -> None:
    """Owe a signal's alerts again, where they were ever owed, because it looks different now."""
    again = update(ALERTS).where(_A.signal_id == signal, _A.state.in_(_TOLD))
    rows = await db.execute(
        again.values(edits=_A.edits + 1).returning(_A.chat_id, _A.silent, _A.edits)
    )
    owed = [
        _alert(signal, chat_id, silent, edits) for chat_id, silent, edits in sorted(rows.all())
    ]
    await owe(db, engine, owed, now)


async def owe_outcome(
    db: AsyncConnection,
    engine: AsyncEngine,
    signal: str,
    told: tuple[Life, Mapping[str, Any]],
    now: datetime,
) -> None:
    """Owe each chat that has the alert, or will, what became of the signal."""
    life, payload = told
    query = select(_A.chat_id).where(_A.signal_id == signal, _A.state.in_(_TOLD))
    chats = (await db.execute(query.order_by(_A.id))).scalars().all()
    kind = DeliveryKind.OUTCOME
    owed = [Owed(chat, kind, payload, outcome_key(signal, life, chat)) for chat in chats]
    await owe(db, engine, owed, now)


def _alert(signal: str, chat_id: int, silent: bool, edits: int) -> Owed:  # noqa: FBT001
    payload = {"signal_id": signal, "silent": silent, "edits": edits}
    return Owed(chat_id, DeliveryKind.ALERT, payload, alert_key(signal, chat_id))


async def note_accepted(db: AsyncConnection, engine: AsyncEngine, sent: AlertSent) -> AlertSent:
    """Keep that an alert was accepted; return what is kept, which is of the first time."""
    told = {"state": "sent", "message_id": sent.message_id, "accepted_at": sent.accepted_at}
    row = insert_into(engine, ALERTS).values(
        signal_id=sent.signal_id, chat_id=sent.chat_id, silent=False, edits=0, held="", **told
    )
    first = row.on_conflict_do_update(
        index_elements=["signal_id", "chat_id"], set_=told, where=_A.accepted_at.is_(None)
    )
    await db.execute(first)
    mine = _SENT.where(_A.signal_id == sent.signal_id, _A.chat_id == sent.chat_id)
    return AlertSent.model_validate(dict((await db.execute(mine)).mappings().one()))


async def note_failed(db: AsyncConnection, signal: str, chat_id: int) -> bool:
    """Note that a chat won't get an alert; True if now no chat has it or will."""
    mine = update(ALERTS).where(_A.signal_id == signal, _A.chat_id == chat_id, _A.state != "sent")
    if (await db.execute(mine.values(state="failed"))).rowcount == 0:
        return False
    others = select(func.count()).where(_A.signal_id == signal, _A.state != "failed")
    return (await db.execute(others)).scalar_one() == 0


async def sent(
    db: AsyncConnection, *conditions: Any, origin: str | None = None
) -> list[AlertSent]:
    """Return the accepted alerts that fit, by time; of one origin, or all."""
    query = _SENT.where(*conditions).order_by(_A.accepted_at, _A.id)
    query = query if origin is None else _of_origin(query, origin)
    return [AlertSent.model_validate(dict(row)) for row in (await db.execute(query)).mappings()]


def _of_origin(query: Select[Any], origin: str) -> Select[Any]:
    same = SIGNALS.c.signal_id == _A.signal_id
    return query.join(SIGNALS, same).where(SIGNALS.c.origin == origin)


async def owed_by_chat(db: AsyncConnection, origin: str) -> dict[int, int]:
    """Return how many alerts each chat is owed."""
    query = select(_A.chat_id, func.count()).where(_A.state == "owed").group_by(_A.chat_id)
    rows = (await db.execute(_of_origin(query, origin).order_by(_A.chat_id))).all()
    return {row[0]: row[1] for row in rows}


async def held_until(db: AsyncConnection, now: datetime) -> list[Held]:
    """Return the held alerts whose digest is due, by chat, then in order of signals."""
    query = select(_A.id, _A.chat_id, _A.signal_id, _A.held, _A.due_at)
    due = query.where(_A.state == "held", _A.due_at <= now).order_by(_A.chat_id, _A.id)
    return [Held.model_validate(dict(row)) for row in (await db.execute(due)).mappings()]


async def tell_held(
    db: AsyncConnection, engine: AsyncEngine, chat_id: int, held: Sequence[Held], now: datetime
) -> bool:
    """Owe a chat the digest of all these alerts; False: not all of them wait any more."""
    ids = [each.id for each in held]
    mine = (_A.id.in_(ids), _A.chat_id == chat_id, _A.state == "held")
    rows = select(_A.id).where(*mine).order_by(_A.id).with_for_update()
    if len((await db.execute(rows)).all()) < len(ids) or not ids:
        return False
    await db.execute(update(ALERTS).where(_A.id.in_(ids)).values(state="told"))
    payload = {
        "signal_ids": [each.signal_id for each in held],
        "held": {each.signal_id: each.held for each in held},
    }
    key = f"digest:{chat_id}:{ids[0]}"
    return await owe(db, engine, [Owed(chat_id, DeliveryKind.DIGEST, payload, key)], now) == 1
