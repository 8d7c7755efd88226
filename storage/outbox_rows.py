"""Rows of the outbox: how one is owed, whoever does it in whatever transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.report import DeliveryKind
from storage.database import insert_into
from storage.outbox_rules import REPLACEABLE, first_rank
from storage.tables import OUTBOX, OWED

_C = OUTBOX.c


@dataclass(frozen=True)
class Owed:
    """One delivery to be owed."""

    chat_id: int
    kind: DeliveryKind
    payload: Mapping[str, Any]
    dedupe_key: str


async def owe(
    db: AsyncConnection, engine: AsyncEngine, deliveries: Sequence[Owed], now: datetime
) -> int:
    """Owe deliveries in the caller's transaction; return how many are owed by this.

    A key that is there already counts only if its row was replaced. Keys must differ.
    """
    if not deliveries:
        return 0
    row = insert_into(engine, OUTBOX).values([_values(each, now) for each in deliveries])
    replaceable = _C.kind.in_([kind.value for kind in REPLACEABLE])
    upsert = row.on_conflict_do_update(
        index_elements=["dedupe_key"],
        set_={
            "payload": row.excluded.payload,
            "final": row.excluded.final,
            "version": _C.version + 1,
            "state": "owed",
            "attempts": case((_C.state == OWED, _C.attempts), else_=0),
        },
        where=(_C.kind == row.excluded.kind) & replaceable & ~_C.final,
    )
    return len((await db.execute(upsert.returning(_C.id))).all())


def _values(delivery: Owed, now: datetime) -> dict[str, Any]:
    progress = delivery.kind is DeliveryKind.PROGRESS
    return {
        "chat_id": delivery.chat_id,
        "kind": delivery.kind.value,
        "payload": dict(delivery.payload),
        "dedupe_key": delivery.dedupe_key,
        "created_at": now,
        "state": "owed",
        "rank": first_rank(delivery.kind),
        "final": progress and delivery.payload.get("final") is True,
        "version": 1,
        "attempts": 0,
        "leases": 0,
        "leased_version": 0,
        "message_ids": [],
        "error": "",
    }
