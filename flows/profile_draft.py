"""A suggestion written down: a draft of the setup, or of a user's copy where it is built in."""

from dataclasses import dataclass
from typing import Any

from flows.research_job import template_of
from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.request import Actor
from pipeline.research.drafting import as_draft, changed_text
from pipeline.research.profile import Suggestion
from pipeline.research.template import Template
from pipeline.setups.rules import SetupSpec, SetupVersion, difference
from pipeline.setups.versions import spec_of

_LONGEST_ID = 64
COPIED = "profiler: copy of the built-in {0} v{1}, to be changed"


@dataclass(frozen=True)
class Draft:
    """The draft's version, the setup it changes, and what differs between the two."""

    version: SetupVersion
    present: SetupSpec
    difference: tuple[dict[str, Any], ...]
    copied: bool
    made: bool


async def draft_of(
    suggestion: Suggestion, setup_id: str, version: str, actor: Actor, services: Services
) -> Draft:
    """Write the draft; asked again for the same, it is the one that is there.

    A built-in is never changed: its copy is called `My_…`. The copy's first version is the
    built-in as it was, so that the difference of the next is the change and nothing else.

    Raises
    ------
    SetupError
        The change can't be written into the file.
    """
    template = await template_of(setup_id, version, services)
    text = changed_text(template, suggestion.path, suggestion.new)
    copied = await services.setups.is_builtin(setup_id)
    target = await _copy_id(setup_id, services) if copied else setup_id
    wanted = Template(text, template.file, version).plain
    held = await _held(target, suggestion.reason, wanted, services)
    made = held is None
    if held is None:
        author = actor.name or f"{actor.channel.value} {actor.user_id or ''}".strip()
        if copied and not await services.setups.versions(target):
            await _add(template.text, target, COPIED.format(setup_id, version), author, services)
        held = await _add(text, target, suggestion.reason, author, services)
        told = {"setup_id": target, "rule_version": held.rule_version, "reason": held.reason}
        await write_trail(services, actor, "setup_added", told)
    return Draft(held, template.plain, _changes(template.plain, spec_of(held)), copied, made)


def _changes(old: SetupSpec, new: SetupSpec) -> tuple[dict[str, Any], ...]:
    aside = ("setup_id", "status")
    return tuple(c.model_dump() for c in difference(old, new) if c.field not in aside)


async def _held(
    setup_id: str, reason: str, wanted: SetupSpec, services: Services
) -> SetupVersion | None:
    """Return the version that says the same for the same reason, if one is kept."""
    for kept in await services.setups.versions(setup_id):
        if kept.reason == reason and not _changes(wanted, spec_of(kept)):
            return kept
    return None


async def _add(
    text: str, setup_id: str, reason: str, author: str, services: Services
) -> SetupVersion:
    draft = as_draft(text, f"{setup_id}.yaml", author=author, reason=reason, setup_id=setup_id)
    return await services.setups.add(draft, services.clock())


async def _copy_id(setup_id: str, services: Services) -> str:
    """Return the id of the profiler's copy: one that it made before, else a free one."""
    for number in range(1, 1000):
        end = "" if number == 1 else f"_{number}"
        name = f"My_{setup_id}"[: _LONGEST_ID - len(end)] + end
        held = await services.setups.versions(name)
        if not held or held[0].reason.startswith("profiler: "):
            return name
    raise AssertionError("a thousand copies")
