"""Plain words to a command that a person confirms; nothing is started here.

Rules read them first. Where they leave words over, or miss something, and an analyst is set up,
it is asked for a typed request; what comes back passes through the same commands.
"""

import json
from dataclasses import dataclass
from datetime import date

from flows.analyst_desk import consult
from flows.control import story_of_text
from flows.services import Services
from flows.start_checks import known_words, today
from flows.stories import STORIES
from pipeline.command_words import KnownWords
from pipeline.domain.analysis import Purpose, Question
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError, BadRequestError
from pipeline.domain.request import Actor
from pipeline.plain_words.typed import (
    INSTRUCTIONS,
    TypedWish,
    read_wish,
    wish_facts,
    wish_schema,
)
from pipeline.plain_words.wishes import Understood, names_something, understand
from storage.telemetry import get_logger

log = get_logger(__name__)
LIVE = "live"
LOOKS = ("why",)


@dataclass(frozen=True)
class Reading:
    """What a sentence was read as. `problem`: why the command can't be started as it is.

    `note`: why the analyst, who is set up, has no say in it.
    """

    understood: Understood
    problem: BadRequestError | None = None
    note: str = ""


@dataclass(frozen=True)
class _Words:
    """Everything that a sentence may speak of."""

    known: KnownWords
    titles: dict[str, str]
    day: date
    commands: frozenset[str]


async def read_sentence(text: str, actor: Actor, services: Services) -> Reading | None:
    """Return what a sentence asks for, or None where nothing in it is recognised."""
    words = await _words(services)
    by_rules = _by_rules(text, words)
    if services.analyst is None or _whole(by_rules) or not _worth_asking(text, by_rules, words):
        return by_rules
    try:
        found = await _by_analyst(text, words, actor, services)
    except (AnalystRefusedError, AnalystDownError) as error:
        log.info("words_without_analyst", error=error.user_text)
        if by_rules is None:
            return None
        return Reading(by_rules.understood, by_rules.problem, error.user_text)
    return _checked(found, words) if found is not None else by_rules


async def _words(services: Services) -> _Words:
    known = await known_words(services)
    titles = {spec.setup_id: spec.title for spec in await services.setups.active()}
    commands = frozenset({story.command for story in STORIES.values()} | {LIVE, *LOOKS})
    return _Words(known, titles, today(services), commands)


def _by_rules(text: str, words: _Words) -> Reading | None:
    found = understand(text, words.known, words.titles, words.day, words.commands)
    return None if found is None else _checked(found, words)


def _whole(reading: Reading | None) -> bool:
    """Tell whether the rules have read all of it."""
    if reading is None or reading.problem is not None:
        return False
    return not (reading.understood.unread or reading.understood.choices)


def _worth_asking(text: str, by_rules: Reading | None, words: _Words) -> bool:
    """Tell whether a sentence is about our trade at all: talk costs nobody money."""
    if by_rules is not None and by_rules.understood.choices:
        return False  # which setup is meant, the person knows best
    return by_rules is not None or names_something(text, words.known, words.titles, words.day)


def _checked(found: Understood, words: _Words) -> Reading:
    if found.kind != "run" or found.choices:
        return Reading(found)
    try:
        story_of_text(found.command).parse(found.command, words.known, words.day)
    except BadRequestError as problem:
        return Reading(found, problem)
    return Reading(found)


async def _by_analyst(
    text: str, words: _Words, actor: Actor, services: Services
) -> Understood | None:
    question = Question(
        purpose=Purpose.REQUEST,
        instructions=INSTRUCTIONS,
        facts=json.dumps(
            wish_facts(text, words.known, words.titles, words.day), ensure_ascii=False
        ),
        schema_name="typed_wish",
        json_schema=wish_schema(words.known, words.commands),
        most_tokens=400,
    )
    answer = await consult(
        question, answer=TypedWish, subject="words", chat_id=actor.chat_id, services=services
    )
    return read_wish(answer.text, text, words.known, words.commands)
