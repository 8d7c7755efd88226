"""Adding a deployment to the home's file: the rest of it, comments too, stays as it is."""

import asyncio
import re
from pathlib import Path

import yaml

from flows.control import known_words, today
from flows.deployed_flows import TEXT, flow_of
from flows.deploying import Deployed, deploy, pools_kept
from flows.deployment_file import (
    NAMED,
    SHIPPED,
    DeploymentFile,
    file_for,
    parse_file,
    read_file,
)
from flows.deployment_templates import Options, make_spec
from flows.services import Services
from pipeline.domain.deployment import DeploymentSpec
from pipeline.domain.errors import SetupError
from pipeline.domain.request import Actor

_LIST = re.compile(r"^deployments:[ \t]*(\[[ \t]*\])?[ \t]*(#.*)?$", re.MULTILINE)
_NEXT = re.compile(r"^[^\s#-]", re.MULTILINE)
_ABOUT_NEXT = re.compile(r"(?:^#[^\n]*\n|^[ \t]*\n)+\Z", re.MULTILINE)
_DASH = re.compile(r"^([ \t]*)- ", re.MULTILINE)


async def add_deployment(
    name: str, template: str, options: Options, services: Services
) -> DeploymentSpec:
    """Make a deployment of a template and write it into SCOUT_HOME/deployments.yaml.

    A home without such a file gets a copy of the shipped one first. Nothing is applied yet.

    Raises
    ------
    AppError
        The template, an option or the command it makes is wrong, or the name is taken; nothing
        was written.
    """
    spec = make_spec(name, template, options)
    story, text = flow_of(spec.flow).story, spec.parameters.get(TEXT)
    if story is not None and text is not None:
        story.parse(str(text), await known_words(services), today(services))
    await asyncio.to_thread(write_into, services.settings.home, spec)
    return spec


async def apply_one(spec: DeploymentSpec, services: Services, actor: Actor) -> Deployed:
    """Deploy one deployment beside those that are; the worker tells Prefect of it."""
    held = [entry.spec for entry in await services.deployments.all() if entry.name != spec.name]
    path = file_for(services.settings.home)
    file = DeploymentFile(path, (*held, spec), await pools_kept(services))
    return await deploy(file, services, actor, None)


def write_into(home: Path, spec: DeploymentSpec) -> Path:
    """Write a deployment into the home's file, aside first, and return the file's path."""
    path = home / NAMED
    if path.is_file():
        read_file(path)  # bounded and right as it is, else it says where not
    text = (path if path.is_file() else SHIPPED).read_text(encoding="utf-8-sig")
    before = parse_file(text, path)
    longer = with_entry(text, spec, path)
    if parse_file(longer, path).specs != (*before.specs, spec):
        raise _refused(path, spec)
    home.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".yaml.new")
    aside.write_text(longer, encoding="utf-8")
    aside.replace(path)
    return path


def with_entry(text: str, spec: DeploymentSpec, path: Path) -> str:
    """Return the file's text with one entry more, at the end of its list."""
    start = _LIST.search(text)
    if start is None:
        raise _refused(path, spec)
    head = text[: start.start()] + "deployments:" + (f"  {start[2]}" if start[2] else "")
    rest = text[start.end() :]
    following = _NEXT.search(rest)
    block, tail = (rest, "") if following is None else (
        rest[: following.start()], rest[following.start() :]
    )  # fmt: skip
    ends = _ABOUT_NEXT.search(block) if tail else None
    if ends is not None:  # what is written right before the next word is about that word
        block, tail = block[: ends.start()], block[ends.start() :].lstrip("\n") + tail
    dash = _DASH.search(block)
    entry = _indented(entry_text(spec), dash.group(1) if dash else "  ")
    return f"{head}{block.rstrip()}\n\n{entry}{chr(10) + tail if tail else ''}"


def entry_text(spec: DeploymentSpec) -> str:
    """Return a deployment as the lines of its entry, without what is as it is anyway."""
    plain = spec.model_dump(mode="json", exclude_defaults=True)
    lines = []
    for word, value in plain.items():
        shown = yaml.safe_dump(
            value, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False
        )
        lines.append(f"{word}: {shown.removesuffix(chr(10)).removesuffix(chr(10) + '...')}\n")
    return "- " + "  ".join(lines)


def _indented(entry: str, by: str) -> str:
    return "".join(by + line for line in entry.splitlines(keepends=True))


def _refused(path: Path, spec: DeploymentSpec) -> SetupError:
    return SetupError(
        f"{path.name}: its list isn't written as lines of '- name:', so nothing was added; put "
        f"this in by hand:\n{entry_text(spec)}",
        file=str(path),
    )
