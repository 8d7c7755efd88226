"""Plain words to a command that a person confirms; nothing is started here."""

from dataclasses import dataclass

from flows.control import story_of_text
from flows.services import Services
from flows.start_checks import known_words, today
from flows.stories import STORIES
from pipeline.domain.errors import BadRequestError
from pipeline.plain_words.wishes import Understood, understand

LIVE = "live"
LOOKS = ("why",)


@dataclass(frozen=True)
class Reading:
    """What a sentence was read as. `problem`: why the command can't be started as it is."""

    understood: Understood
    problem: BadRequestError | None = None


async def read_sentence(text: str, services: Services) -> Reading | None:
    """Return what a sentence asks for, or None where nothing in it is recognised."""
    known, day = await known_words(services), today(services)
    titles = {spec.setup_id: spec.title for spec in await services.setups.active()}
    commands = {story.command for story in STORIES.values()} | {LIVE, *LOOKS}
    found = understand(text, known, titles, day, commands)
    if found is None or found.kind != "run" or found.choices:
        return None if found is None else Reading(found)
    try:
        story_of_text(found.command).parse(found.command, known, day)
    except BadRequestError as problem:
        return Reading(found, problem)
    return Reading(found)
