"""Signals in a running chat: admitted as a scan admits them, found again as messages."""

import asyncio
import io
from datetime import timedelta
from typing import Any

from PIL import Image

from pipeline.domain.live import AlertFor, LiveSignal
from tests.kit.chat import Chat
from tests.kit.live_signals import hand_made
from tests.kit.sandbox import Json, buttons_of, text_of

COOLDOWN = timedelta(minutes=15)


def png(width: int = 540, height: int = 675) -> bytes:
    """Return a picture that Telegram would take."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (19, 23, 34)).save(out, "PNG")
    return out.getvalue()


async def admit(
    running: Chat, *chats: int, chart: bytes | None = b"", silent: bool = False, **changes: Any
) -> LiveSignal:
    """Admit a signal known a few seconds ago and owe it to chats, the owner's if none is named.

    `chart`: b"" draws one, None goes without, other bytes are what the archive holds.
    """
    services = running.services
    now = services.clock()
    draft = hand_made(now.replace(microsecond=0) - timedelta(seconds=2), **changes)
    if chart is not None:
        path = f"annotated/{draft.key.replace('|', '_')}.png"
        await services.archive.put(
            path, chart or png(), run_id=draft.run_id, role="alert", media_type="image/png"
        )
        draft = draft.model_copy(update={"chart": path})
    alerts = [AlertFor(chat_id=c, silent=silent) for c in chats or (running.owner.chat_id,)]
    admission = await services.signals.admit(draft, alerts, cooldown=COOLDOWN, now=now)
    assert admission.fresh
    return admission.record


def alerts_in(messages: list[Json], signal_id: str) -> list[Json]:
    """Return the messages that are this signal's alert: with its id and its buttons."""
    return [m for m in messages if signal_id in text_of(m) and labels(m)]


def labels(message: Json) -> list[str]:
    """Return the texts on a message's buttons."""
    return [str(button["text"]) for button in buttons_of(message)]


async def alert_of(person: Any, signal_id: str, *words: str, seconds: float = 30.0) -> Json:
    """Wait for a signal's alert, with these words in it."""
    found: Json = await person.wait_for(
        lambda m: bool(alerts_in([m], signal_id)) and all(w in text_of(m) for w in words), seconds
    )
    return found


async def nothing_owed(running: Chat, seconds: float = 45.0) -> None:
    """Wait until every delivery has gone, edits too."""
    async with asyncio.timeout(seconds):
        while await running.services.outbox.pending():
            await asyncio.sleep(0.05)
