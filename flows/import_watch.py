"""New files of bars in IMPORT_FOLDER are imported by themselves, each once; owners hear of each.

Every step may be the last before a kill: what was done is found out again, and told once.
"""

import asyncio
import hashlib
import os
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from flows.import_folder import (
    ANSWERS,
    DONE,
    REFUSED,
    Steadiness,
    Waiting,
    look_into,
    put_away,
    read_answers,
    seen,
)
from flows.import_words import ImportQuestion, ImportReceipt, file_limits
from flows.ingest import import_file
from flows.owners import notify_owners
from flows.services import Services
from flows.state import lock_file
from pipeline.domain.errors import AppError, DataError, RequestError
from pipeline.domain.request import Actor, Channel
from storage.telemetry import get_logger

log = get_logger(__name__)
ACTOR = Actor(channel=Channel.SCHEDULE, name="import folder")
LOOK = 15.0
AT_A_TIME = 10
"""Most files of one look, so that it ends."""
LOCK = ".imports.lock"
_LEASE = timedelta(minutes=3)
_OPTIONS = {"symbol": "--symbol", "timeframe": "--timeframe", "zone": "--zone"}
_MB = 1_000_000


class ImportWatch:
    """One process's watch; of several, one at a time looks."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._owner = uuid4().hex
        self._steady = Steadiness()
        self._left: dict[str, Waiting] = {}
        self._said = ""

    async def keep(self) -> None:
        """Look until cancelled, or not at all where no folder is set."""
        while self._services.settings.import_folder is not None:
            await asyncio.sleep(LOOK)
            try:
                await self.look(self._services.clock())
            except OSError as error:
                await self._unreadable(error)
            except Exception:
                log.exception("import_folder_not_watched")

    async def _unreadable(self, error: OSError) -> None:
        """Say that the folder can't be read: once for each reason, not four times a minute."""
        reason = error.strerror or type(error).__name__
        if reason == self._said:
            return
        self._said = reason
        log.warning("import_folder_not_read", error=str(error))
        text = f"Files of bars can't be imported: IMPORT_FOLDER can't be used ({reason})."
        key = f"import:folder:{reason}:{self._services.clock():%Y%m%d}"
        with suppress(AppError):
            await notify_owners({"text": text}, key, self._services)

    async def look(self, now: datetime) -> int:
        """Take the files that are whole; return how many were put away. OSError."""
        folder = self._services.settings.import_folder
        if folder is None:
            return 0
        async with self._alone() as ours:
            if not ours:
                return 0
            files = await asyncio.to_thread(look_into, folder.expanduser().absolute())
            whole = [
                one for one in self._steady.whole(files, now) if self._left.get(one.name) != one
            ]
            return sum([await self._take(one, now) for one in whole[:AT_A_TIME]])

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[bool]:
        """Hold the right to look: a lock of this machine, a lease where hosts share Redis."""
        lease = self._services.lease
        number = os.open(
            self._services.settings.home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            ours = lock_file(number) and await lease.acquire("imports", self._owner, _LEASE)
            yield ours
            if ours:
                await lease.release("imports", self._owner)
        finally:
            os.close(number)

    async def _take(self, one: Waiting, now: datetime) -> bool:
        """Import a file and put it away, or leave it; True: it is put away."""
        try:
            data = await asyncio.to_thread(_whole, one, self._most())
        except DataError as error:
            return await self._refuse(one, error.user_text, hashlib.sha256(one.name.encode()))
        if data is None:
            return False
        content = hashlib.sha256(one.name.encode() + b"\0" + data)
        key = f"import:{content.hexdigest()}"
        kept = await self._services.chats.recall(key)
        if kept is None:
            outcome = await self._imported(one, data, now)
            if isinstance(outcome, DataError):
                return await self._refuse(one, outcome.user_text, content)
            if not isinstance(outcome, ImportReceipt):
                return False
            kept = {"line": _line(one, outcome), "changed": one.changed, "at": now.isoformat()}
            await self._services.chats.remember(key, kept, now)
        await self._tell(_told(one, kept), "done", one, content.hexdigest())
        await asyncio.to_thread(put_away, one, DONE, content.hexdigest()[:8])
        return True

    async def _imported(
        self, one: Waiting, data: bytes, now: datetime
    ) -> ImportReceipt | DataError | None:
        """Import it; None: it is left, and owners hear what is missing."""
        services = self._services
        try:
            outcome = await import_file(
                one.name, data, await asyncio.to_thread(read_answers, one), services, ACTOR, now,
                file_limits(services.settings),
            )  # fmt: skip
        except DataError as error:
            return error
        except RequestError as error:
            await self._leave(one, f"{one.shown} waits in the import folder: {error.user_text}")
            return None
        except AppError as error:  # something is down: the next look tries again
            log.warning("import_waits", file=one.shown, error=error.user_text)
            return None
        if isinstance(outcome, ImportQuestion):
            await self._leave(one, _asked(one, outcome))
            return None
        return outcome

    async def _leave(self, one: Waiting, text: str) -> None:
        """Let a file lie until it or its answers change."""
        asked = f"{one.answers_changed}:{text}"  # with other answers it may be asked again
        await self._tell(text, "asked", one, hashlib.sha256(asked.encode()).hexdigest())
        self._left[one.name] = one

    async def _refuse(self, one: Waiting, reason: str, content: Any) -> bool:
        text = f"{one.shown} was not imported and lies in {REFUSED}/: {reason}"
        await self._tell(text, REFUSED, one, content.hexdigest())
        mark = content.hexdigest()[:8]
        await asyncio.to_thread(put_away, one, REFUSED, mark, reason.replace("\n", " "))
        return True

    async def _tell(self, text: str, what: str, one: Waiting, content: str) -> None:
        """Owe owners a line, once for this file as it lies there."""
        log.info("import_folder", file=one.shown, what=what)
        key = f"import:{what}:{content[:32]}:{one.changed}"
        await notify_owners({"text": text, "silent": what == "done"}, key, self._services)

    def _most(self) -> int:
        return self._services.settings.import_max_mb * _MB


def _whole(one: Waiting, most: int) -> bytes | None:
    """Return a file's bytes; None: it changed meanwhile, or is gone. DataError: too large."""
    if one.size > most:
        raise DataError(
            f"it has {one.size / _MB:.1f} MB, more than {most // _MB} (IMPORT_MAX_MB)."
        )
    try:
        data = one.path.read_bytes()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise DataError("it may not be read by this program.") from error
    return data if seen(one.path) == one and len(data) == one.size else None


def _line(one: Waiting, receipt: ImportReceipt) -> str:
    quality = receipt.quality
    when = ""
    if quality.first is not None and quality.last is not None:
        when = f", {quality.first:%Y-%m-%d} – {quality.last:%Y-%m-%d}"
    return (
        f"{one.shown} imported: {receipt.symbol} {receipt.timeframe}, {receipt.added} bars added, "
        f"{receipt.replaced} replaced{when}, clock {receipt.zone}, quality {quality.score:.0%}"
    )


def _told(one: Waiting, kept: dict[str, Any]) -> str:
    """Return the line of an import, or that the same file was imported before."""
    if kept["changed"] == one.changed:
        return str(kept["line"])
    return (
        f"{one.shown} was imported before ({kept['at'][:10]}), so not again; it lies in {DONE}/."
    )


def _asked(one: Waiting, question: ImportQuestion) -> str:
    """Return what a file doesn't tell, and the two ways to say it."""
    first = question.choices[0]
    option, answer = f"{_OPTIONS.get(question.field)} {shlex.quote(first)}", first
    if question.field == "day_first":
        option, answer = f"--{first.replace(' ', '-')}", "true"
    return (
        f"{one.shown} waits in the import folder. {question.text} "
        f"({', '.join(question.choices[:6])})\n"
        f"Write it into {one.shown}{ANSWERS} beside it, like `{question.field}: {answer}`, or "
        f"import it by hand: scout import {shlex.quote(one.shown)} {option}"
    )
