"""Runs over HTTP: START's contract, refusals, roles, what is shown to whom."""

import asyncio
import json

from pipeline.domain.errors import ServiceError
from pipeline.domain.request import Channel, RunStatus
from tests.kit.http import BACKTEST, COMMAND, USERS, http_entry, idle
from tests.kit.plain_services import plain_services

PROBLEM = "application/problem+json"


async def newest(entry):
    return [run.run_id for run in await entry.services.runs.newest(50)]


async def trail(entry):
    return (await entry.services.audit.newest(1))[0]


async def test_an_accepted_request_has_the_contracts_shape_and_is_in_the_trail(entry):
    trader = await entry.client("trader")
    got = await trader.post("/runs", BACKTEST)
    assert got.status == 202
    assert set(got.body) == {"run_id", "flow_type", "request", "timestamp"}
    assert got.body["run_id"].startswith("bt_")
    assert got.body["flow_type"] == "backtest_flow"
    assert got.body["timestamp"].endswith("Z")
    assert {k: got.body["request"][k] for k in ("symbol", "start", "setup_id")} == {
        "symbol": "EURUSD", "start": "2025-05-01", "setup_id": "Asia_sweep_engulf_v1",
    }  # fmt: skip
    assert got.body["request"]["options"]["rr_target"] == 2.0
    assert got.headers["Location"] == f"/runs/{got.body['run_id']}"
    run = await entry.services.runs.get(got.body["run_id"])
    assert (run.actor.channel, run.actor.user_id, run.actor.chat_id) == (
        Channel.HTTP, USERS["trader"], None,
    )  # fmt: skip
    event = await trail(entry)
    assert (event.verdict, event.action, event.run_id) == ("accepted", "backtest", run.run_id)
    assert event.actor == run.actor
    assert entry.services.launcher.launched == [run.run_id]


async def test_a_command_and_other_names_ask_for_the_same(entry):
    trader = await entry.client("trader")
    said = await trader.post("/runs", {"text": COMMAND})
    other = {**BACKTEST, "symbol": "eur/usd", "timeframe": "5m", "setup_id": "asiasweepengulfv1"}
    written = await trader.post("/runs", {**other, "options": {}})
    assert (said.status, written.status) == (202, 202)
    assert said.body["request"] == written.body["request"]


async def test_with_tell_the_users_chat_hears_of_it(entry):
    trader = await entry.client("trader")
    got = await trader.post("/runs?tell=true", BACKTEST)
    run = await entry.services.runs.get(got.body["run_id"])
    assert run.actor.chat_id == USERS["trader"]
    assert await entry.services.outbox.pending() == 1


async def test_a_dry_run_tells_the_plan_and_starts_nothing(entry):
    trader = await entry.client("trader")
    for body in ({**BACKTEST, "options": {"dry_run": True}}, {"text": f"{COMMAND} dry_run"}):
        got = await trader.post("/runs", body)
        assert got.status == 200
        assert got.body["rule_version"] == "1.0"
        assert got.body["bars_held"] > 5000
        assert got.body["tasks"][0] == "data_ingest"
    assert await newest(entry) == []


async def test_refusals_name_field_value_and_the_closest_and_start_nothing(entry):
    trader = await entry.client("trader")
    for change, field, value, closest in (
        ({"setup_id": "Asia_sweep"}, "setup_id", "Asia_sweep", "Asia_sweep_engulf_v1"),
        ({"symbol": "EURUDS"}, "symbol", "EURUDS", "EURUSD"),
        ({"timeframe": "M30"}, "timeframe", "M30", "M1"),
        ({"mode": "backtset"}, "mode", "backtset", "backtest"),
        ({"mode": "analyze", "start": "2025-13-01"}, "start", "2025-13-01", None),
        (
            {"mode": "analyze", "setup_id": "Asia_sweep"},
            "setup_id",
            "Asia_sweep",
            "Asia_sweep_engulf_v1",
        ),
        ({"start": "2025-06-01"}, "start", "2025-06-01", "2025-05-30"),
        ({"start": "2025-13-01"}, "start", "2025-13-01", None),
        ({"start": None}, "start", None, None),
        ({"options": {"rr_targt": 2}}, "options.rr_targt", "2", "rr_target"),
        ({"options": {"rr_target": 99}}, "options.rr_target", "99", None),
        ({"options": []}, "options", "[]", None),
        ({"sybmol": "x"}, "sybmol", "x", "symbol"),
        ({"symbol": "GBPUSD"}, "symbol", "GBPUSD", "EURUSD"),
        ({"extra": {"rule_version": 3}}, "extra.rule_version", "3", None),
    ):
        got = await trader.post("/runs", {**BACKTEST, **change})
        assert (got.status, got.headers["Content-Type"]) == (422, PROBLEM), change
        assert got.body["field"] == field
        assert got.body.get("value") == value
        assert closest is None or closest in got.body["closest"], got.body
        assert (await trail(entry)).verdict == "refused"
        assert (await trail(entry)).reason == got.body["detail"]
    assert await newest(entry) == []
    assert entry.services.launcher.launched == []


