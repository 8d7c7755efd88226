"""Tokens of the HTTP entry on the command line: new, list, revoke."""

from typing import Annotated

import typer

from flows import tokens
from flows.cli_app import actor, app, print_lines, run_command, say
from flows.services import Services
from pipeline.domain.entry import ApiToken

group = typer.Typer(help="Who may use the HTTP entry.", no_args_is_help=True)
app.add_typer(group, name="tokens")


@group.command()
def new(
    name: str,
    user: Annotated[int, typer.Option(help="whose requests they are: an id of scout users")],
    role: Annotated[str, typer.Option(help="viewer, trader or owner")] = "trader",
) -> None:
    """Make a token and print it, this once."""

    async def make(services: Services) -> int:
        secret, made = await tokens.new_token(name, user, role, actor(), services)
        return say([secret, f"for user {made.user_id}, {made.role}; it is not shown again"])

    run_command(make)


@group.command(name="list")
def list_tokens() -> None:
    """List the tokens, without their secrets."""
    run_command(lambda services: print_lines(
        services.tokens.all(), lambda found: [token_line(token) for token in found]
    ))  # fmt: skip


@group.command()
def revoke(name: str) -> None:
    """End a token for good."""

    async def end(services: Services) -> int:
        await tokens.revoke_token(name, actor(), services)
        return say([f"{name} works no more"])

    run_command(end)


def token_line(token: ApiToken) -> str:
    """Return a token in one line."""
    state = "works" if token.revoked_at is None else f"revoked {token.revoked_at:%Y-%m-%d %H:%M}"
    made = f"made {token.created_at:%Y-%m-%d %H:%M}"
    return f"{token.name}  user {token.user_id}  {token.role}  {made}  {state}"
