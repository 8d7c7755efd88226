"""`scout models`: versions of models, which are in use, and how that is changed."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Annotated

import typer

from flows.cli_app import actor, app, run_command, say
from flows.models import ModelShelf, keep_models, promote, roll_back, shadow, shelves, switch_ab
from flows.services import Services
from pipeline.domain.model import ModelStanding, ModelVersion

models = typer.Typer(help="Models that score signals.", invoke_without_command=True)
app.add_typer(models, name="models")
NO_MODELS = "No models yet: scout train makes one."
Id = Annotated[str, typer.Argument(metavar="ID", help="the model, e.g. signal_classifier")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="e.g. v2.0")]


@models.callback()
def list_models(context: typer.Context) -> None:
    """List the versions of each model and which are in use."""
    if context.invoked_subcommand is not None:
        return

    async def show(services: Services) -> int:
        found = await shelves(services)
        return (
            say(line for shelf in found for line in shelf_lines(shelf))
            if found
            else say([NO_MODELS])
        )

    run_command(show)


@models.command(name="promote")
def promote_command(
    model_id: Id,
    version: Version,
    *,
    force: Annotated[bool, typer.Option("--force", help="also against the gate")] = False,
) -> None:
    """Put a version in use, if the gate found it better than what is in use now."""
    _change(lambda services: promote(model_id, version, actor(), services, forced=force))


@models.command(name="shadow")
def shadow_command(model_id: Id, version: Version) -> None:
    """Let a version score every live signal beside the one in use."""
    _change(lambda services: shadow(model_id, version, actor(), services))


@models.command(name="rollback")
def rollback_command(
    model_id: Id,
    to: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="default: the one before")
    ] = None,
) -> None:
    """Put a former version in use again: the one before, or one that is named; none: no model."""
    target = "" if to == "none" else to
    _change(lambda services: roll_back(model_id, actor(), services, to=target))


@models.command(name="ab")
def ab_command(
    model_id: Id, state: Annotated[str, typer.Argument(metavar="on|off", help="on or off")]
) -> None:
    """Turn the comparison of champion and challenger on or off."""
    if state not in ("on", "off"):
        raise typer.BadParameter("say on or off")
    _change(
        lambda services: switch_ab(model_id, on=state == "on", actor=actor(), services=services)
    )


@models.command(name="keep")
def keep_command(
    count: Annotated[int, typer.Argument(metavar="N", help="how many of the newest stay")],
    model_id: Annotated[str | None, typer.Option("--model", help="default: all")] = None,
) -> None:
    """Remove old versions but the newest N; whatever is or ever was in use stays."""

    async def keep(services: Services) -> int:
        for name in [model_id] if model_id else await services.models.models():
            gone = await keep_models(name, count, actor(), services)
            say([f"{name}: removed {', '.join(gone) if gone else 'nothing'}"])
        return 0

    run_command(keep)


def _change(change: Callable[[Services], Awaitable[ModelStanding]]) -> None:
    async def run(services: Services) -> int:
        return say([standing_line(await change(services))])

    run_command(run)


def shelf_lines(shelf: ModelShelf) -> Iterator[str]:
    """Give the line of what is in use, then one for each version, newest first."""
    yield standing_line(shelf.standing)
    for version in shelf.versions:
        yield f"  {version_line(version, shelf.standing)}"


def standing_line(standing: ModelStanding) -> str:
    """Return which versions are in use, in one line."""
    words = [f"{standing.model_id}: {standing.champion or 'no model'} in use"]
    if standing.challenger:
        words.append(f"{standing.challenger} beside it ({'on' if standing.ab else 'off'})")
    if standing.champion:
        words.append(f"a roll back returns to {standing.previous or 'no model'}")
    return ", ".join(words)


def version_line(version: ModelVersion, standing: ModelStanding) -> str:
    """Return a version, when it was made, what the gate said, and its part."""
    parts = {
        standing.champion: "champion", standing.challenger: "challenger",
        standing.previous: "previous",
    }  # fmt: skip
    words = [version.version, _day(version.created_at), gate_words(version)]
    return "  ".join([*words, parts.get(version.version, "")]).rstrip()


def gate_words(version: ModelVersion) -> str:
    """Return what the gate said of a version, with its AUC where it is known."""
    verdict = version.verdict
    if verdict is None:
        return "not judged"
    auc = verdict.challenger.roc_auc
    figure = "" if auc is None else f", AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]"
    return ("passed" if verdict.promoted else "turned down") + figure


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
