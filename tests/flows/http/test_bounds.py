"""What bounds the HTTP entry: tokens, pace, size and time of bodies, keys, log lines."""

import asyncio
from datetime import timedelta

import pytest
import structlog

from flows.control import set_role
from flows.http import bounds
from flows.http.once import IN_FLIGHT
from flows.tokens import known_token, new_token, revoke_token
from pipeline.domain.errors import BadRequestError
from tests.kit.http import BACKTEST, CLI, USERS, http_entry, idle
from tests.kit.plain_services import plain_services
from tests.kit.stored_services import stored_services


async def test_without_a_good_token_nothing_is_told(entry):
    trader = await entry.client("trader")
    for secret in ("", "x", trader.secret[:-1] + "A", trader.secret + "A", "scout_" + "ü" * 43):
        for ask in (("GET", "/runs"), ("POST", "/runs"), ("DELETE", "/runs/bt_2025_10_31_001")):
            got = await entry.stranger(secret).ask(*ask)
            assert got.status == 401
            assert got.headers["WWW-Authenticate"] == "Bearer"
            assert "scout_" in got.body["detail"] or "scout tokens" in got.body["detail"]


async def test_a_revoked_token_and_one_of_a_removed_user_end_at_once(entry):
    one, two = await entry.client("trader", 1), await entry.client("trader", 2)
    await revoke_token("trader-1", CLI, entry.services)
    assert (await one.get("/runs")).status == 401
    await set_role(2, "viewer", CLI, entry.services)
    assert (await two.get("/runs")).status == 200
    assert (await two.post("/runs", BACKTEST)).status == 403
    await set_role(2, None, CLI, entry.services)
    got = await two.get("/runs")
    assert got.status == 403
    assert "no role" in got.body["detail"]


async def test_tokens_are_made_for_no_more_than_the_user_has(entry):
    services = entry.services
    await services.chats.set_role(7, "viewer", services.clock())
    for name, user, role, field in (
        ("a", 7, "trader", "role"), ("a", 8, "viewer", "user"), ("a b", 7, "viewer", "name"),
        ("a", 7, "king", "role"),
    ):  # fmt: skip
        with pytest.raises(BadRequestError) as refused:
            await new_token(name, user, role, CLI, services)
        assert refused.value.field == field
    secret, token = await new_token("a", 7, "viewer", CLI, services)
    assert (await known_token(secret, services)) == token
    assert secret not in repr(token)
    with pytest.raises(BadRequestError, match="already"):
        await new_token("a", 7, "viewer", CLI, services)
    event = (await services.audit.newest(1))[0]
    assert (event.action, event.what["new"]) == ("token", "a")
    with pytest.raises(BadRequestError, match="no token b"):
        await revoke_token("b", CLI, services)


async def test_each_token_has_its_own_pace(tmp_path):
    async with plain_services(tmp_path, http_rate=3) as services, http_entry(services) as entry:
        one, two = await entry.client("viewer"), await entry.client("viewer")
        assert [(await one.get("/runs")).status for _ in range(4)] == [200, 200, 200, 429]
        got = await one.get("/runs")
        assert 1 <= int(got.headers["Retry-After"]) <= 21
        assert (await two.get("/runs")).status == 200


async def raw(entry, *parts, until=b"\r\n\r\n"):
    """Send bytes and return the first line of the answer."""
    host, port = entry.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return (await asyncio.wait_for(reader.readuntil(until), 5)).split(b"\r\n")[0].decode()
    finally:
        writer.close()


async def test_a_large_body_is_refused_before_it_is_read(entry):
    head = b"POST /runs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    answer = await raw(entry, head + b"Content-Length: 99999999\r\n\r\n")
    assert " 413 " in answer
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"  # without a length; the last one never comes
    answer = await raw(entry, head + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 5)
    assert " 413 " in answer


async def test_a_body_that_does_not_come_is_not_waited_for(entry, monkeypatch):
    monkeypatch.setattr(bounds, "BODY_SECONDS", 0.2)
    head = b"POST /runs HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"
    assert " 408 " in await raw(entry, head)


