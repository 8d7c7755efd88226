"""SentOrders: which orders were ever sent from here, so that none is sent a second time."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sent:
    """One order that may have been sent.

    `account` is the one it was for, 0 if a crash cut the note short; `refused` has the broker's
    reason where it said no.
    """

    at: datetime
    account: int = 0
    refused: str = ""


class SentOrders:
    """One small file per order, made before it is sent; of any number of processes one makes it.

    Parameters
    ----------
    folder
        Made when first needed. Whoever empties it may send orders twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self, client_id: str, account: int, now: datetime) -> bool:
        """Note that an order is about to be sent; False: that was noted before, by whomever."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            file = os.open(self._file(client_id), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return False
        with os.fdopen(file, "w", encoding="utf-8") as sink:
            json.dump(_words(client_id, Sent(now, account)), sink)
            sink.flush()
            os.fsync(sink.fileno())
        self._sync_folder()
        return True

    def refuse(self, client_id: str, reason: str) -> None:
        """Note on a claimed order that the broker said no, so it is surely not there."""
        sent = self.find(client_id)
        if sent is not None:
            fresh = self._file(client_id).with_suffix(".new")
            words = _words(client_id, replace(sent, refused=reason))
            fresh.write_text(json.dumps(words), encoding="utf-8")
            fresh.replace(self._file(client_id))

    def forget(self, client_id: str) -> None:
        """Take a claim back: the order surely didn't leave this machine."""
        self._file(client_id).unlink(missing_ok=True)

    def find(self, client_id: str) -> Sent | None:
        """Return what is noted of an order. A note that a crash cut short counts as sent."""
        file = self._file(client_id)
        try:
            text = file.read_text(encoding="utf-8")
            made = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None
        try:
            words = json.loads(text)
            at = datetime.fromisoformat(words["at"])
            return Sent(at, int(words["account"]), str(words["refused"]))
        except (ValueError, KeyError, TypeError):
            return Sent(made)

    def _file(self, client_id: str) -> Path:
        return self._folder / f"{hashlib.sha256(client_id.encode()).hexdigest()[:32]}.json"

    def _sync_folder(self) -> None:
        with suppress(OSError):  # Windows can't, and needn't
            handle = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _words(client_id: str, sent: Sent) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "at": sent.at.isoformat(),
        "account": sent.account,
        "refused": sent.refused,
    }
