"""The ports: what the house needs of the outside, as narrow async protocols.

Every adapter maps its vendor's errors to `pipeline.domain.errors` (StoreDownError and its
siblings), takes `now` from its caller, and is safe to share between tasks of one event loop.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import pandas as pd

from pipeline.domain.audit_chain import ChainVerdict
from pipeline.domain.market import Timeframe
from pipeline.domain.report import Artifact, Delivery, DeliveryKind, Holding
from pipeline.domain.request import AuditEvent, Claim
from pipeline.domain.trial import Trial
from pipeline.setups.rules import SetupSpec, SetupVersion


class BarStore(Protocol):
    """Bars by symbol and timeframe; merging never doubles, reading never sees half a write."""

    async def merge(
        self, symbol: str, timeframe: Timeframe, bars: pd.DataFrame, *, source: str, now: datetime
    ) -> tuple[int, int]:
        """Add a bar frame; a bar already held is replaced. Return (added, replaced).

        `source` is kept beside the bars; "SYNTHETIC" marks the sample. Synthetic and real bars
        of one symbol never mix: real bars replace the synthetic holding as a whole, and a
        synthetic merge onto real bars raises BadBarsError.
        """
        ...

    async def read(
        self,
        symbol: str,
        timeframe: Timeframe,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return the bar frame with start <= open_time < end (None: open end); may be empty."""
        ...

    async def holdings(self) -> list[Holding]:
        """Return what is held, by symbol, then timeframe."""
        ...

    async def remove(self, symbol: str, timeframe: Timeframe) -> None:
        """Forget all bars of a symbol and timeframe; nothing held is no error."""
        ...

    async def note_score(self, symbol: str, timeframe: Timeframe, score: float) -> None:
        """Keep the quality score (0–1) beside a holding; nothing held is no error."""
        ...


class Archive(Protocol):
    """Files of runs; a path once written is never seen half-written."""

    async def put(
        self,
        path: str,
        data: bytes,
        *,
        run_id: str,
        role: str,
        media_type: str,
        meta: dict[str, Any] | None = None,
    ) -> Artifact:
        """Write (or overwrite) one file.

        `path` is like "results/bt_…_trades.csv"; no "..", no "/" at the start, else
        BadRequestError.
        """
        ...

    async def get(self, path: str) -> bytes:
        """Return the file's bytes; missing or not matching its SHA-256 is a DataError."""
        ...

    async def of_run(self, run_id: str) -> list[Artifact]:
        """Return the run's files in the order they were first put."""
        ...


class AuditLog(Protocol):
    """The trail; append only, and chained by hashes so that a change from outside is seen."""

    async def append(self, event: AuditEvent) -> None:
        """Write one event."""
        ...

    async def newest(self, limit: int = 50, run_id: str | None = None) -> list[AuditEvent]:
        """Return events, newest first."""
        ...

    async def verify(self, wanted: str = "") -> ChainVerdict:
        """Read all of it and tell whether every event is what was written, none gone or added.

        `wanted` is a `head` noted earlier, elsewhere: without one nobody sees that the newest
        events are missing.
        """
        ...


class TrialLedger(Protocol):
    """Every variant of every idea that was ever tried; append only.

    An idea is a setup on a symbol, with tries on SYNTHETIC bars apart.
    """

    async def append_many(self, trials: Sequence[Trial]) -> int:
        """Write those whose variant the idea doesn't have yet; return how many that were.

        A variant tried again keeps its first entry, so repeating an append changes nothing.
        """
        ...

    async def of_idea(self, setup_id: str, symbol: str, *, synthetic: bool = False) -> list[Trial]:
        """Return the idea's trials in the order in which they were first written."""
        ...


class Outbox(Protocol):
    """What is owed to chats: put by flows, drained by the bot, lost by nobody.

    Within a chat one is under way at a time. Of what waits, an ALERT not sent yet goes first, then
    all others by id; an ALERT sent before (it has message ids) is an edit, which goes only when
    nothing else due is owed to the chat and never holds up others, not even between its retries.
    """

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
        """Owe one delivery; False if the key was there; under a lost claim a LostRunError.

        PROGRESS and ALERT are replaced and owed again (True), unless the held "final" is true.
        """
        ...

    async def claim(self, now: datetime, *, lease: timedelta, limit: int = 20) -> list[Delivery]:
        """Lease the head of each chat's queue (one per chat, so order holds).

        Skips chats with a delivery under a live lease, and deliveries whose retry time is
        ahead. A delivery comes back by itself when its lease runs out.
        """
        ...

    async def ack(self, delivery_id: int, now: datetime, message_ids: Sequence[int]) -> None:
        """Mark it sent. What was replaced meanwhile stays owed, with the message ids kept."""
        ...

    async def retry(self, delivery_id: int, at: datetime, error: str) -> None:
        """Give it back to its place, not before `at`; attempts + 1 unless `error` is empty."""
        ...

    async def fail(self, delivery_id: int, now: datetime, error: str) -> None:
        """Give up for good (blocked by the user, chat gone); kept with its reason."""
        ...

    async def pending(self) -> int:
        """Return how many are owed."""
        ...

    async def oldest(self) -> datetime | None:
        """Return since when the oldest that was never sent is owed; None: there is none."""
        ...


class ChatStore(Protocol):
    """Who may do what, and what a chat was last asked."""

    async def role(self, user_id: int) -> str | None:
        """Return "owner", "trader", "viewer" or None for a stranger."""
        ...

    async def set_role(self, user_id: int, role: str | None, now: datetime) -> None:
        """Give or (None) take a role."""
        ...

    async def users(self) -> dict[int, str]:
        """Return all roles by user id."""
        ...

    async def note_stranger(self, user_id: int, now: datetime) -> bool:
        """Remember a stranger; True the first time."""
        ...

    async def remember(self, key: str, value: dict[str, Any], now: datetime) -> None:
        """Keep a small JSON under a key (pending question, button state); replaces."""
        ...

    async def recall(self, key: str) -> dict[str, Any] | None:
        """Return it, or None."""
        ...

    async def take(self, key: str) -> dict[str, Any] | None:
        """Return and forget it in one step: of concurrent takers one gets it."""
        ...


class SetupStore(Protocol):
    """Setup files: the built-in library, the users' folder, and every version ever seen."""

    async def active(self) -> list[SetupSpec]:
        """Return the newest active version of each setup, by id. Broken files are left out."""
        ...

    async def problems(self) -> list[str]:
        """Return one line per file that could not be read: file, line, field, valid words."""
        ...

    async def get(self, setup_id: str, version: str | None = None) -> SetupSpec:
        """Return one setup; unknown raises UnknownSetupError."""
        ...

    async def versions(self, setup_id: str) -> list[SetupVersion]:
        """Return all versions with author, reason, time and difference, oldest first."""
        ...

    async def sync(self, now: datetime) -> list[SetupVersion]:
        """Read both folders; every changed file becomes a new version. Return the new ones."""
        ...

    async def is_builtin(self, setup_id: str) -> bool:
        """Tell whether a setup that comes with the product has that id."""
        ...

    async def add(self, text: str, now: datetime) -> SetupVersion:
        """Write a setup into the user's folder and return the version it is kept as.

        A file of the user's with the same id is replaced (its versions stay); the same text
        again makes no new version. A built-in's id, or a text that is no setup, is a SetupError,
        and then nothing is written.
        """
        ...
