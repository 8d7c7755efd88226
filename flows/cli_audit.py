"""`scout audit`: the newest of the trail, and whether it is what was written."""

from typing import Annotated

import typer

from flows.cli_app import FAILURE, app, print_lines, run_command, say
from flows.services import Services
from pipeline.domain.request import AuditEvent

trail = typer.Typer(help="The trail of all that was asked.", no_args_is_help=True)
app.add_typer(trail, name="audit")


@trail.command("list")
def list_(
    last: Annotated[int, typer.Option(min=1, max=10_000, help="how many (count)")] = 20,
    run: Annotated[str | None, typer.Option(help="only of this run")] = None,
) -> None:
    """Show the newest events of the trail, newest first."""
    run_command(
        lambda services: print_lines(
            services.audit.newest(last, run), lambda found: map(_line, found)
        )
    )


@trail.command()
def verify(
    head: Annotated[
        str, typer.Option(help="a hash noted earlier: its trail must be the beginning of this one")
    ] = "",
) -> None:
    """Check the trail's hash chain from its first event to its last."""
    run_command(lambda services: _verify(head.strip().lower(), services))


async def _verify(head: str, services: Services) -> int:
    found = await services.audit.verify(head)
    say([f"{found.events} events are as they were written; the last is number {found.last}."])
    if found.whole:
        return say([f"Head: {found.head}", "Note it elsewhere: it stands for all before it."])
    say([f"NOT WHOLE: {found.fault}."])
    return FAILURE


def _line(event: AuditEvent) -> str:
    who = event.actor.name or event.actor.user_id or ""
    said = f"  {event.reason}" if event.reason else ""
    run = f"  {event.run_id}" if event.run_id else ""
    when = f"{event.at:%Y-%m-%d %H:%M:%S}Z"
    return f"{when}  {event.actor.channel.value} {who}  {event.action}  {event.verdict}{run}{said}"