async def test_wrong_commands_are_refused(entry):
    trader = await entry.client("trader")
    for text, field in ((COMMAND.replace("M5", "M7"), "timeframe"), ("/bakctest x", "text")):
        got = await trader.post("/runs", {"text": text})
        assert (got.status, got.body["field"]) == (422, field)
    assert got.body["closest"][0] == "/backtest"
    for body in ({"text": COMMAND, "mode": "backtest"}, {"text": ""}, {"text": "x" * 2001}):
        assert (await trader.post("/runs", body)).status == 422
    assert await newest(entry) == []


async def test_bodies_that_are_no_good_json(entry):
    trader = await entry.client("trader")
    json_kind = {"Content-Type": "application/json"}
    for body, status in (
        (b"", 400), (b"{", 400), (b"\xff\xfe", 400), (b"[1]", 422), (b'{"a": NaN}', 400),
        (b'{"a": 1e999}', 400), (b'{"a": "\\ud800"}', 400), (b"[" * 9000 + b"]" * 9000, 400),
        (b'{"a": ' + b"[" * 30 + b"]" * 30 + b"}", 400), (b"9" * 5000, 400),
    ):  # fmt: skip
        got = await trader.ask("POST", "/runs", data=body, headers=json_kind)
        assert (got.status, got.headers["Content-Type"]) == (status, PROBLEM), body[:20]
        assert (await trail(entry)).verdict == "refused"
    got = await trader.ask("POST", "/runs", data=json.dumps(BACKTEST))
    assert got.status == 415
    assert await newest(entry) == []


async def test_every_mode_goes_its_way(entry):
    trader = await entry.client("trader")
    days = {"symbol": "EURUSD", "start": "2025-05-06", "end": "2025-05-06"}
    live = await trader.post("/runs", {"mode": "live", **days})
    assert (live.status, live.body["flow_type"]) == (202, "replay_flow")
    assert live.body["run_id"].startswith("live_")
    assert live.body["request"]["symbols"] == ["EURUSD"]
    label = await trader.post("/runs", {"mode": "label", **days, "setup_id": "all"})
    assert (label.status, label.body["flow_type"]) == (202, "label_flow")
    now = await trader.post("/runs", {"mode": "analyze", **days})
    assert (now.status, now.body["flow_type"]) == (202, "analyze_flow")
    train = await trader.post("/runs", {"mode": "train", "symbol": "EURUSD"})
    assert (train.status, train.body["flow_type"]) == (202, "train_model_flow")
    for mode in ("live", "label"):
        got = await trader.post("/runs", {"mode": mode, **days, "extra": {"rule_versions": 1}})
        assert (got.status, got.body["field"]) == (422, "extra")


async def test_viewers_only_look(entry):
    viewer = await entry.client("viewer")
    got = await viewer.post("/runs", BACKTEST)
    assert got.status == 403
    assert "trader" in got.body["detail"]
    assert ((await trail(entry)).verdict, (await trail(entry)).action) == ("refused", "start")
    assert (await viewer.delete("/runs/bt_2025_10_31_001")).status == 403
    assert (await viewer.get("/runs")).body == {"runs": [], "next_before": None}


