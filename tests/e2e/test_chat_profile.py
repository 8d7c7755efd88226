"""The rule profiler in the chat: report, picture, and a suggestion tried at a tap, also after a restart."""

import asyncio

from bot.texts import en_profile
from flows.ingest import SYNTHETIC
from pipeline.domain.market import Timeframe
from tests.kit.chat import Chat
from tests.kit.plain_services import wavy_bars
from tests.kit.sandbox import buttons_of, text_of

SETUP = "Asia_sweep_engulf_v1"


async def test_from_nothing_tried_to_a_draft(running: Chat):
    me, services = running.owner, running.services
    sent = await me.send(f"/profile {SETUP}")
    refused = await me.wait_for(lambda m: "Nothing was tried" in text_of(m), 40,
                                after=sent["message_id"])  # fmt: skip
    assert f"/sweep {SETUP}" in text_of(refused)

    now = services.clock()
    await services.bars.merge("EURUSD", Timeframe.M5, wavy_bars(170), source=SYNTHETIC, now=now)
    # High costs weigh less on wide stops: a planted effect.
    sent = await me.send(f"/sweep {SETUP} EURUSD M5 2025-05-05..2025-08-31 sl=1|3 spread=80")
    await me.wait_for(lambda m: m.get("document", {}).get("file_name", "").endswith(".json"), 90,
                      after=sent["message_id"])  # fmt: skip
    sent = await me.send(f"/profile {SETUP} EURUSD")
    told = await me.wait_for(lambda m: f"{en_profile.WORTH} 1" in text_of(m), 60,
                             after=sent["message_id"])  # fmt: skip
    assert "sl 1 → 3" in text_of(told)
    assert "SYNTHETIC" in text_of(told)
    await me.wait_for(lambda m: "photo" in m, 60, after=sent["message_id"])

    await running.stop()
    await running.start()
    await asyncio.gather(*(me.press(told, en_profile.BUTTON_TRY) for _ in range(2)))
    tried = await me.wait_for(lambda m: en_profile.STAYS in text_of(m), 90,
                              after=sent["message_id"])  # fmt: skip
    assert text_of(tried).startswith(f"Draft My_{SETUP} v1.1")
    assert "Held-out days 2025-09-01" in text_of(tried)
    assert not buttons_of(tried)
    held = await services.setups.versions(f"My_{SETUP}")
    assert [(v.rule_version, v.status) for v in held] == [("1.0", "draft"), ("1.1", "draft")]
    assert [(c.field, c.old, c.new) for c in held[1].difference] == [("sl", 1.0, 3.0)]
    runs = await services.runs.newest(10)
    assert sum(bool(r.request.get("suggestion")) for r in runs) == 1
