"""What a schedule asks START for: checked when it is made, put when it is due."""

from typing import Any

from pydantic import BaseModel, ValidationError

from flows.built_in_schedules import BUILT_IN
from flows.control import known_words, launch, launch_text, story_of_text, today
from flows.roles import role_of
from flows.services import Services
from flows.stories import STORIES
from flows.story import Story
from pipeline.domain.errors import BadRequestError, NotAllowedError
from pipeline.domain.request import Actor, BacktestRequest, Channel, Run
from pipeline.domain.schedule import Schedule

_DRY = "A schedule can't ask for a dry run."


async def checked_payload(payload: dict[str, Any], flow_name: str, services: Services) -> str:
    """Refuse what START would refuse now, and start nothing; return the kind of run.

    Parameters
    ----------
    flow_name
        What fields are meant for; a text names its kind itself.

    Raises
    ------
    AppError
        START's own refusal: field, value and the closest valid values.
    """
    text = payload.get("text")
    if text is None:
        story, request = STORIES[flow_name], _request(STORIES[flow_name], payload)
    else:
        story = story_of_text(str(text))
        request = story.parse(str(text), await known_words(services), today(services))
    if isinstance(request, BacktestRequest) and request.options.dry_run:
        raise BadRequestError(_DRY, field="dry_run", value="yes")
    await story.check(request, services)
    return story.flow_type


async def put_to_start(schedule: Schedule, actor: Actor, services: Services) -> Run:
    """Ask START for what the schedule asks for.

    Raises
    ------
    AppError
        START refuses it, or its maker may no longer launch runs.
    """
    await _check_maker(schedule.actor, services)
    deployment = "" if schedule.deployment == BUILT_IN else schedule.deployment
    text = schedule.payload.get("text")
    if text is None:
        request = _request(STORIES[schedule.flow_name], schedule.payload)
        return await launch(request, actor, services, deployment=deployment)
    made = await launch_text(str(text), actor, services, deployment=deployment)
    if not isinstance(made, Run):
        raise BadRequestError(_DRY, field="dry_run", value="yes")
    return made


def actor_of(schedule: Schedule) -> Actor:
    """Return who asks when a schedule does: its maker's ids, under the schedule's name."""
    maker = schedule.actor
    return Actor(
        channel=Channel.SCHEDULE, user_id=maker.user_id, chat_id=maker.chat_id,
        name=schedule.name,
    )  # fmt: skip


def _request(story: Story, fields: dict[str, Any]) -> BaseModel:
    try:
        return story.request.model_validate(fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(str(part) for part in wrong["loc"]) or "payload"
        raise BadRequestError(
            f"{story.flow_type}: {where}: {wrong['msg']}.", field=where,
            value=str(wrong.get("input"))[:100],
        ) from error  # fmt: skip


async def _check_maker(maker: Actor, services: Services) -> None:
    """Refuse if the person who made it has lost the right to launch runs."""
    user = maker.user_id
    if user is not None and await role_of(user, services) not in ("owner", "trader"):
        raise NotAllowedError(f"{maker.name or user}, who made it, may no longer launch runs.")