async def test_traders_see_and_stop_their_own_and_owners_all(entry):
    ann, bob = await entry.client("trader", 1), await entry.client("trader", 2)
    owner = await entry.client("owner")
    looks_for_owner = await entry.client("viewer", USERS["owner"], "owner")
    trades_for_owner = await entry.client("trader", USERS["owner"], "owner")
    mine = [(await ann.post("/runs", BACKTEST)).body["run_id"] for _ in range(2)]
    path = f"/runs/{mine[0]}"
    for client, all_shown in (
        (ann, True), (bob, False), (owner, True), (looks_for_owner, True),
        (trades_for_owner, False),
    ):  # fmt: skip
        assert (await client.get(path)).status == (200 if all_shown else 403)
        assert len((await client.get("/runs")).body["runs"]) == (2 if all_shown else 0)
    for client in (bob, trades_for_owner):
        assert (await client.delete(path)).status == 403
        assert (await trail(entry)).verdict == "refused"
    assert (await ann.delete(path)).status == 202
    got = await owner.delete(f"/runs/{mine[1]}")
    assert (got.status, got.body["status"]) == (202, "cancelled")
    assert (await trail(entry)).action == "cancel"
    assert (await owner.delete(path)).status == 409
    assert (await owner.delete("/runs/bt_2020_01_01_001")).status == 404
    assert (await owner.get("/runs/bt_2020_01_01_001")).status == 404
    assert (await owner.get("/runs/nothing")).status == 422


async def test_a_list_goes_on_from_page_to_page(entry):
    trader = await entry.client("trader")
    made = [(await trader.post("/runs", BACKTEST)).body["run_id"] for _ in range(5)]
    await trader.delete(f"/runs/{made[0]}")
    seen, before = [], ""
    while before is not None:
        page = (await trader.get(f"/runs?limit=2{before and '&before='}{before}")).body
        seen += [run["run_id"] for run in page["runs"]]
        before = page["next_before"]
    assert seen == made[::-1]
    waiting = (await trader.get("/runs?status=queued")).body["runs"]
    assert [run["run_id"] for run in waiting] == made[:0:-1]
    for query in ("limit=0", "limit=101", "limit=x", "status=odd", "before=bt_2020_01_01_001"):
        got = await trader.get(f"/runs?{query}")
        assert (got.status, got.body["field"]) == (422, query.split("=")[0])


async def test_a_run_is_shown_with_tasks_and_report(tmp_path):
    async with plain_services(tmp_path) as services, http_entry(services) as entry:
        trader = await entry.client("trader")
        run_id = (await trader.post("/runs", BACKTEST)).body["run_id"]
        await services.launcher.wait(run_id)
        got = (await trader.get(f"/runs/{run_id}")).body
        assert got["status"] == "completed"
        assert got["tasks"][0]["task"] == "data_ingest"
        assert got["report"]["results_summary"]["trades_count"] > 0
        assert "Asia_sweep_engulf_v1" in got["title"]
        line = (await trader.get("/runs")).body["runs"][0]
        assert "report" not in line


async def test_a_scheduler_that_is_down_is_a_503_and_the_run_says_so(tmp_path):
    down = ServiceError("The scheduler doesn't answer; is it running?")
    async with plain_services(tmp_path) as services, http_entry(idle(services, error=down)) as e:
        trader = await e.client("trader")
        got = await trader.post("/runs", BACKTEST)
        assert (got.status, got.headers["Retry-After"]) == (503, "5")
        assert got.body["detail"] == down.user_text
        [run] = await services.runs.newest()
        assert run.status is RunStatus.FAILED
        health = await e.stranger().get("/health")
        assert (health.status, health.body["status"]) == (200, "degraded")


async def test_what_goes_wrong_inside_stays_inside(entry, monkeypatch):
    async def broken(*_args, **_more):
        raise RuntimeError("secret place")

    trader = await entry.client("trader")
    monkeypatch.setattr(entry.services.runs, "newest", broken)
    got = await trader.get("/runs")
    assert (got.status, got.headers["Content-Type"]) == (500, PROBLEM)
    assert "secret" not in json.dumps(got.body)
    assert (await entry.stranger().get("/health")).status == 500


async def test_other_addresses_and_methods(entry):
    nobody = entry.stranger()
    for method, path, status in (
        ("GET", "/", 404), ("GET", "/runs/", 404), ("PUT", "/runs", 405), ("GET", "/docs", 404),
    ):  # fmt: skip
        got = await nobody.ask(method, path)
        assert (got.status, got.headers["Content-Type"]) == (status, PROBLEM)
    described = await nobody.get("/openapi.json")
    assert set(described.body["paths"]) >= {"/runs", "/runs/{run_id}", "/health"}


async def test_the_same_second_many_requests_many_runs(entry):
    trader = await entry.client("trader")
    got = await asyncio.gather(*(trader.post("/runs", BACKTEST) for _ in range(10)))
    assert len({each.body["run_id"] for each in got}) == 10
