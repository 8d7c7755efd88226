"""The chain over the trail: each event's hash holds all before it, so no change goes unseen."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.domain.audit_chain import ChainVerdict

START = "0" * 64


FIELDS = ("at", "actor", "action", "what", "verdict", "reason", "run_id")
Told = Mapping[str, Any]
"""An event's columns as the store gives them back, not as a later model fills them up."""


def chained(before: str, seq: int, told: Told) -> str:
    """Return the hash of an event: SHA-256 over the hash before it, its number and its words."""
    words = {name: told[name] for name in FIELDS} | {"at": _moment(told["at"])}
    text = json.dumps(words, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{seq}\n{text}".encode()).hexdigest()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass
class ChainCheck:
    """Reads the trail from its first event on and says where it stops being what was written.

    Parameters
    ----------
    wanted
        A hash noted earlier, such as a backup's: the trail of then must be the beginning of this
        one. Without it nobody can tell that events at the end are missing.
    """

    wanted: str = ""
    head: str = START
    events: int = 0
    fault: str = ""
    _met: bool = False
    _last: int = 0

    def read(self, rows: Iterable[tuple[int, Told | None, str | None]]) -> None:
        """Go on with rows of number, event and kept hash; None: the event or the hash is gone."""
        for seq, event, kept in rows:
            if self.fault:
                return
            if event is None:
                self.fault = f"event {seq} is gone"
            elif kept is None:
                self.fault = f"event {seq} was written past the chain"
            elif kept != chained(self.head, seq, event):
                self.fault = f"event {seq}, or one before it, is not what was written"
            else:
                self.head, self.events, self._last = kept, self.events + 1, seq
                self._met = self._met or kept == self.wanted

    def verdict(self) -> ChainVerdict:
        """Return what was found."""
        fault = self.fault
        if not fault and self.wanted and not self._met:
            fault = "the noted hash is not in the chain: events at its end are gone, or others"
        return ChainVerdict(events=self.events, last=self._last, head=self.head, fault=fault)
