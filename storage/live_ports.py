"""The ports of live watching: signals and what becomes of them, what chats want, who lives.

As in `storage.ports`: vendors' errors are mapped to ours, `now` comes from the caller.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import pandas as pd

from pipeline.domain.label import Label
from pipeline.domain.live import (
    AlertFor,
    AlertSent,
    Answer,
    Evaluation,
    Held,
    Life,
    LiveScanReport,
    LiveSignal,
    Paper,
    Pulse,
)
from pipeline.domain.market import Timeframe
from pipeline.domain.watch import LiveRules, Watch

PULSES_KEPT = timedelta(days=7)
"""How long the pulse of a process that is gone stays on the board."""


@dataclass(frozen=True)
class Admission:
    """A signal as it is kept now, and whether this call brought it (False: it was there)."""

    record: LiveSignal
    fresh: bool


class SignalStore(Protocol):
    """Signals, their cooldowns and what chats are owed of them: one transaction each time."""

    async def cooling(self, setup_id: str, symbol: str, origin: str, close: datetime) -> str:
        """Return the key of the signal that keeps this one silent at that close; "": none.

        A hint that spares drawing a chart; `admit` decides.
        """
        ...

    async def admit(
        self,
        draft: LiveSignal,
        alerts: Sequence[AlertFor],
        *,
        cooldown: timedelta,
        now: datetime,
    ) -> Admission:
        """Keep a signal, claim its cooldown and owe its alerts, all or nothing.

        1. The natural key is there already: nothing changes, that record is returned.
        2. `alerts` is empty, or its decision alerts nobody: kept; the cooldown is untouched.
        3. The setup is cooling on that symbol (of the same origin): kept as suppressed, with the
           reason; no alert.
        4. Else it is kept, the cooldown runs until the bar's close + `cooldown`, and each chat is
           owed an ALERT with dedupe key `alert:{signal_id}:{chat_id}` and payload
           {"signal_id", "silent", "edits": 0}, or a row that waits for its digest. Each edit owed
           later counts `edits` up.

        Redis is asked first where there is one, but the database decides: without Redis, or after
        it was emptied, the result is the same. `cooldown` of zero: never suppressed.
        """
        ...

    async def get(self, signal_id: str) -> LiveSignal | None:
        """Return a signal, or None."""
        ...

    async def newest(self, limit: int = 10, origin: str | None = None) -> list[LiveSignal]:
        """Return signals, newest first."""
        ...

    async def between(self, origin: str, start: datetime, end: datetime) -> list[LiveSignal]:
        """Return signals known in [start, end), in order of closes."""
        ...

    async def following(self, origin: str) -> list[LiveSignal]:
        """Return signals whose life, or whose paper trade's, has not ended, by closes."""
        ...

    async def answered(self, since: datetime) -> list[LiveSignal]:
        """Return the answered signals that were changed at or after `since`, by closes."""
        ...

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
        """Write what became of a signal, and tell it, in one transaction.

        False, and nothing is done, if neither life nor paper is newer (`as_of`) than the kept
        one. Else what is newer is kept. If more than `as_of` differs, the ALERT of each chat that
        has it or is owed it is owed again as an edit; with `reply` each of these chats is owed
        an OUTCOME with dedupe key `outcome:{signal_id}:{state}:{chat_id}` and that payload.
        `label` is written or replaced in `labeled_trades`; what people did comes from the kept
        answer.
        """
        ...

    async def answer(
        self, signal_id: str, ticket: str, answer: Answer, *, paper: Paper | None, now: datetime
    ) -> tuple[LiveSignal | None, bool]:
        """Keep the first answer to a ticket whose hash begins with `ticket`; edits are owed.

        A row of `labeled_trades` that is there already learns what people did.
        (None, False): there is no such signal or the ticket is another. (record, False): it was
        answered before; the record tells by whom.
        """
        ...

    async def note_extra(self, signal_id: str, extra: Mapping[str, Any], now: datetime) -> None:
        """Add to a signal's `extra` and owe its alerts again as edits, if that changes anything.

        A row of `labeled_trades` that is there learns what people ticked (`LiveSignal.human`).
        """
        ...

    async def note_opinion(
        self, signal_id: str, llm: float | None, said: Mapping[str, Any], now: datetime
    ) -> bool:
        """Keep what the analyst said of a signal, and owe its alerts again as edits.

        `said` is added to `extra` and must hold the key "analyst"; `llm` (0–1, None: no say) goes
        into the decision's breakdown. The decision itself stays. The first opinion counts: False,
        and nothing is done, if there is one or no such signal.
        """
        ...

    async def accepted(
        self, signal_id: str, chat_id: int, message_id: int, at: datetime
    ) -> AlertSent:
        """Keep that a chat's alert was accepted by Telegram; the first time counts.

        Call it before `Outbox.ack`: then a delivery that comes back is known to have arrived.
        """
        ...

    async def undelivered(self, signal_id: str, chat_id: int, now: datetime) -> bool:
        """Note that a chat will never get its alert; True if the cooldown was given back.

        It is given back, by compare and delete, once no chat has the alert or is owed it. Call
        it before `Outbox.fail`: whoever dies between them does both again. A chat that has
        the alert already (only an edit failed) keeps it: False.
        """
        ...

    async def alerts(self, signal_id: str) -> list[AlertSent]:
        """Return where a signal's alert stands, by chat; only chats that have it."""
        ...

    async def accepted_between(
        self, start: datetime, end: datetime, origin: str | None = None
    ) -> list[AlertSent]:
        """Return the alerts accepted in [start, end), by time; of one origin, or all."""
        ...

    async def owed(self, origin: str) -> dict[int, int]:
        """Return how many alerts each chat is owed that Telegram has neither taken nor refused.

        Held ones don't count. A chat that is owed nothing is left out.
        """
        ...

    async def held(self, now: datetime) -> list[Held]:
        """Return the held alerts whose digest is due, by chat, then in order of signals."""
        ...

    async def digest(self, chat_id: int, held: Sequence[Held], now: datetime) -> bool:
        """Owe a chat one DIGEST that lists these signals, and mark them told; one transaction.

        Of concurrent callers one does it. Payload {"signal_ids": […], "held": {id: why}}.
        """
        ...

    async def labels(self, source: str | None = None) -> list[Label]:
        """Return rows of `labeled_trades`, oldest first; of one source, or all."""
        ...


