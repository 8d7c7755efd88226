"""A replay in the chat, certified by its id, and one of its signals inspected: real stores."""

import re

from tests.kit.chat import Chat
from tests.kit.sandbox import text_of

WAIT = 150


async def test_a_replay_is_n_of_n_and_its_signals_can_be_inspected(running: Chat):
    me = running.owner
    await me.send(
        "/live replay EURUSD 2025-05-08..2025-05-12 max Asia_sweep_engulf_v1 M5 confidence=0"
    )
    over = await me.wait_for(lambda m: "Replay over" in text_of(m), WAIT)
    (run_id,) = set(re.findall(r"live_\d{4}_\d{2}_\d{2}_\d{3}", text_of(over)))
    await me.send(f"/parity {run_id}")
    card = await me.wait_for(lambda m: "signals identical" in text_of(m), WAIT)
    told = re.match(r"✓ (\d+) of (\d+) signals identical", text_of(card))
    assert told and told[1] == told[2] and int(told[1]) > 0
    assert f"replay {run_id}" in text_of(card)
    newest = await running.services.signals.newest(1)
    await me.send(f"/signal {newest[0].signal_id}")
    name = f"{newest[0].signal_id}.json"
    await me.wait_for(lambda m: m.get("document", {}).get("file_name") == name, WAIT)
    await me.send("/parity yesterday")
    await me.wait_for(lambda m: "Nothing was recorded live" in text_of(m), WAIT)