async def test_a_slow_launch_ends_the_wait_and_not_the_launch(tmp_path):
    async with (
        plain_services(tmp_path, http_timeout=0.2) as services,
        http_entry(idle(services, slow=0.6)) as entry,
    ):
        trader = await entry.client("trader")
        got = await trader.post("/runs", BACKTEST, headers={"Idempotency-Key": "k"})
        assert (got.status, got.headers["Retry-After"]) == (503, "5")
        await asyncio.sleep(0.7)
        again = await trader.post("/runs", BACKTEST, headers={"Idempotency-Key": "k"})
        assert (again.status, again.headers["Idempotency-Replayed"]) == (202, "true")
        assert entry.services.launcher.launched == [again.body["run_id"]]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def kept_at(request):
    memory = request.param == "memory"
    return None if memory else str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def kept_entry(kept_at, tmp_path):
    """An entry whose trail, roles, tokens and keys are in memory or in a real database."""
    async with (
        stored_services(tmp_path, kept_at) as services,
        http_entry(idle(services)) as found,
    ):
        yield found


async def test_a_key_makes_one_run_however_often_and_at_once(kept_entry):
    entry, key = kept_entry, {"headers": {"Idempotency-Key": "a-1"}}
    trader = await entry.client("trader")
    got = await asyncio.gather(*(trader.post("/runs", BACKTEST, **key) for _ in range(8)))
    assert {each.status for each in got} == {202}
    assert len({each.body["run_id"] for each in got}) == 1
    assert sum("Idempotency-Replayed" in each.headers for each in got) == 7
    assert len(entry.services.launcher.launched) == 1
    other = {**BACKTEST, "timeframe": "M15"}
    refused = await trader.post("/runs", other, **key)
    assert (refused.status, refused.body["detail"]) == (
        409, "This Idempotency-Key was used for another request.",
    )  # fmt: skip
    another = await entry.client("trader", USERS["trader"])
    assert (await another.post("/runs", BACKTEST, **key)).body["run_id"] != got[0].body["run_id"]


async def test_a_refused_request_does_not_use_up_its_key(entry):
    trader, key = await entry.client("trader"), {"headers": {"Idempotency-Key": "a"}}
    assert (await trader.post("/runs", {**BACKTEST, "symbol": "X"}, **key)).status == 422
    dry = {**BACKTEST, "options": {"dry_run": True}}
    assert (await trader.post("/runs", dry, **key)).status == 200
    assert (await trader.post("/runs", BACKTEST, **key)).status == 202
    for bad in ("", "x" * 201, "a b"):
        got = await trader.post("/runs", BACKTEST, headers={"Idempotency-Key": bad})
        assert got.status == 422


async def test_a_process_that_died_between_run_and_key_is_made_good(entry):
    services, trader = entry.services, await entry.client("trader")
    key = {"headers": {"Idempotency-Key": "a"}}
    first = (await trader.post("/runs", BACKTEST, **key)).body["run_id"]
    [held] = services.request_keys._held.values()
    lost = held.model_copy(update={"run_id": "", "at": held.at - 2 * IN_FLIGHT})
    services.request_keys._held[held.key] = lost
    assert (await trader.post("/runs", BACKTEST, **key)).body["run_id"] == first
    services.request_keys._held[held.key] = lost.model_copy(
        update={"at": held.at + timedelta(seconds=1) - 2 * IN_FLIGHT}
    )
    services.runs._runs.clear()  # it died before there was a run
    assert (await trader.post("/runs", BACKTEST, **key)).status == 202
    assert len(services.launcher.launched) == 2


async def test_the_log_has_each_request_and_no_secret(entry):
    trader = await entry.client("trader")
    with structlog.testing.capture_logs() as lines:
        await trader.get("/runs?limit=5")
        await entry.stranger().post(f"/webhooks/tradingview/{trader.secret}", {"ticker": "X"})
        await entry.stranger().get(f"/odd/{trader.secret}")
        await asyncio.sleep(0.05)
    told = [line for line in lines if line["event"] == "http_request"]
    assert [(line["method"], line["path"], line["status"]) for line in told] == [
        ("GET", "/runs", 200), ("POST", "/webhooks/tradingview/{token}", 422),
        ("GET", "unknown", 404),
    ]  # fmt: skip
    assert told[0]["of_token"] == "trader-1"
    assert told[0]["of_user_id"] == USERS["trader"]
    assert trader.secret not in repr(lines)
