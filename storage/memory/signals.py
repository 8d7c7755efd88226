"""MemorySignalStore: live signals in memory, by the same rules as in the database."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.domain.label import Label
from pipeline.domain.live import AlertFor, AlertSent, Answer, Held, Life, LiveSignal, Paper
from pipeline.domain.report import DeliveryKind
from storage.live_ports import Admission
from storage.memory.alert_rows import AlertRow
from storage.ports import Outbox
from storage.signal_changes import (
    alert_key,
    followed,
    labelled,
    lived,
    looks_alike,
    opined,
    outcome_key,
    signal_id,
    suppressed,
    ticket_fits,
)
from storage.tables import json_text


class MemorySignalStore:
    """Signals in dicts; see `storage.live_ports.SignalStore`.

    Parameters
    ----------
    outbox
        Where alerts are owed. One in memory: then each call is one step that none interrupts.
    labels
        The rows of `labeled_trades`, shared with a `MemoryLabelStore`; None: its own.
    """

    def __init__(self, outbox: Outbox, labels: dict[tuple[str, str], Label] | None = None) -> None:
        self._outbox = outbox
        self._signals: dict[str, LiveSignal] = {}
        self._ids: dict[str, str] = {}
        self._cooldowns: dict[tuple[str, str, str], tuple[str, datetime]] = {}
        self._alerts: dict[tuple[str, int], AlertRow] = {}
        self._labels = {} if labels is None else labels
        self._changed_at: dict[str, datetime] = {}

    async def cooling(self, setup_id: str, symbol: str, origin: str, close: datetime) -> str:
        """Return the key of the signal that silences that close; "": none."""
        key, until = self._cooldowns.get((origin, setup_id, symbol), ("", close))
        return key if until > close else ""

    async def admit(
        self,
        draft: LiveSignal,
        alerts: Sequence[AlertFor],
        *,
        cooldown: timedelta,
        now: datetime,
    ) -> Admission:
        """Keep a signal, claim its cooldown and owe its alerts."""
        held = self._signals.get(draft.key)
        if held is not None:
            return Admission(held, fresh=False)
        speaks = bool(alerts) and draft.decision.decision.alerts
        record = draft.model_copy(update={"signal_id": signal_id(len(self._signals) + 1)})
        if speaks:
            record = self._claim(record, cooldown)
        self._ids[record.signal_id] = record.key
        record = self._set(record)
        if speaks and record.decision.decision.alerts:
            for alert in alerts:
                await self._alert(record.signal_id, alert, now)
        return Admission(record, fresh=True)

    def _claim(self, record: LiveSignal, cooldown: timedelta) -> LiveSignal:
        s = record.signal
        place = (record.origin, s.setup_id, s.symbol)
        owner, until = self._cooldowns.get(place, ("", s.known_at))
        if until > s.known_at and cooldown:
            return suppressed(record, self._signals[owner].signal_id, until)
        if cooldown:
            self._cooldowns[place] = (record.key, s.known_at + cooldown)
        return record

    async def _alert(self, signal: str, alert: AlertFor, now: datetime) -> None:
        row = AlertRow(
            number=len(self._alerts) + 1,
            signal_id=signal,
            chat_id=alert.chat_id,
            silent=alert.silent,
            state="held" if alert.held else "owed",
            held=alert.held,
            due_at=alert.due_at or now,
        )
        self._alerts[signal, alert.chat_id] = row
        if not alert.held:
            await self._owe(row, now)

    async def _owe(self, alert: AlertRow, now: datetime) -> None:
        """Owe a chat its alert, the first time or as an edit."""
        key = alert_key(alert.signal_id, alert.chat_id)
        await self._outbox.put(
            alert.chat_id, DeliveryKind.ALERT, alert.payload, dedupe_key=key, now=now
        )

    async def get(self, signal_id: str) -> LiveSignal | None:
        """Return a signal, or None."""
        key = self._ids.get(signal_id)
        return None if key is None else self._signals[key]

    async def newest(self, limit: int = 10, origin: str | None = None) -> list[LiveSignal]:
        """Return signals, newest first."""
        found = [s for s in self._signals.values() if origin in (None, s.origin)]
        return found[::-1][:limit]

    async def between(self, origin: str, start: datetime, end: datetime) -> list[LiveSignal]:
        """Return signals known in [start, end), in order of closes."""
        return [s for s in self._by_close(origin) if start <= s.signal.known_at < end]

    async def following(self, origin: str) -> list[LiveSignal]:
        """Return signals whose life, or whose paper trade's, has not ended, by closes."""
        return [s for s in self._by_close(origin) if followed(s)]

    async def answered(self, since: datetime) -> list[LiveSignal]:
        """Return the answered signals that were changed at or after `since`, by closes."""
        found = (self._signals[key] for key, at in self._changed_at.items() if at >= since)
        return sorted((s for s in found if s.answer), key=lambda s: s.signal.known_at)

    def _by_close(self, origin: str) -> list[LiveSignal]:
        mine = (s for s in self._signals.values() if s.origin == origin)
        return sorted(mine, key=lambda s: s.signal.known_at)

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
        kept = await self.get(signal_id)
        if kept is None or (record := lived(kept, life, paper)) is kept:
            return False
        if label is not None:
            self._labels[label.source, label.signal_id] = labelled(label, kept)
        await self._change(kept, record, now)
        if reply is not None:
            for alert in self._told(signal_id):
                key = outcome_key(signal_id, life, alert.chat_id)
                await self._outbox.put(
                    alert.chat_id, DeliveryKind.OUTCOME, dict(reply), dedupe_key=key, now=now
                )
        return True

    async def answer(
        self, signal_id: str, ticket: str, answer: Answer, *, paper: Paper | None, now: datetime
    ) -> tuple[LiveSignal | None, bool]:
        """Keep the first answer to a ticket; edits are owed."""
        kept = await self.get(signal_id)
        if kept is None or not ticket_fits(kept, ticket):
            return None, False
        if kept.answer is not None:
            return kept, False
        record = kept.model_copy(update={"answer": answer, "paper": paper})
        self._note_human(record)
        return await self._change(kept, record, now), True

    def _note_human(self, record: LiveSignal) -> None:
        label = self._labels.get((record.origin, record.signal_id))
        if label is not None:
            self._labels[record.origin, record.signal_id] = labelled(label, record)

    async def note_extra(self, signal_id: str, extra: Mapping[str, Any], now: datetime) -> None:
        """Add to a signal's `extra`; edits are owed."""
        kept = await self.get(signal_id)
        if kept is not None:
            more = json.loads(json_text(dict(extra)))
            changed = kept.model_copy(update={"extra": {**kept.extra, **more}})
            await self._change(kept, changed, now)
            self._note_human(changed)

    async def note_opinion(
        self, signal_id: str, llm: float | None, said: Mapping[str, Any], now: datetime
    ) -> bool:
        """Keep what the analyst said of a signal; the first opinion counts."""
        kept = await self.get(signal_id)
        if kept is None or (record := opined(kept, llm, said)) is kept:
            return False
        await self._change(kept, record, now)
        return True

    async def accepted(
        self, signal_id: str, chat_id: int, message_id: int, at: datetime
    ) -> AlertSent:
        """Keep that a chat's alert was accepted; the first time counts."""
        unknown = AlertRow(len(self._alerts) + 1, signal_id, chat_id, silent=False, state="owed")
        alert = self._alerts.get((signal_id, chat_id), unknown)
        if alert.accepted_at is None:
            alert = replace(alert, state="sent", message_id=message_id, accepted_at=at)
            self._alerts[signal_id, chat_id] = alert
        return alert.sent()

    async def undelivered(self, signal_id: str, chat_id: int, now: datetime) -> bool:
        """Note that a chat will never get its alert; True if the cooldown was given back."""
        del now
        kept, alert = await self.get(signal_id), self._alerts.get((signal_id, chat_id))
        if kept is None or alert is None or alert.state == "sent":
            return False
        self._alerts[signal_id, chat_id] = replace(alert, state="failed")
        if any(a.state != "failed" for a in self._alerts.values() if a.signal_id == signal_id):
            return False
        place = (kept.origin, kept.signal.setup_id, kept.signal.symbol)
        if self._cooldowns.get(place, ("",))[0] != kept.key:
            return False
        del self._cooldowns[place]
        return True

    async def alerts(self, signal_id: str) -> list[AlertSent]:
        """Return where a signal's alert stands, by chat."""
        found = [a for a in self._alerts.values() if a.signal_id == signal_id and a.accepted_at]
        return [each.sent() for each in sorted(found, key=lambda a: a.chat_id)]

    async def accepted_between(
        self, start: datetime, end: datetime, origin: str | None = None
    ) -> list[AlertSent]:
        """Return the alerts accepted in [start, end), by time; of one origin, or all."""
        mine = (a for a in self._alerts.values() if origin in (None, self._origin(a)))
        found = (a.sent() for a in mine if a.accepted_at and start <= a.accepted_at < end)
        return sorted(found, key=lambda a: a.accepted_at)

    async def owed(self, origin: str) -> dict[int, int]:
        """Return how many alerts each chat is owed that were neither taken nor refused."""
        owed = (a for a in self._alerts.values() if a.state == "owed")
        return dict(sorted(Counter(a.chat_id for a in owed if self._origin(a) == origin).items()))

    async def held(self, now: datetime) -> list[Held]:
        """Return the held alerts whose digest is due, by chat, then in order of signals."""
        waiting = (a for a in self._alerts.values() if a.state == "held")
        due = (a.waiting() for a in waiting if a.due_at and a.due_at <= now)
        return sorted(due, key=lambda h: (h.chat_id, h.id))

    async def digest(self, chat_id: int, held: Sequence[Held], now: datetime) -> bool:
        """Owe a chat one DIGEST that lists these signals, and mark them told."""
        rows = [self._alerts.get((h.signal_id, chat_id)) for h in held]
        waiting = [row for row in rows if row is not None and row.state == "held"]
        if not held or len(waiting) < len(held):
            return False
        for row in waiting:
            self._alerts[row.signal_id, chat_id] = replace(row, state="told")
        payload = {
            "signal_ids": [h.signal_id for h in held],
            "held": {h.signal_id: h.held for h in held},
        }
        key = f"digest:{chat_id}:{held[0].id}"
        return await self._outbox.put(
            chat_id, DeliveryKind.DIGEST, payload, dedupe_key=key, now=now
        )

    async def labels(self, source: str | None = None) -> list[Label]:
        """Return rows of `labeled_trades`, oldest first."""
        return [each for each in self._labels.values() if source in (None, each.source)]

    async def _change(self, kept: LiveSignal, record: LiveSignal, now: datetime) -> LiveSignal:
        """Keep a changed signal, and owe its alerts again if it looks different now."""
        if not looks_alike(kept, record):
            for alert in self._told(record.signal_id):
                alert = replace(alert, edits=alert.edits + 1)  # noqa: PLW2901
                self._alerts[record.signal_id, alert.chat_id] = alert
                await self._owe(alert, now)
        self._changed_at[record.key] = now
        return self._set(record)

    def _origin(self, alert: AlertRow) -> str:
        key = self._ids.get(alert.signal_id)
        return "" if key is None else self._signals[key].origin

    def _told(self, signal_id: str) -> list[AlertRow]:
        """Return a signal's alerts that were sent or are owed."""
        mine = (a for a in self._alerts.values() if a.signal_id == signal_id)
        return [a for a in mine if a.state in ("owed", "sent")]

    def _set(self, record: LiveSignal) -> LiveSignal:
        """Keep what a database would give back, which shares nothing with the caller's."""
        kept = LiveSignal.model_validate(json.loads(json_text(record.model_dump(mode="json"))))
        self._signals[record.key] = kept
        return kept
