"""Plain words with an analyst: asked only where rules leave something, and never believed blindly."""

from dataclasses import replace

import pytest

from flows.plain_words import read_sentence
from pipeline.domain.analysis import Reply
from pipeline.domain.errors import AnalystDownError
from pipeline.domain.request import Actor, Channel
from tests.kit.plain_services import plain_services

ME = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
WHOLE = "test the asia sweep on EURUSD in May 2025, m5"
SPANISH = "prueba la redada de Frankfurt en EURUSD en mayo de 2025, solo largos"
ANSWER = (
    '{"command": "backtest", "setups": ["Frank_raid_v1"], "symbols": ["EURUSD"], "timeframe": "M5", '
    '"start": "2025-05-01", "end": "2025-05-31", "target_r": null, "spread_points": null, '
    '"without_costs": false, "not_understood": ["solo largos"]}'
)


class Scripted:
    """An analyst that says one thing and remembers what it was asked."""

    model = "gpt-5-mini"

    def __init__(self, text=ANSWER, error=None):
        self.text, self.error, self.asked = text, error, []

    async def ask(self, question):
        self.asked.append(question)
        if self.error:
            raise self.error
        return Reply(status="complete", text=self.text, model=self.model)

    async def close(self):
        return


async def read(tmp_path, text, analyst):
    async with plain_services(tmp_path) as plain:
        return await read_sentence(text, ME, replace(plain, analyst=analyst))


async def test_what_rules_read_whole_costs_nothing(tmp_path):
    analyst = Scripted()
    reading = await read(tmp_path, WHOLE, analyst)
    assert (
        reading.understood.command
        == "/backtest Asia_sweep_engulf_v1 EURUSD M5 2025-05-01..2025-05-31"
    )
    assert analyst.asked == []


async def test_another_language_is_read_by_the_analyst_and_shown_as_its_reading(tmp_path):
    analyst = Scripted()
    reading = await read(tmp_path, SPANISH, analyst)
    assert reading.understood.by_analyst and reading.problem is None
    assert reading.understood.command == "/backtest Frank_raid_v1 EURUSD M5 2025-05-01..2025-05-31"
    assert reading.understood.unread == ("solo largos",)
    (question,) = analyst.asked
    assert SPANISH in question.facts and SPANISH not in question.instructions


async def test_talk_is_never_sent(tmp_path):
    analyst = Scripted()
    assert await read(tmp_path, "guten Morgen, was macht das Wetter?", analyst) is None
    assert analyst.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "buy now",
        ANSWER.replace("Frank_raid_v1", "rm -rf /"),
        ANSWER.replace('"backtest"', '"users add"'),
    ],
)
async def test_an_answer_that_is_no_request_leaves_the_rules_reading(tmp_path, text):
    reading = await read(tmp_path, SPANISH, Scripted(text))
    assert not reading.understood.by_analyst
    assert "prueba" in reading.understood.unread


async def test_an_analyst_that_is_down_is_told_and_the_rules_reading_stays(tmp_path):
    reading = await read(
        tmp_path, SPANISH, Scripted(error=AnalystDownError("The analyst doesn't answer."))
    )
    assert reading.note == "The analyst doesn't answer."
    assert "Frank_raid_v1" in reading.understood.command