@dataclass(frozen=True)
class ScanRecord:
    """What one scan leaves behind: bars as seen, how far each symbol is scanned, evaluations."""

    report: LiveScanReport
    bars: Mapping[str, pd.DataFrame]
    scanned: Mapping[str, datetime]
    evaluations: Sequence[Evaluation] = ()


class ScanLog(Protocol):
    """The scan log: nothing in it is needed to alert, all of it to explain and to go on."""

    async def record(self, scan: ScanRecord, now: datetime) -> None:
        """Keep one scan in one transaction; a bar already kept stays as it was seen first.

        Evaluations are kept as stretches: one that says the same as the last of its setup,
        symbol and timeframe, at the very next close of the same UTC day, prolongs it. So words
        that change with each bar cost a row each. A mark of how far never goes back.
        """
        ...

    async def scanned(self, origin: str) -> dict[str, datetime]:
        """Return the close up to which each symbol was scanned."""
        ...

    async def bars(
        self, origin: str, symbol: str, start: datetime | None = None, end: datetime | None = None
    ) -> pd.DataFrame:
        """Return M1 bars as they were seen live, start <= open_time < end: a bar frame."""
        ...

    async def symbols(self, origin: str) -> list[str]:
        """Return the symbols of which bars were seen."""
        ...

    async def evaluation(
        self, origin: str, symbol: str, setup_id: str, tf: Timeframe, at: datetime
    ) -> Evaluation | None:
        """Return what was said at the last close <= `at` of that UTC day; None: nothing."""
        ...

    async def scans(
        self, origin: str, start: datetime, end: datetime, limit: int = 2000
    ) -> list[LiveScanReport]:
        """Return the scans with start <= trigger_time < end, newest first."""
        ...

    async def old(self, before: datetime) -> int:
        """Return how many rows were recorded before that."""
        ...

    async def prune(self, before: datetime) -> int:
        """Forget scans, marks, evaluations and bars recorded before that; return how many rows.

        By this machine's clock, so that a replay of old bars is kept as long as anything else.
        """
        ...


class WatchStore(Protocol):
    """What chats want of live watching, and the rules for all."""

    async def get(self, chat_id: int) -> Watch | None:
        """Return a chat's wishes; None: it never asked for live watching."""
        ...

    async def everyone(self) -> list[Watch]:
        """Return all chats' wishes, by chat."""
        ...

    async def put(self, watch: Watch, now: datetime) -> None:
        """Keep a chat's wishes."""
        ...

    async def rules(self) -> LiveRules:
        """Return the rules for all chats."""
        ...

    async def put_rules(self, rules: LiveRules, now: datetime) -> None:
        """Keep the rules for all chats."""
        ...


class HealthBoard(Protocol):
    """Where processes say that they live and what they see."""

    async def beat(self, name: str, facts: Mapping[str, Any], now: datetime) -> None:
        """Write a process's newest pulse; those older than `PULSES_KEPT` are forgotten."""
        ...

    async def pulses(self) -> list[Pulse]:
        """Return the newest pulse of each process, by name."""
        ...
