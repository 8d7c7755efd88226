"""`scout deploy` and `scout deployments`: applying the file, and what is registered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from flows.cli_app import actor, app, print_lines, run_command, say
from flows.cli_runs import follow_run
from flows.deploying import Deployed, Registry, deploy
from flows.deployment_adding import add_deployment, entry_text
from flows.deployment_file import DeploymentFile, file_for, read_file
from flows.deployment_templates import TEMPLATES, read_options
from flows.deployment_text import deployed_lines, list_lines, shown_lines
from flows.deployments import deployment_line, deployment_lines, run_now, set_paused
from flows.launcher import PrefectLauncher
from flows.prefect_env import use_prefect_environment
from flows.services import Services

deployments = typer.Typer(help="What is registered.", invoke_without_command=True)
app.add_typer(deployments, name="deployments")
Name = Annotated[str, typer.Argument(metavar="NAME", help="of the deployment")]
NO_SERVER = (
    "No Prefect server answers: our registry and schedules alone are looked at; a worker tells "
    "Prefect when it is there."
)


@app.command(name="deploy")
def deploy_command(
    file: Annotated[
        Path | None, typer.Argument(help="default: deployments.yaml of the home, else the shipped")
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only tell what would change")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="also remove what is no longer in the file")
    ] = False,
    write_prefect_yaml: Annotated[
        Path | None, typer.Option(help="write prefect.yaml there, and apply nothing but its pools")
    ] = None,
) -> None:
    """Apply deployments.yaml: flows, pools, schedules, tags, parameters, versions."""

    async def run(services: Services) -> int:
        found = await asyncio.to_thread(read_file, file_for(services.settings.home, file))
        async with _registry(services) as registry:
            if write_prefect_yaml is not None:
                return await _write(write_prefect_yaml, found, services, registry)
            done = await deploy(found, services, actor(), registry, dry_run=dry_run, prune=prune)
        return say(_told(done, found, registry, dry_run=dry_run))

    run_command(run)


def _told(
    done: Deployed, file: DeploymentFile, registry: Registry | None, *, dry_run: bool
) -> list[str]:
    server = [] if registry is not None else [NO_SERVER]
    return [f"{file.path}:", *deployed_lines(done, dry_run=dry_run), *server]


async def _write(
    path: Path, file: DeploymentFile, services: Services, registry: Registry | None
) -> int:
    """Write prefect.yaml and make the pools, without which Prefect deploys nothing."""
    use_prefect_environment(services.settings)
    from flows.deployment_changes import entry_of  # noqa: PLC0415
    from flows.prefect_yaml import prefect_yaml  # noqa: PLC0415  (imports Prefect: 1.8 s)

    held = {entry.name: entry for entry in await services.deployments.all()}
    now = services.clock()
    entries = [entry_of(spec, held.get(spec.name), now) for spec in file.specs]
    await asyncio.to_thread(path.write_text, prefect_yaml(entries, file.path.name), "utf-8")
    if registry is not None:
        await registry.bring([], file.pools, dry_run=False)
    return say([f"{path}: {len(entries)} deployments", "Apply it with: prefect deploy --all"])


@asynccontextmanager
async def _registry(services: Services) -> AsyncIterator[Registry | None]:
    """Give Prefect's registry, or None where no server answers."""
    settings = services.settings
    if not isinstance(services.launcher, PrefectLauncher) or settings.prefect_api_url is None:
        yield None
        return
    use_prefect_environment(settings)
    from prefect.client.orchestration import PrefectClient  # noqa: PLC0415  (1.8 s)

    from flows.registry import PrefectRegistry  # noqa: PLC0415

    secret = settings.prefect_api_auth_string
    auth = secret.get_secret_value() if secret else None
    async with PrefectClient(settings.prefect_api_url, auth_string=auth) as client:
        yield PrefectRegistry(client)


@deployments.callback()
def list_default(context: typer.Context) -> None:
    """List what is registered, pause, resume, start, add."""
    if context.invoked_subcommand is None:
        _list()


@deployments.command(name="list")
def list_command() -> None:
    """List what is registered: status, last and next run."""
    _list()


def _list() -> None:
    run_command(
        lambda services: print_lines(
            deployment_lines(services), lambda found: list_lines(found, services.settings.timezone)
        )
    )


@deployments.command(name="show")
def show_command(name: Name) -> None:
    """Tell everything about one."""
    run_command(
        lambda services: print_lines(
            deployment_line(name, services),
            lambda line: shown_lines(line, services.settings.timezone),
        )
    )


@deployments.command(name="pause")
def pause_command(name: Name) -> None:
    """Keep it from starting by itself."""
    run_command(_pausing(name, paused=True))


@deployments.command(name="resume")
def resume_command(name: Name) -> None:
    """Let it start by itself again."""
    run_command(_pausing(name, paused=False))


def _pausing(name: str, *, paused: bool) -> Callable[[Services], Awaitable[int]]:
    async def change(services: Services) -> int:
        entry = await set_paused(name, actor(), services, paused=paused)
        return say([f"{entry.name} is {entry.status}"])

    return change


@deployments.command(name="run")
def run_command_now(
    name: Name, *, wait: Annotated[bool, typer.Option(help="wait for the end")] = True
) -> None:
    """Start it now, also while it is paused."""

    async def start(services: Services) -> int:
        run = await run_now(name, actor(), services)
        say([f"{run.run_id} was accepted"])
        return await follow_run(run, services, wait=wait)

    run_command(start)


@deployments.command(name="new")
def new_command(
    name: Name,
    template: Annotated[str, typer.Option(help=", ".join(TEMPLATES))],
    option: Annotated[list[str] | None, typer.Option(help="key=value, as often as needed")] = None,
) -> None:
    """Add one to the home's deployments.yaml by a template."""

    async def add(services: Services) -> int:
        spec = await add_deployment(name, template, read_options(option or []), services)
        path = file_for(services.settings.home)
        return say([f"Added to {path}:", entry_text(spec), "Apply it with: scout deploy"])

    run_command(add)
