"""/info by chat: our own table and what a source says over HTTP; a new title; a wrong symbol."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from tests.kit.chat import chat
from tests.kit.massive import KEY, running_massive
from tests.kit.sandbox import text_of

pytestmark = pytest.mark.timeout(200)


async def test_what_is_known_of_a_symbol(tmp_path):
    async with running_massive(datetime.now(UTC)) as fake:
        said = {"ticker": "C:GBPUSD", "market": "fx", "name": "Pound <b>sterling</b>"}
        fake.details["C:GBPUSD"] = said
        settings = {
            "sources": ("massive", "alpaca"), "massive_api_key": SecretStr(KEY),
            "source_urls": {"massive": fake.url}, "source_cache_hours": 0,
        }  # fmt: skip
        async with chat(tmp_path, **settings) as running:
            me = running.owner
            sent = await me.send("/info gbp/usd")
            told = await me.wait_for(
                lambda m: "GBPUSD: " in text_of(m), 30, after=sent["message_id"]
            )
            assert "Point 0.0001, tick " in text_of(told)
            assert "UTC): Pound <b>sterling</b>, fx" in text_of(told)
            assert "needs ALPACA_KEY" in text_of(told)
            fake.details["C:GBPUSD"] = {**said, "name": "Cable"}
            sent = await me.send("/instruments GBPUSD")
            card = await me.wait_for(
                lambda m: "1 looked up, 1 new" in text_of(m), 60, after=sent["message_id"]
            )
            assert "GBPUSD was Pound <b>sterling</b> and is Cable now" in text_of(card)
            await me.wait_for(
                lambda m: "is Cable now, says" in text_of(m), 30, after=sent["message_id"]
            )
            sent = await me.send("/info GBPUSX")
            await me.wait_for(
                lambda m: "did you mean GBPUSD" in text_of(m), 30, after=sent["message_id"]
            )
