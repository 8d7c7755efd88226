"""The analyst's adapter over both APIs, against a strict server and against llmock."""

import asyncio
import json
import logging
import subprocess
import sys

import pytest

from pipeline.analysis.answers import read_answer
from pipeline.analysis.questions import question_of, worded
from pipeline.domain.analysis import Opinion, Purpose
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError
from storage.analyst import OpenAIAnalyst
from tests.kit.analyst import KEY, MODEL, OPINION, analyst_server, tiny_png

APIS = ("responses", "chat")
FACTS = {"symbol": "GER40", "win_rate": 0.61}


def asked(image=None, most_tokens=700):
    made = question_of(Purpose.BACKTEST, "Judge it.", FACTS, Opinion, image=image)
    return worded(made, "en").model_copy(update={"most_tokens": most_tokens})


@pytest.fixture
async def fake():
    async with analyst_server() as server:
        yield server


@pytest.fixture(params=APIS)
async def analyst(request, fake):
    # OpenAI's own chat API takes max_completion_tokens, other servers max_tokens.
    made = OpenAIAnalyst(MODEL, key=KEY, url=fake.url, api=request.param, seconds=5, thinks=True)
    made._own = True
    yield made
    await made.close()


async def test_an_answer_has_its_text_model_and_tokens(analyst, fake):
    fake.says(OPINION)
    reply = await analyst.ask(asked(tiny_png()))
    assert reply.status == "complete" and reply.model == MODEL and reply.request_id == "req_1"
    assert read_answer(reply.text, Opinion).bias == "long"
    assert reply.usage.input_tokens > 100 and reply.usage.output_tokens > 20
    [seen] = fake.asked
    assert seen.image == tiny_png()
    assert seen.facts.startswith("<facts>\n{") and "GER40" in seen.facts
    assert "Judge it." in seen.instructions and "GER40" not in seen.instructions


async def test_endings_are_answers_and_not_errors(analyst, fake):
    for how in ("incomplete", "refused"):
        fake.ends(how)
        reply = await analyst.ask(asked())
        assert reply.status == how
        assert reply.usage.input_tokens > 0


@pytest.mark.parametrize(
    ("status", "code", "kind", "word"),
    [
        (401, "invalid_api_key", AnalystRefusedError, "OPENAI_API_KEY"),
        (403, "unsupported_country", AnalystRefusedError, "OPENAI_API_KEY"),
        (404, "model_not_found", AnalystRefusedError, "ANALYST_MODEL"),
        (429, "insufficient_quota", AnalystRefusedError, "quota"),
        (400, "invalid_value", AnalystRefusedError, "ANALYST_MODEL"),
        (429, "rate_limit_exceeded", AnalystDownError, "too often"),
        (500, "server_error", AnalystDownError, "trouble"),
        (503, "server_error", AnalystDownError, "trouble"),
    ],
)
async def test_errors_are_told_in_a_kind_line_without_the_key(
    fake, status, code, kind, word, caplog
):
    caplog.set_level(logging.DEBUG)
    one = OpenAIAnalyst(MODEL, key=KEY, url=fake.url, seconds=5)
    fake.stays_down(status, code)
    with pytest.raises(kind) as caught:
        await one.ask(asked())
    await one.close()
    assert word in caught.value.user_text and "\n" not in caught.value.user_text
    said = f"{caught.value} {caught.value.facts} {one!r} {caplog.text}"
    assert KEY not in said


async def test_the_sdk_tries_again_by_itself(analyst, fake):
    fake.fails(503)
    fake.fails(429, "rate_limit_exceeded")
    assert (await analyst.ask(asked())).status == "complete"
    assert fake.calls == 3


async def test_the_whole_call_with_its_retries_is_bounded(fake):
    one = OpenAIAnalyst(MODEL, key=KEY, url=fake.url, seconds=0.4)
    fake.waits(5, times=5)
    with pytest.raises(AnalystDownError, match="ANALYST_SECONDS"):
        async with asyncio.timeout(3):
            await one.ask(asked())
    await one.close()


async def test_nobody_there_is_an_outage():
    one = OpenAIAnalyst(MODEL, key=KEY, url="http://127.0.0.1:9/v1", seconds=3)
    with pytest.raises(AnalystDownError, match="reached"):
        await one.ask(asked())
    await one.close()


async def test_a_page_or_a_failed_response_is_told(analyst, fake):
    fake.ends("html")
    with pytest.raises(AnalystRefusedError, match="OPENAI_BASE_URL"):
        await analyst.ask(asked())


async def test_a_failed_response_is_an_outage(fake):
    one = OpenAIAnalyst(MODEL, key=KEY, url=fake.url)
    fake.ends("failed")
    with pytest.raises(AnalystDownError):
        await one.ask(asked())
    await one.close()


@pytest.mark.parametrize(
    ("forms", "calls"), [(("json_object", "text"), 3), (("text",), 4), (("json_schema",), 2)]
)
async def test_a_local_server_without_key_and_without_forms_is_asked_in_words(forms, calls):
    async with analyst_server(key=None, forms=forms) as local:
        one = OpenAIAnalyst("local-model", url=local.url, api="chat", seconds=5)
        local.says("Sure!\n```json\n" + json.dumps(OPINION) + "\n```")
        for _ in range(2):
            reply = await one.ask(asked())
            assert read_answer(reply.text, Opinion) == Opinion.model_validate(OPINION)
        assert local.calls == calls
        assert local.asked[-1].body["max_tokens"] == 700
        assert ("JSON schema" in local.asked[-1].instructions) == ("json_schema" not in forms)
        await one.close()


@pytest.mark.parametrize("api", APIS)
async def test_against_llmock(llmock, api):
    one = OpenAIAnalyst(MODEL, key="sk-x", url=llmock.base_url(), api=api, seconds=5)
    llmock.rate_limit(times=1, retry_after=0.05)
    reply = await one.ask(asked(tiny_png()))
    assert reply.status == "complete" and reply.usage.input_tokens > 0
    assert read_answer(reply.text, Opinion) is not None
    assert len(llmock.requests) == 2
    llmock.outage()
    with pytest.raises(AnalystDownError):
        await one.ask(asked())
    llmock.reset().delay(2, times=None)
    quick = OpenAIAnalyst(MODEL, key="sk-x", url=llmock.base_url(), api=api, seconds=0.3)
    with pytest.raises(AnalystDownError, match="ANALYST_SECONDS"):
        await quick.ask(asked())
    await one.close()
    await quick.close()


def test_the_sdk_is_not_imported_before_a_question():
    code = (
        "import sys, flows.services, flows.analyst_desk, flows.alert_analysis, flows.scanner, bot.app\n"
        "from storage.analyst import OpenAIAnalyst\n"
        "OpenAIAnalyst('m', key='k')\n"
        "print('openai' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "False"
