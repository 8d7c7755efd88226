"""`scout health` and `scout live`: whether everything works, and what is watched."""

from collections import Counter
from typing import Annotated

import typer

from flows import live_text as words
from flows.cli_app import FAILURE, app, run_command, say
from flows.health import Health, connected, health, scanner_of
from flows.live_status import live_status
from flows.services import Services
from pipeline.domain.live import LIVE
from pipeline.live.health import Light, judge_feed
from pipeline.live.wall_clock import day_bounds

live = typer.Typer(help="Live watching.", no_args_is_help=True)
app.add_typer(live, name="live")


@app.command(name="health")
def health_command() -> None:
    """Look at processes, feed, latency, outbox and services; exit code 1 if anything is red."""

    async def look(services: Services) -> int:
        found = await health(services, services.settings.timezone)
        say(health_lines(found))
        return FAILURE if found.light is Light.RED else 0

    run_command(look)


def health_lines(found: Health) -> list[str]:
    """Return one line for each thing, with its light as a word."""
    return [f"{line.light.name.lower():<6} {line.name}: {line.words}" for line in found.lines]


@live.command()
def status(
    chat: Annotated[int | None, typer.Option(help="show all settings of this chat")] = None,
) -> None:
    """Show the feed, today's signals, and what each chat watches."""

    async def look(services: Services) -> int:
        if chat is None:
            return say(await everyone_lines(services))
        found = await live_status(chat, services)
        return say(f"{title}: {line}" for title, line in words.status_lines(found))

    run_command(look)


async def everyone_lines(services: Services) -> list[str]:
    """Return feed, counts and rules, then a line for each chat that ever asked for alerts."""
    now = services.clock()
    watches = await services.watches.everyone()
    scanner = scanner_of(await services.health.pulses(), now)
    watched = any(watch.on for watch in watches)
    feed = judge_feed(scanner, connected=connected(services), watched=watched, now=now)
    signals = await services.signals.between(LIVE, *day_bounds(services.settings.timezone, now))
    rules = await services.watches.rules()
    return [
        f"Feed: {feed.words}",
        f"Today: {words.counts_words(Counter(s.decision.decision for s in signals))}",
        *(f"Gate: {line}" for line in words.gate_lines(rules)),
        f"Cooldown: {words.cooldown_words(rules)}",
        *(f"Chat {watch.chat_id}: {words.watching_words(watch)}" for watch in watches),
    ]
