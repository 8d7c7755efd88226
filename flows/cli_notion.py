"""`scout notion`: the journal's database made and checked."""

from typing import Annotated

import typer

from flows.cli_app import FAILURE, app, run_command, say
from flows.journal_desk import check_journal, check_lines, standing, standing_lines
from flows.services import Services

notion = typer.Typer(help="The journal in Notion.", no_args_is_help=True)
app.add_typer(notion, name="notion")


@notion.command()
def setup(page: Annotated[str, typer.Argument(help="link or id of the page to hold it")]) -> None:
    """Make the journal's database in a page, or add columns it lacks; try what it may do."""
    run_command(lambda services: _checked(services, page))


@notion.command()
def check() -> None:
    """Tell step by step whether the journal can be written, and what is owed."""
    run_command(_check)


async def _check(services: Services) -> int:
    code = await _checked(services)
    say(standing_lines(await standing(services)))
    return code


async def _checked(services: Services, page: str = "") -> int:
    found = await check_journal(services, make_in=page)
    say(check_lines(found, services.settings.notion_database))
    return 0 if found.ready else FAILURE
