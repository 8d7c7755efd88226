"""The chain over the trail: each event's hash holds all before it, so no change goes unseen."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.domain.audit_chain import ChainVerdict
from pipeline.domain.request import AuditEvent

START = "0" * 64


def chained(before: str, seq: int, event: AuditEvent) -> str:
    """Return the hash of an event: SHA-256 over the hash before it, its number and its words.

    The event must be as the store gives it back: what can't be kept is gone from it.
    """
    told = json.dumps(event.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{seq}\n{told}".encode()).hexdigest()


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

    def read(self, rows: Iterable[tuple[int, AuditEvent | None, str | None]]) -> None:
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
