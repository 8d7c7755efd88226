"""SqlOutbox: deliveries owed to chats, in the database, so that no crash loses one.

How a delivery lives: `put` writes it as owed; `claim` leases the head of each chat's queue;
the front end sends it and says `ack` (sent), `retry` (not before a moment) or `fail` (never).
A crash before the send or before the ack ends in a lease that runs out: the delivery comes
back. So nothing is lost, and only what was sent but not acked is sent again.

A PROGRESS or an ALERT is one row for ever: a new payload raises `version`. An ack speaks of the
version that was claimed; if the row is newer by then, it stays owed with the message ids kept.

Which of a chat's deliveries goes first is written in `storage.outbox_rules`: an ALERT that was
not sent yet, then all others in order of id; edits of alerts when nothing else is due.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from pipeline.domain.report import Delivery, DeliveryKind
from pipeline.domain.request import Claim
from storage.database import is_sqlite, reading, writing
from storage.outbox_rows import Owed, owe
from storage.outbox_rules import EDIT
from storage.run_claims import check_claim
from storage.tables import OUTBOX, OWED, Moment

_CLAIM_LOCK = 5_318_008_611
_C = OUTBOX.c


class SqlOutbox:
    """What is owed to chats; see `storage.ports.Outbox`.

    Warning
    -------
    Leases are told apart by instance: one whose lease ran out can't disturb who has it now.
    Two tasks that share one instance are not told apart, so let a lease outlast the send.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._held: dict[int, tuple[int, int]] = {}  # id -> lease number and version claimed

    async def put(
        self,
        chat_id: int,
        kind: DeliveryKind,
        payload: dict[str, Any],
        *,
        dedupe_key: str,
        now: datetime,
        claim: Claim | None = None,
    ) -> bool:
        """Owe one delivery; True if it is owed by this put (new, or replaced)."""
        async with writing(self._engine) as db:
            await check_claim(db, claim)
            owed = Owed(chat_id, kind, payload, dedupe_key)
            return await owe(db, self._engine, [owed], now) == 1

    async def claim(self, now: datetime, *, lease: timedelta, limit: int = 20) -> list[Delivery]:
        """Lease the head of each chat's queue; alerts not sent yet first, then by age."""
        heads = _heads(now).limit(limit)
        async with reading(self._engine) as db:
            # Most polls find nothing: they shall not take a lock.
            if (await db.execute(heads.limit(1))).first() is None:
                return []
        async with writing(self._engine) as db:
            await self._one_claimer(db)
            if not is_sqlite(self._engine):
                heads = heads.with_for_update(skip_locked=True, of=OUTBOX)
            ids = (await db.execute(heads)).scalars().all()
            rows = await db.execute(_lease(ids, now, now + lease))
            found = sorted(rows.mappings().all(), key=lambda row: (row["rank"], row["id"]))
        self._held.update({row["id"]: (row["leases"], row["version"]) for row in found})
        return [Delivery.model_validate(dict(row)) for row in found]

    async def ack(self, delivery_id: int, now: datetime, message_ids: Sequence[int]) -> None:
        """Mark it sent; what was replaced meanwhile stays owed, with the message ids kept."""
        lease, version = self._claimed(delivery_id)
        sent = _C.version == version
        change: dict[str, Any] = {
            "state": case((sent, "sent"), else_=_C.state),
            "done_at": now,
            "due_at": None,
            "lease_until": case((sent | (_C.leases == lease), None), else_=_C.lease_until),
            "error": "",
        }
        if message_ids:
            change["message_ids"] = list(message_ids)
            change["rank"] = case((_C.kind == DeliveryKind.ALERT.value, EDIT), else_=_C.rank)
        await self._settle(delivery_id, change)

    async def retry(self, delivery_id: int, at: datetime, error: str) -> None:
        """Give it back, not before `at`; it keeps its place in the queue."""
        lease, _ = self._claimed(delivery_id)
        change = {
            "attempts": _C.attempts + int(bool(error)),
            "due_at": at,
            "lease_until": None,
            "error": error,
        }
        await self._settle(delivery_id, change, _C.leases == lease)

    async def fail(self, delivery_id: int, now: datetime, error: str) -> None:
        """Give up for good; kept with its reason."""
        lease, _ = self._claimed(delivery_id)
        change = {
            "state": "failed",
            "done_at": now,
            "due_at": None,
            "lease_until": None,
            "error": error,
        }
        await self._settle(delivery_id, change, _C.leases == lease)

    async def pending(self) -> int:
        """Return how many are owed."""
        query = select(func.count()).select_from(OUTBOX).where(_C.state == OWED)
        async with reading(self._engine) as db:
            return int((await db.execute(query)).scalar_one())

    async def oldest(self) -> datetime | None:
        """Return since when the oldest that was never sent is owed; None: there is none."""
        waiting = (_C.state == OWED) & _C.done_at.is_(None)
        query = select(func.min(_C.created_at, type_=Moment)).where(waiting)
        async with reading(self._engine) as db:
            found: datetime | None = (await db.execute(query)).scalar_one()
            return found

    def _claimed(self, delivery_id: int) -> tuple[Any, Any]:
        """Return lease number and version of our claim; the row's last claim if not ours."""
        return self._held.get(delivery_id, (_C.leases, _C.leased_version))

    async def _settle(self, delivery_id: int, change: dict[str, Any], *guards: Any) -> None:
        query = update(OUTBOX).where(_C.id == delivery_id, _C.state == OWED, *guards)
        async with writing(self._engine) as db:
            await db.execute(query.values(change))
        self._held.pop(delivery_id, None)

    async def _one_claimer(self, db: AsyncConnection) -> None:
        """Let claimers wait for each other (SQLite's writers do anyway).

        Locked rows alone would not do: a claimer whose snapshot is older than a replaced
        row would lease the delivery behind it, and one chat would have two in flight.
        """
        if not is_sqlite(self._engine):
            await db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CLAIM_LOCK})


def _heads(now: datetime) -> Select[tuple[int]]:
    """Select the ids that may be leased now: heads of chats where nothing is under way."""
    other = OUTBOX.alias("other")
    earlier = (other.c.rank < _C.rank) | ((other.c.rank == _C.rank) & (other.c.id < _C.id))
    before = select(1).where(
        other.c.chat_id == _C.chat_id,
        other.c.state == OWED,
        or_(other.c.lease_until > now, earlier & ((_C.rank != EDIT) | _due(other.c, now))),
    )
    free = select(_C.id).where(_C.state == OWED, _due(_C, now), ~before.exists())
    return free.order_by(_C.rank, _C.id)


def _due(row: Any, now: datetime) -> ColumnElement[bool]:
    return or_(row.due_at.is_(None), row.due_at <= now)


def _lease(ids: Sequence[int], now: datetime, until: datetime) -> Any:
    """Return the guarded UPDATE that leases what nobody has leased or settled meanwhile."""
    free = or_(_C.lease_until.is_(None), _C.lease_until <= now)
    return (
        update(OUTBOX)
        .where(_C.id.in_(ids), _C.state == OWED, free)
        .values(lease_until=until, leases=_C.leases + 1, leased_version=_C.version)
        .returning(OUTBOX)
    )
