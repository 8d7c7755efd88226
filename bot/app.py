"""The bot process put together: Telegram's two sides, the lease, start and orderly end."""

import asyncio
import signal
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

import structlog
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer

from bot import commands
from bot.access import Access
from bot.alerts import Alerts
from bot.allowance import Moderation
from bot.delivery import Courier
from bot.handlers import (
    ask,
    compare,
    data,
    deployments,
    errors,
    inspect,
    journal,
    labels,
    live,
    logs,
    models,
    profile,
    quarantine,
    runs,
    schedules,
    setup_check,
    setups,
    signals,
    sources,
    system,
    tools,
    week,
    why,
    words,
)
from bot.inspecting import Inspections
from bot.launching import Launches
from bot.noticing import Noticing
from bot.pacing import Pacer
from bot.poller import Poller
from bot.requests import Pacing, Patience
from bot.sending import Sender
from bot.updates import LOOK, LOOK_SELDOM, KeptUpdates
from bot.webhook import Webhook
from flows.health_monitor import HealthMonitor
from flows.measuring import keep_measuring
from flows.owners import issue_owner_code
from flows.pulse import Heart
from flows.ready import announce_ready
from flows.recovery import recover_often
from flows.services import Services, open_services
from flows.settings import Settings
from flows.turn import Turn
from flows.watching import move_watch
from pipeline.domain.errors import AppError

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=15)
RENEW: Final = 5.0  # seconds
DRAIN: Final = 8.0  # seconds that handlers and deliveries get at the end
REQUEST_LIMIT: Final = 30.0  # seconds for one request to Telegram
START_PAUSES: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows has no such handlers
            loop.add_signal_handler(name, stop.set)
    async with open_services(settings, computes=False) as services:
        await serve(services, stop)


async def serve(services: Services, stop: asyncio.Event) -> None:
    """Poll and deliver until `stop` is set, then let what is under way end."""
    await announce_owner_code(services)
    app = build(services)
    loops = [
        asyncio.create_task(app.turn.keep()),
        asyncio.create_task(introduce(app.replies, app.webhook)),
        *(asyncio.create_task(intake.run()) for intake in app.intakes),
        asyncio.create_task(app.courier.run()),
        asyncio.create_task(app.heart.keep()),
        asyncio.create_task(keep_measuring(services)),
        asyncio.create_task(HealthMonitor(services).keep()),
    ]
    if services.settings.prefect_api_url is None:  # then runs are executed here
        loops.append(asyncio.create_task(recover_often(services)))
    announce_ready()
    try:
        await stop.wait()
    finally:
        log.info("stopping", limit=DRAIN)
        await _end(loops[1:])
        parts: tuple[Intake | Courier | Inspections, ...] = (app.courier, app.inspections)
        await asyncio.gather(*(part.drain(DRAIN) for part in (*app.intakes, *parts)))
        await _end(loops[:1])
        await app.close()
        log.info("stopped")


class Intake(Protocol):
    """Where updates or requests come in."""

    async def run(self) -> None:
        """Take them until cancelled."""
        ...

    async def drain(self, limit: float) -> None:
        """Let what is under way end, `limit` seconds at most."""
        ...


@dataclass(frozen=True)
class App:
    """The parts of the running bot."""

    replies: Bot
    deliveries: Bot
    dispatcher: Dispatcher
    intakes: tuple[Intake, ...]
    webhook: Webhook | None
    courier: Courier
    turn: Turn
    heart: Heart
    inspections: Inspections

    async def close(self) -> None:
        """Say goodbye, give the lease back and close the connections."""
        await self.heart.stop()
        await self.turn.release()
        await self.replies.session.close()
        await self.deliveries.session.close()


def build(services: Services) -> App:
    """Put the parts together. Handlers' requests are patient, deliveries keep their own count."""
    pacer = Pacer()
    pacing = Pacing(pacer)
    replies, deliveries = make_bot(services.settings), make_bot(services.settings)
    replies.session.middleware(Patience())
    for bot in (replies, deliveries):
        bot.session.middleware(pacing)
    owner = f"bot-{uuid.uuid4().hex[:8]}"
    turn = Turn(services.lease, "poller", owner, ttl=LEASE, renew=RENEW)
    alerts = Alerts(deliveries, services)
    courier = Courier(
        Sender(deliveries, services.archive, alerts.kinds),
        services.outbox,
        services.chats,
        clock=services.clock,
        may_send=lambda: turn.ours,
        pacer=pacer,
        given_up=alerts.given_up,
        moved=lambda old, new: move_watch(old, new, services),
    )
    dispatcher = make_dispatcher(services, courier)
    intakes, webhook = make_intakes(services, replies, dispatcher, turn)
    heart = Heart("bot", services, lambda: {"active": turn.ours})
    shown = dispatcher["inspections"]
    return App(replies, deliveries, dispatcher, intakes, webhook, courier, turn, heart, shown)


