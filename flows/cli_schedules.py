"""`scout schedules`: list, add, pause, resume, run and delete what is asked by itself."""

from collections.abc import Iterable
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from flows import schedule_desk as desk
from flows.cli_app import FREE_WORDS, actor, app, run_command, say
from flows.cli_runs import follow_run
from flows.control import find_run
from flows.services import Services

schedules = typer.Typer(help="What is asked by itself, and when.", invoke_without_command=True)
app.add_typer(schedules, name="schedules")
Name = Annotated[str, typer.Argument(help="a schedule's name")]


@schedules.callback()
def list_schedules(context: typer.Context) -> None:
    """List all schedules with their next time and what became of the last."""
    if context.invoked_subcommand is None:

        async def look(services: Services) -> int:
            zone = ZoneInfo(services.settings.timezone)
            found = await desk.lines(actor(), services)
            return say(text for line in found for text in schedule_lines(line, zone))

        run_command(look)


@schedules.command(context_settings=FREE_WORDS)
def add(
    words: Annotated[list[str], typer.Argument(help='"/backtest …" every weekday 22:30')],
) -> None:
    """Keep a new one: a command in quotes, when, and zone= overlap= catch_up= name=."""
    first, *rest = words
    text = " ".join((f'"{first}"' if " " in first else first, *rest))

    async def make(services: Services) -> int:
        line = await desk.make_schedule(text, actor(), services)
        return say(schedule_lines(line, ZoneInfo(services.settings.timezone)))

    run_command(make)


@schedules.command()
def pause(name: Name) -> None:
    """Let it rest; what comes due meanwhile is not made up for."""
    run_command(lambda services: _set_paused(name, services, paused=True))


@schedules.command()
def resume(name: Name) -> None:
    """Let it go on."""
    run_command(lambda services: _set_paused(name, services, paused=False))


@schedules.command()
def run(name: Name) -> None:
    """Ask for it now."""

    async def do(services: Services) -> int:
        done = await desk.run_now(name, actor(), services)
        if done.outcome != "launched":
            return say([f"{name}: {done.outcome}, {done.reason}"])
        return await follow_run(await find_run(done.run_id, services), services, wait=True)

    run_command(do)


@schedules.command()
def delete(name: Name) -> None:
    """Forget it; its runs stay."""

    async def do(services: Services) -> int:
        await desk.delete(name, actor(), services)
        return say([f"{name} is deleted"])

    run_command(do)


async def _set_paused(name: str, services: Services, *, paused: bool) -> int:
    await desk.set_paused(name, actor(), services, paused=paused)
    return say([f"{name} {'is paused' if paused else 'goes on'}"])


def schedule_lines(line: desk.Line, zone: ZoneInfo) -> Iterable[str]:
    """Give a schedule in two lines or three."""
    schedule = line.schedule
    where = f" {schedule.zone}" if schedule.cron else ""
    coming = (
        "paused"
        if line.next is None
        else f"next {line.next.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"
    )
    yield f"{schedule.name}: {line.times}{where}; {coming}"
    yield f"  {desk.asks(schedule)}"
    if line.last is not None:
        last = line.last
        words = " ".join(word for word in (last.outcome, last.run_id, last.reason) if word)
        yield f"  last {last.due.astimezone(zone):%a %Y-%m-%d %H:%M %Z}: {words}"
