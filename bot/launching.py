"""Starting runs from the chat, once for each message and press, whatever arrives twice."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot import views_report, views_runs
from bot.commands import normalise, rest_of
from bot.examples import examples
from bot.layout import View
from bot.references import note_refusal
from bot.texts import en
from flows import control
from flows.backtest import BACKTEST
from flows.backtest_text import command_of
from flows.deployments import run_now
from flows.fetch_offer import fetch_offers
from flows.services import Services
from pipeline.domain.errors import BadRequestError, MissingBarsError
from pipeline.domain.request import Actor, Run

OLD_AFTER: Final = timedelta(minutes=1)
OFFERS: Final = 4


class Launches:
    """Starts runs; each key starts one, also when an update comes again after a crash.

    A key is chat:message:action. `press` tells apart two presses of one button: the second is
    refused while the first's run lasts, the same one (redelivered) for ever.
    """

    def __init__(self, services: Services, poke: Callable[[], None]) -> None:
        self._services = services
        self._poke = poke
        self._lock = asyncio.Lock()

    async def start(self, text: str, actor: Actor, key: str, press: str = "") -> View | None:
        """Launch what `text` asks for; None if accepted, as the progress message tells so."""
        text = normalise(text)
        if not rest_of(text) and control.story_of_text(text) is BACKTEST:
            shown = await examples(self._services)
            return views_runs.usage(shown, await self._kept(shown, actor))
        try:
            return await self._once(
                key, press, actor, lambda: control.launch_text(text, actor, self._services)
            )
        except BadRequestError as error:
            return await self.refused(error, text, actor)

    async def refused(self, error: BadRequestError, text: str, actor: Actor) -> View:
        """Return what is said of a wrong command, with the corrected ones as buttons."""
        error.corrected = error.corrected or corrected(text, error)
        offers = await self._kept(offered(error), actor, error.closest)
        if isinstance(error, MissingBarsError):
            offers = [*await self._fetches(error, text, actor), *offers]
        return views_runs.refused(error, offers, note_refusal(error, actor.user_id))

    async def _fetches(
        self, error: MissingBarsError, text: str, actor: Actor
    ) -> list[tuple[str, str]]:
        """Return the buttons that fetch what is missing and then do what was asked."""
        found = await fetch_offers(error.wanted, text, self._services)
        return [
            (en.fetch_offer(each.title, each.lasting), await self.keep(each.command, actor))
            for each in found
        ]

    async def rerun(self, run_id: str, actor: Actor, key: str, press: str = "") -> View | None:
        """Launch a run again; None if accepted."""
        return await self._once(
            key, press, actor, lambda: control.rerun(run_id, actor, self._services)
        )

    async def deployment(self, name: str, actor: Actor, key: str, press: str = "") -> View | None:
        """Start a deployment's run; None if accepted."""
        return await self._once(key, press, actor, lambda: run_now(name, actor, self._services))

    async def keep(self, text: str, actor: Actor) -> str:
        """Keep a command for a button and return its token."""
        token = secrets.token_urlsafe(9)
        value = {"text": text, "chat_id": actor.chat_id}
        await self._services.chats.remember(f"command:{token}", value, self._services.clock())
        return token

    async def kept(self, token: str, actor: Actor) -> str | None:
        """Return a button's command; None if it is not this chat's."""
        value = await self._services.chats.recall(f"command:{token}")
        return str(value["text"]) if value and value["chat_id"] == actor.chat_id else None

    async def variants(self, run: Run, actor: Actor) -> View:
        """Return neighbouring tests of a run as buttons."""
        commands = [command for _, command in views_report.variants(run.request)]
        return views_report.change(run.request, [await self.keep(c, actor) for c in commands])

    async def _kept(
        self, commands: Sequence[str], actor: Actor, names: Sequence[str] = ()
    ) -> list[tuple[str, str]]:
        shown = names or commands
        return [
            (name, await self.keep(command, actor))
            for name, command in zip(shown, commands, strict=False)
        ]

    async def _go(self, plan: control.DryRunPlan, actor: Actor) -> list[tuple[str, str]]:
        """Return the button that runs a plan."""
        options = plan.request.options.model_copy(update={"dry_run": False})
        request = plan.request.model_copy(update={"options": options})
        command = command_of(request.model_dump(mode="json"))
        return [(en.BUTTON_RUN_NOW, await self.keep(command, actor))]

    async def _once(
        self,
        key: str,
        press: str,
        actor: Actor,
        launch: Callable[[], Awaitable[Run | control.DryRunPlan]],
    ) -> View | None:
        chats, now = self._services.chats, self._services.clock()
        async with self._lock:
            earlier = await self._earlier(key, press, actor)
            if earlier is not None:
                return views_runs.started_already(earlier)
            note = {"at": now.isoformat(), "press": press}
            await chats.remember(key, note, now)
            try:
                result = await launch()
            except Exception:
                await chats.take(key)
                raise
            if not isinstance(result, Run):
                await chats.take(key)
                return views_runs.plan_only(
                    result.model_dump(mode="json"), await self._go(result, actor)
                )
            await chats.remember(key, {**note, "run_id": result.run_id}, now)
        self._poke()
        return None

    async def _earlier(self, key: str, press: str, actor: Actor) -> Run | None:
        """Return the run that this key has started and that forbids another."""
        note = await self._services.chats.recall(key)
        if note is None:
            return None
        if "run_id" in note:
            run = await self._services.runs.get(str(note["run_id"]))
        else:  # the process died between the note and the launch, or right after the launch
            run = await self._since(datetime.fromisoformat(note["at"]), actor)
        again = note.get("press") == press
        return run if run is not None and (again or not run.status.ended) else None

    async def _since(self, at: datetime, actor: Actor) -> Run | None:
        runs = await self._services.runs.newest(20, user_id=actor.user_id)
        mine = [r for r in runs if r.created_at >= at and r.actor.chat_id == actor.chat_id]
        return mine[-1] if mine else None


def offered(error: BadRequestError) -> list[str]:
    """Return the corrected command for each of the closest values, nearest first."""
    if not error.corrected or not error.closest:
        return []
    found = re.search(rf"(?<!\S){re.escape(error.closest[0])}(?!\S)", error.corrected)
    if found is None:
        return [error.corrected]
    start, end = found.span()
    command = error.corrected
    return [f"{command[:start]}{value}{command[end:]}" for value in error.closest[:OFFERS]]


def corrected(text: str, error: BadRequestError) -> str:
    """Return the command with the wrong word replaced by the closest valid one, if it is there."""
    if not error.value or not error.closest:
        return ""
    word = re.compile(rf"(?<!\S){re.escape(error.value)}(?!\S)", re.IGNORECASE)
    found = word.search(text)
    return text[: found.start()] + error.closest[0] + text[found.end() :] if found else ""


def is_old(sent: datetime, now: datetime) -> bool:
    """Tell whether a command waited so long that it may no longer be wanted."""
    return now - sent > OLD_AFTER
