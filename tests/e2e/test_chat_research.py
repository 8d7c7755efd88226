"""Sweep, walk-forward and batch in the chat: report, picture, table; a wrong word put right."""

import pytest

from bot.texts import en_research
from tests.kit.chat import Chat
from tests.kit.sandbox import text_of

WHAT = "Asia_sweep_engulf_v1 EURUSD M5 2025-05-01..2025-05-30"


@pytest.mark.parametrize(
    ("command", "says", "files"),
    [
        (f"/sweep {WHAT} rr=1…3/1 buffer_atr=0|0.1 min_trades=5", en_research.IN_SAMPLE, ("_variants.csv", ".json")),
        (f"/walkforward {WHAT} rr=1|2 min_trades=2 in=10d out=5d", en_research.OUTSIDE, ("_windows.csv", "_trades.csv", ".json")),
        ("/batch Asia_sweep_engulf_v1 EURUSD GER40 M5 2025-05-01..2025-05-15 2025-05-16..2025-05-30", "4 tests", ("_tests.csv", ".json")),
    ],
    ids=["sweep", "walkforward", "batch"],
)  # fmt: skip
async def test_from_the_command_to_the_last_file(running: Chat, command, says, files):
    me = running.owner
    sent = await me.send(command)
    after = sent["message_id"]
    await me.wait_for(lambda m: says in text_of(m), 40, after=after)
    await me.wait_for(lambda m: "photo" in m, 40, after=after)
    for ending in files:
        await me.wait_for(
            lambda m, e=ending: m.get("document", {}).get("file_name", "").endswith(e),
            60,
            after=after,
        )


async def test_a_wrong_parameter_is_offered_right(running: Chat):
    me = running.owner
    sent = await me.send(f"/sweep {WHAT} buffer=0|0.1")
    refused = await me.wait_for(
        lambda m: "no parameter" in text_of(m), 40, after=sent["message_id"]
    )
    assert "buffer_atr" in text_of(refused)
