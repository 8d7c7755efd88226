"""What /deployments and its buttons do, and what is shown of it."""

from bot import views_deployments, views_runs
from bot.keyboards import digest
from bot.keyboards_deployments import DeploymentCb
from bot.launching import Launches
from bot.layout import View
from bot.texts import en_deployments as en
from flows.deployment_adding import add_deployment, apply_one
from flows.deployment_templates import TEMPLATES, read_options
from flows.deployments import deployment_line, deployment_lines, set_paused
from flows.services import Services
from pipeline.domain.errors import AppError
from pipeline.domain.request import Actor


async def everything(services: Services) -> View:
    """Return the list."""
    lines = await deployment_lines(services)
    return views_deployments.listed(lines, services.settings.timezone)


async def details(name: str, services: Services) -> View:
    """Return all about one."""
    line = await deployment_line(name, services)
    return views_deployments.one(line, services.settings.timezone)


async def asked(
    words: list[str], actor: Actor, services: Services, launches: Launches, key: str
) -> View | None:
    """Do what the words behind /deployments say; None: a run was accepted and tells of itself.

    Raises
    ------
    AppError
        No such deployment, template or option, or START refuses the run.
    """
    match words:
        case []:
            return await everything(services)
        case ["pause" | "resume" as word, name]:
            await set_paused(name, actor, services, paused=word == "pause")
            return await details(name, services)
        case ["run", name]:
            return await launches.deployment(name, actor, key)
        case ["new", name, template, *options]:
            spec = await add_deployment(name, template, read_options(options), services)
            await apply_one(spec, services, actor)
            return await details(name, services)
        case [name] if name != "new":
            return await details(name, services)
    lines = {name: template.line for name, template in TEMPLATES.items()}
    return views_runs.notice(f"{en.templates(lines)}\n\n{en.HOW}")


async def named(data: DeploymentCb, services: Services) -> str:
    """Return the name behind a button.

    Raises
    ------
    AppError
        It is no longer registered.
    """
    for entry in await services.deployments.all():
        if digest(entry.name) == data.of:
            return entry.name
    raise AppError(en.GONE)
