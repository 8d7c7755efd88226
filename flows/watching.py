"""What chats want of live watching, and the rules for all; every change is in the trail."""

import asyncio
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

from flows.services import Services
from flows.start_checks import known_words
from flows.trail import write_trail
from pipeline.domain.errors import AppError
from pipeline.domain.request import Actor
from pipeline.domain.watch import LiveRules, Watch
from pipeline.live.wishes import RuleWish, Wish
from pipeline.live_settings_words import Look, parse_live
from storage.live_ports import WatchStore

_turns: WeakKeyDictionary[WatchStore, asyncio.Lock] = WeakKeyDictionary()
"""One change at a time: each reads, changes and writes."""


async def watch_of(chat_id: int, services: Services) -> Watch:
    """Return a chat's wishes; of one that never had any: off, in the installation's zone."""
    kept = await services.watches.get(chat_id)
    return kept or Watch(chat_id=chat_id, on=False, zone=services.settings.timezone)


async def change_watch(chat_id: int, wish: Wish, actor: Actor, services: Services) -> Watch:
    """Change a chat's wishes and return them as they are now.

    Raises
    ------
    BadRequestError
        It can't be; the trail has the refusal, and nothing changed.
    """
    async with _turn(services):
        now = services.clock()
        try:
            watch = wish.change(await watch_of(chat_id, services), now)
        except AppError as error:
            await _note(services, actor, wish, chat_id, refusal=error)
            raise
        await services.watches.put(watch, now)
        await _note(services, actor, wish, chat_id)
        return watch


async def change_rules(wish: RuleWish, actor: Actor, services: Services) -> LiveRules:
    """Change the rules for all chats and return them; raises as `change_watch` does.

    Notes
    -----
    Who may do this is the front end's to say: the chat lets owners only.
    """
    async with _turn(services):
        try:
            rules = wish.change(await services.watches.rules())
        except AppError as error:
            await _note(services, actor, wish, None, refusal=error)
            raise
        await services.watches.put_rules(rules, services.clock())
        await _note(services, actor, wish, None)
        return rules


async def move_watch(old: int, new: int, services: Services) -> None:
    """Let a group that became a supergroup keep its wishes, and hear of each signal once.

    Wishes that the supergroup has already made for itself win over those of the group.
    """
    async with _turn(services):
        watch, now = await services.watches.get(old), services.clock()
        if watch is None:
            return
        if await services.watches.get(new) is None:
            await services.watches.put(watch.model_copy(update={"chat_id": new}), now)
        await services.watches.put(watch.model_copy(update={"on": False}), now)


async def obey(
    text: str, chat_id: int, actor: Actor, services: Services
) -> tuple[Look | Wish | RuleWish, Watch | LiveRules]:
    """Do what a /live command wishes; return the wish and the settings that it is about, as now.

    Raises
    ------
    BadRequestError
        Naming field, value and the closest valid values; the trail has the refusal.
    """
    try:
        wish = parse_live(text, await known_words(services))
    except AppError as error:
        await write_trail(services, actor, "live", {"text": text[:500]}, refusal=error)
        raise
    if isinstance(wish, Look):
        return wish, await watch_of(chat_id, services)
    if isinstance(wish, RuleWish):
        return wish, await change_rules(wish, actor, services)
    return wish, await change_watch(chat_id, wish, actor, services)


def _turn(services: Services) -> asyncio.Lock:
    return _turns.setdefault(services.watches, asyncio.Lock())


async def _note(
    services: Services,
    actor: Actor,
    wish: Wish | RuleWish,
    chat_id: int | None,
    *,
    refusal: AppError | None = None,
) -> None:
    what = {"wish": type(wish).__name__, "chat_id": chat_id, **_plain(wish)}
    await write_trail(services, actor, "live", what, refusal=refusal)


def _plain(wish: Any) -> dict[str, Any]:
    """Return a wish as JSON takes it."""
    return {key: str(v) if isinstance(v, timedelta) else v for key, v in asdict(wish).items()}
