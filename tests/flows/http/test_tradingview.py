"""TradingView's alerts: what they ask for, and the webhook that takes them."""

import asyncio
import json
from datetime import date, timedelta

import pytest

from flows.http import tradingview
from flows.http.alerts import asked_by_fields, asked_by_text
from pipeline.command_words import KnownSetup, KnownWords
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from tests.kit.http import COMMAND, USERS, http_entry, idle
from tests.kit.plain_services import plain_services

M5, M15 = Timeframe.M5, Timeframe.M15
KNOWN = KnownWords(
    setups=(
        KnownSetup("IB_raid_v1", M5, (M5, M15), ("GER40",)),
        KnownSetup("Asia_sweep_engulf_v1", M15, (M15,), ("EURUSD",)),
    ),
    symbols=("EURUSD", "GER40", "BTCUSD"),
    aliases={"DE40": "GER40", "BTCUSDT": "BTCUSD"},
)
TODAY = date(2025, 10, 31)
BATCH = "/batch IB_raid_v1 Asia_sweep_engulf_v1"
MAY = {"time": "2025-05-30T10:15:00Z"}


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (" /backtest IB_raid_v1 GER40 2025 ", "/backtest IB_raid_v1 GER40 2025"),
        ("EURUSD Crossing 1.08250", f"{BATCH} EURUSD 2025-10-02..2025-10-31"),
        ("Alert on OANDA:DE40, 15 done", f"{BATCH} GER40 M15 2025-10-02..2025-10-31"),
        ("BINANCE:BTCUSDT.P (5m) up", "/batch IB_raid_v1 BTCUSD M5 2025-10-02..2025-10-31"),
    ],
)
def test_plain_messages(text, asked):
    assert asked_by_text(text, KNOWN, TODAY) == asked


def test_a_setup_named_in_a_plain_message_is_tested():
    assert asked_by_text("ib_raid_v1 fired on GER40 15m", KNOWN, TODAY) == {
        "mode": "backtest", "symbol": "GER40", "timeframe": "M15", "setup_id": "IB_raid_v1",
        "start": "2025-10-02", "end": "2025-10-31",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"text": "/label all EURUSD 2024", "ticker": "x"}, "/label all EURUSD 2024"),
        (
            {"ticker": "EURUSD", "interval": "60", "close": 1.1, **MAY, "setup": "IB_raid_v1"},
            {"timeframe": "H1"},
        ),
        ({"ticker": "FX:EURUSD", "setup": "ibraidv1", "days": "7"}, {"start": "2025-10-25"}),
        ({"symbol": "EURUSD", "setup_id": "IB_raid_v1", "options": {"rr_target": 3}},
         {"options": {"rr_target": 3}, "timeframe": "M5"}),
        ({"ticker": "EURUSD", "mode": "live", "days": 1, **MAY},
         {"mode": "live", "start": "2025-05-30", "end": "2025-05-30"}),
        ({"ticker": "EURUSD", "mode": "label", "setup": "IB_raid_v1", "start": "2025-01-01"},
         {"mode": "label", "start": "2025-01-01", "end": "2025-10-31"}),
        ({"ticker": "EURUSD", "setup": "IB_raid_v1", "time": "2031-01-01"}, {"end": "2025-10-31"}),
    ],
)  # fmt: skip
def test_json_messages(fields, asked):
    found = asked_by_fields(fields, KNOWN, TODAY)
    assert found == asked if isinstance(asked, str) else asked.items() <= found.items()


@pytest.mark.parametrize(
    ("fields", "field", "closest"),
    [
        ({}, "symbol", "EURUSD"),
        ({"ticker": "AAPL"}, "symbol", "EURUSD"),
        ({"ticker": ["EURUSD"]}, "symbol", "EURUSD"),
        ({"ticker": "EURUSD", "interval": "3"}, "timeframe", "M5"),
        ({"ticker": "EURUSD", "interval": "240"}, "timeframe", "M5"),
        ({"ticker": "EURUSD", "setup": "IB"}, "setup_id", "IB_raid_v1"),
        ({"ticker": "EURUSD", "mode": "buy"}, "mode", "backtest"),
        ({"ticker": "EURUSD", "days": "many"}, "days", "30"),
    ],
)
def test_what_is_wrong_is_named(fields, field, closest):
    with pytest.raises(BadRequestError) as refused:
        asked_by_fields(fields, KNOWN, TODAY)
    assert refused.value.field == field
    assert closest in refused.value.closest


