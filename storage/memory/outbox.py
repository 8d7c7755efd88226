"""MemoryOutbox: deliveries owed to chats in memory, by the same rules as in the database."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pipeline.domain.report import Delivery, DeliveryKind
from pipeline.domain.request import Claim
from storage.memory.runs import MemoryRunStore
from storage.outbox_rules import EDIT, REPLACEABLE, first_rank
from storage.tables import json_text


@dataclass
class _Row:
    delivery: Delivery
    rank: int
    state: str = "owed"
    sent: bool = False  # at least once
    version: int = 1
    leased_version: int = 0
    due_at: datetime | None = None
    lease_until: datetime | None = None
    error: str = ""
    done_at: datetime | None = None


class MemoryOutbox:
    """What is owed to chats; see `storage.ports.Outbox`.

    `runs` is asked whether a claim stands; None: all do.
    """

    def __init__(self, runs: MemoryRunStore | None = None) -> None:
        self._rows: dict[int, _Row] = {}
        self._last = 0
        self._runs = runs

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
        if self._runs is not None:
            self._runs.check_claim(claim)
        payload = json.loads(json_text(payload))
        held = next((r for r in self._rows.values() if r.delivery.dedupe_key == dedupe_key), None)
        if held is not None:
            return _replace(held, kind, payload)
        self._last += 1
        number = self._last
        self._rows[number] = _Row(
            Delivery(
                id=number,
                chat_id=chat_id,
                kind=kind,
                payload=payload,
                dedupe_key=dedupe_key,
                created_at=now,
            ),
            first_rank(kind),
        )
        return True

    async def claim(self, now: datetime, *, lease: timedelta, limit: int = 20) -> list[Delivery]:
        """Lease the head of each chat's queue; alerts not sent yet first, then by age."""
        heads = sorted(self._heads(now), key=_place)[:limit]
        for row in heads:
            row.lease_until = now + lease
            row.leased_version = row.version
        return [row.delivery for row in heads]

    async def ack(self, delivery_id: int, now: datetime, message_ids: Sequence[int]) -> None:
        """Mark it sent; what was replaced meanwhile stays owed, with the message ids kept."""
        row = self._owed(delivery_id)
        if row is None:
            return
        row.done_at = now
        if row.version == row.leased_version:
            row.state = "sent"
        row.sent = True
        if message_ids:
            row.delivery = row.delivery.model_copy(update={"message_ids": tuple(message_ids)})
            row.rank = EDIT if row.delivery.kind is DeliveryKind.ALERT else row.rank
        row.due_at = row.lease_until = None
        row.error = ""

    async def retry(self, delivery_id: int, at: datetime, error: str) -> None:
        """Give it back, not before `at`; it keeps its place in the queue."""
        row = self._owed(delivery_id)
        if row is not None:
            attempts = row.delivery.attempts + bool(error)
            row.delivery = row.delivery.model_copy(update={"attempts": attempts})
            row.due_at, row.lease_until, row.error = at, None, error

    async def fail(self, delivery_id: int, now: datetime, error: str) -> None:
        """Give up for good; kept with its reason."""
        row = self._owed(delivery_id)
        if row is not None:
            row.state, row.error, row.done_at = "failed", error, now
            row.due_at = row.lease_until = None

    async def pending(self) -> int:
        """Return how many are owed."""
        return sum(row.state == "owed" for row in self._rows.values())

    async def oldest(self) -> datetime | None:
        """Return since when the oldest that was never sent is owed; None: there is none."""
        waiting = (r for r in self._rows.values() if r.state == "owed" and not r.sent)
        return min((row.delivery.created_at for row in waiting), default=None)

    def settled(self, state: str, before: datetime) -> list[int]:
        """Return what was sent or has failed before that, by id."""
        return [
            number for number, row in self._rows.items()
            if row.state == state and row.done_at is not None and row.done_at < before
        ]  # fmt: skip

    def forget(self, numbers: Sequence[int]) -> None:
        """Forget deliveries; their keys may be owed again."""
        for number in numbers:
            del self._rows[number]

    def owed_runs(self) -> set[str]:
        """Return the run ids that owed deliveries name."""
        owed = (row.delivery.payload for row in self._rows.values() if row.state == "owed")
        return {str(payload["run_id"]) for payload in owed if payload.get("run_id")}

    def _owed(self, delivery_id: int) -> _Row | None:
        row = self._rows.get(delivery_id)
        return row if row is not None and row.state == "owed" else None

    def _heads(self, now: datetime) -> Iterator[_Row]:
        queues: dict[int, list[_Row]] = {}
        for row in self._rows.values():
            if row.state == "owed":
                queues.setdefault(row.delivery.chat_id, []).append(row)
        for queue in queues.values():
            if not any(row.lease_until and row.lease_until > now for row in queue):
                yield from _head(sorted(queue, key=_place), now)


def _head(queue: list[_Row], now: datetime) -> list[_Row]:
    """Return the one that may be leased, if any, of a queue in which nothing is under way."""
    due = [row for row in queue if row.due_at is None or row.due_at <= now]
    return [row for row in due[:1] if row is queue[0] or row.rank == EDIT]


def _place(row: _Row) -> tuple[int, int]:
    return row.rank, row.delivery.id


def _replace(held: _Row, kind: DeliveryKind, payload: dict[str, Any]) -> bool:
    """Replace what may be replaced; whether that was so."""
    final = kind is DeliveryKind.PROGRESS and held.delivery.payload.get("final") is True
    if kind not in REPLACEABLE or held.delivery.kind is not kind or final:
        return False
    attempts = held.delivery.attempts if held.state == "owed" else 0
    update = {"payload": payload, "attempts": attempts}
    held.delivery = held.delivery.model_copy(update=update)
    held.version += 1
    held.state = "owed"
    return True