def make_intakes(
    services: Services, bot: Bot, dispatcher: Dispatcher, turn: Turn
) -> tuple[tuple[Intake, ...], Webhook | None]:
    """Return where updates come from: fetched by who has the turn, or sent to the webhook.

    What was sent to a webhook before and is kept is handled either way.
    """
    hooked = services.settings.webhook_url is not None
    kept = KeptUpdates(
        bot, dispatcher, services.inbox, turn.owner, services.clock,
        look=LOOK if hooked else LOOK_SELDOM,
    )  # fmt: skip
    entries: tuple[Intake, ...] = ()
    if services.settings.http_in == "bot" and services.settings.http_address is not None:
        from flows.http.server import HttpEntry  # noqa: PLC0415  (FastAPI, for those who want it)

        entries = (HttpEntry(services, services.settings.http_address),)
    if not hooked:
        return (Poller(bot, dispatcher, lambda: turn.ours), kept, *entries), None
    webhook = Webhook(services.settings, services.inbox, services.clock, kept.poke)
    return (webhook, kept, *entries), webhook


def make_bot(settings: Settings) -> Bot:
    """Return a client for Telegram or for the server that the settings name."""
    if settings.telegram_bot_token is None:
        raise AppError("TELEGRAM_BOT_TOKEN is not set; get a token from @BotFather.")
    base = settings.telegram_api_base
    api = TelegramAPIServer.from_base(base) if base else PRODUCTION
    session = AiohttpSession(api=api, timeout=REQUEST_LIMIT)
    return Bot(settings.telegram_bot_token.get_secret_value(), session=session)


def make_dispatcher(services: Services, courier: Courier) -> Dispatcher:
    """Return the dispatcher with its routers; one access check stands before all of them."""
    dispatcher = Dispatcher(
        disable_fsm=True, services=services, launches=Launches(services, courier.poke),
        inspections=Inspections(services),
    )  # fmt: skip
    access = Access(services)
    dispatcher.message.outer_middleware(access)
    dispatcher.callback_query.outer_middleware(access)
    moderation = Moderation(services)
    dispatcher.message.middleware(moderation)
    dispatcher.callback_query.middleware(moderation)
    dispatcher.message.middleware(Noticing())
    routers = (
        errors.router,
        live.router,
        logs.router,
        models.router,
        deployments.router,
        runs.router,
        schedules.router,
        compare.router,
        profile.router,
        setup_check.router,
        labels.router,
        data.router,
        setups.router,
        signals.router,
        sources.router,
        quarantine.router,
        inspect.router,
        journal.router,
        tools.router,
        why.router,
        ask.router,
        week.router,
        system.router,
        words.router,
    )
    for router in (*routers, system.fallback):
        router._parent_router = None  # noqa: SLF001  (routers are modules' own; an app takes them over)
        dispatcher.include_router(router)
    return dispatcher


async def introduce(bot: Bot, webhook: Webhook | None = None) -> None:
    """Say how updates are to come, learn the bot's own name, set the menu; trying for ever."""
    if webhook is None:
        await insistently("delete_webhook", bot.delete_webhook)
    else:
        await insistently("set_webhook", lambda: webhook.tell_telegram(bot))
    me = await insistently("get_me", bot.me)
    log.info("telegram_reached", username=me.username, bot_id=me.id)
    await insistently("set_my_commands", lambda: bot.set_my_commands(commands.menu()))


async def insistently(what: str, call: Callable[[], Awaitable[Any]]) -> Any:
    """Call until it succeeds, with growing pauses."""
    attempt = 0
    while True:
        try:
            return await call()
        except Exception as error:  # noqa: BLE001  (Telegram down, HTML, wrong token: wait)
            pause = START_PAUSES[min(attempt, len(START_PAUSES) - 1)]
            log.warning(
                "telegram_unreachable", error=type(error).__name__, what=what, retry_in=pause
            )
            attempt += 1
            await asyncio.sleep(pause)


async def announce_owner_code(services: Services) -> None:
    """Print the one-time owner code, if nobody is owner; it is kept in SCOUT_HOME/owner_code."""
    owners = services.settings.owner_ids
    code = await issue_owner_code(owners, services.chats, services.clock())
    path = services.settings.home / "owner_code"
    if code is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(code + "\n", encoding="utf-8")
    print(f"No owner yet. Send the bot this message to become owner: /start {code}", flush=True)  # noqa: T201


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