ALERT = {
    "ticker": "FX:EURUSD", "interval": "5", "time": "2025-05-30T10:15:00Z", "close": "1.1",
    "setup": "Asia_sweep_engulf_v1",
}  # fmt: skip


async def newest(entry):
    return await entry.services.runs.newest(50)


async def send(entry, path, message, kind="text/plain; charset=utf-8"):
    body = message if isinstance(message, bytes) else message.encode()
    return await entry.stranger().ask(
        "POST", f"/webhooks/tradingview{path}", data=body, headers={"Content-Type": kind}
    )


async def test_an_alert_starts_a_run_for_the_tokens_user_and_tells_the_chat(entry):
    trader = await entry.client("trader")
    got = await send(entry, f"/{trader.secret}", json.dumps(ALERT), "application/json")
    assert got.status == 202
    run = await entry.services.runs.get(got.body["run_id"])
    assert run.flow_type == "backtest_flow"
    assert (run.actor.user_id, run.actor.chat_id) == (USERS["trader"], USERS["trader"])
    assert (run.request["start"], run.request["end"]) == ("2025-05-01", "2025-05-30")
    event = (await entry.services.audit.newest(1))[0]
    assert (event.verdict, event.run_id) == ("accepted", run.run_id)


async def test_the_token_may_be_in_the_body_or_the_header_and_is_not_kept(entry):
    trader = await entry.client("trader")
    inside = await send(entry, "", json.dumps({**ALERT, "token": trader.secret}))
    assert inside.status == 202
    header = await trader.post("/webhooks/tradingview", {**ALERT, "id": "2"})
    assert header.status == 202
    refused = await send(entry, "", json.dumps({"ticker": "X", "token": trader.secret}))
    assert refused.status == 422
    kept = repr([*await newest(entry), *await entry.services.audit.newest(50)])
    assert trader.secret not in kept


async def test_plain_text_and_commands(entry):
    trader = await entry.client("trader")
    got = await send(entry, f"/{trader.secret}", COMMAND)
    assert (got.status, got.body["flow_type"]) == (202, "backtest_flow")
    dry = await send(entry, f"/{trader.secret}", f"{COMMAND} dry_run")
    assert (dry.status, dry.body["run_id"]) == (202, None)
    assert dry.body["request"]["symbol"] == "EURUSD"


async def test_who_may_not_starts_nothing(entry):
    viewer = await entry.client("viewer")
    assert (await send(entry, f"/{viewer.secret}", COMMAND)).status == 403
    assert (await send(entry, "/scout_nobody", COMMAND)).status == 401
    assert (await send(entry, "", COMMAND)).status == 401
    assert await newest(entry) == []


async def test_an_alert_that_can_not_be_read(entry):
    trader = await entry.client("trader")
    for message, status in ((b"", 422), (b"\xff", 400), (b"{", 400), (b"x" * 3000, 422)):
        assert (await send(entry, f"/{trader.secret}", message)).status == status
    got = await send(entry, f"/{trader.secret}", "nothing that is known")
    assert (got.status, got.body["field"]) == (422, "symbol")
    assert "EURUSD" in got.body["closest"]
    assert (await entry.services.audit.newest(1))[0].action == "alert"


async def test_a_repeat_is_the_same_alert_and_later_it_is_a_new_one(entry):
    trader = await entry.client("trader")
    path = f"/{trader.secret}"
    got = await asyncio.gather(*(send(entry, path, COMMAND) for _ in range(4)))
    assert len({each.body["run_id"] for each in got}) == 1
    entry.services.clock.now += tradingview.REPEATS + timedelta(seconds=1)
    assert (await send(entry, path, COMMAND)).body["run_id"] != got[0].body["run_id"]
    named = json.dumps({**ALERT, "id": "EURUSD 10:15"})
    one = (await send(entry, path, named)).body["run_id"]
    entry.services.clock.now += timedelta(hours=2)
    again = await send(entry, path, json.dumps({**ALERT, "id": "EURUSD 10:15", "close": "2"}))
    assert again.body["run_id"] == one


async def test_a_slow_start_is_answered_before_three_seconds_are_over(tmp_path, monkeypatch):
    monkeypatch.setattr(tradingview, "WAIT", 0.2)
    async with (
        plain_services(tmp_path) as services, http_entry(idle(services, slow=0.5)) as entry,
    ):  # fmt: skip
        trader = await entry.client("trader")
        got = await send(entry, f"/{trader.secret}", COMMAND)
        assert (got.status, got.body["run_id"]) == (202, None)
        await asyncio.sleep(0.6)
        assert len(entry.services.launcher.launched) == 1
