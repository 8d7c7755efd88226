"""START: what is refused, what is written, what is launched."""

from dataclasses import replace

import pytest

from flows import control
from flows.launcher import LaunchError
from pipeline.domain.errors import AppError, BadRequestError, NotAllowedError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import Actor, BacktestRequest, Channel, RunStatus
from tests.kit.deliveries import owed
from tests.kit.plain_services import plain_services

CHAT = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=5)
GOOD = {
    "symbol": "EURUSD", "timeframe": "M5", "start": "2025-05-05", "end": "2025-05-09",
    "setup_id": "Asia_sweep_engulf_v1",
}  # fmt: skip


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path) as given:
        yield given


REFUSED = [
    ({"setup_id": "Frank_raid"}, "setup_id", "Frank_raid_v1"),
    ({"symbol": "EURSD"}, "symbol", "EURUSD"),
    ({"symbol": "GER40"}, "symbol", "EURUSD"),
    ({"timeframe": "M1"}, "timeframe", "M5"),
    ({"timeframe": "D1"}, "timeframe", "M5"),
    ({"start": "2024-05-05", "end": "2024-05-09"}, "start", "2025-05-01..2025-05-30"),
    ({"start": "2027-05-05", "end": "2027-05-09"}, "start", None),
]


@pytest.mark.parametrize(("change", "field", "closest"), REFUSED)
async def test_a_refusal_names_the_field_and_starts_nothing(services, change, field, closest):
    request = BacktestRequest.model_validate({**GOOD, **change})
    with pytest.raises(BadRequestError) as caught:
        await control.launch(request, CHAT, services)
    assert caught.value.field == field
    assert closest is None or closest in caught.value.closest
    assert await services.runs.newest() == []
    (event,) = await services.audit.newest()
    assert event.verdict == "refused"
    assert event.reason == caught.value.user_text
    assert await owed(services.outbox) == []


async def test_an_unreadable_text_is_refused_and_audited(services):
    with pytest.raises(BadRequestError):
        await control.launch_text("Asia_sweep_engulf_v1 EURUSD M5 nonsense=1", CHAT, services)
    (event,) = await services.audit.newest()
    assert (event.verdict, event.action) == ("refused", "backtest")
    assert "nonsense" in event.what["text"]
    assert await services.runs.newest() == []


async def test_an_accepted_request_is_audited_with_its_run(services):
    run = await control.launch(BacktestRequest.model_validate(GOOD), CHAT, services)
    (event,) = await services.audit.newest()
    assert (event.verdict, event.run_id, event.actor) == ("accepted", run.run_id, CHAT)
    assert run.run_id.startswith("bt_")
    await services.launcher.wait(run.run_id)


async def test_the_rule_version_is_pinned_when_accepted(services):
    run = await control.launch(BacktestRequest.model_validate(GOOD), CHAT, services)
    assert run.request["extra"]["rule_version"] == "1.0"
    await services.launcher.wait(run.run_id)


async def test_a_launch_that_fails_ends_the_run_with_a_kind_line(services, monkeypatch):
    async def down(*_):
        raise LaunchError("The scheduler doesn't answer; is it running?")

    monkeypatch.setattr(services.launcher, "launch", down)
    with pytest.raises(AppError, match="scheduler"):
        await control.launch(BacktestRequest.model_validate(GOOD), CHAT, services)
    (run,) = await services.runs.newest()
    assert run.status is RunStatus.FAILED
    assert "scheduler" in run.error
    (progress,) = await owed(services.outbox)
    assert progress.payload["final"]


async def test_a_dry_run_plans_and_writes_no_run(services):
    plan = await control.launch_text(
        "Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-09-30 dry_run", CHAT, services
    )
    assert isinstance(plan, control.DryRunPlan)
    assert plan.tasks[0] == "data_ingest"
    assert plan.loaded_from == "M5"
    assert plan.missing
    assert 0 < plan.bars_held < plan.bars_needed
    assert await services.runs.newest() == []
    assert {*services.cpu.calls} <= {"warm_up_bars"}


async def test_rerun_refuses_unknown_running_and_foreign_runs(services):
    with pytest.raises(BadRequestError):
        await control.rerun("bt_x", CHAT, services)
    run = await control.launch(BacktestRequest.model_validate(GOOD), CHAT, services)
    with pytest.raises(BadRequestError):
        await control.rerun(run.run_id, CHAT, services)
    await services.launcher.wait(run.run_id)
    stranger = Actor(channel=Channel.TELEGRAM, user_id=9, chat_id=9)
    with pytest.raises(NotAllowedError):
        await control.rerun(run.run_id, stranger, services)
    verdicts = [event.verdict for event in await services.audit.newest()]
    assert verdicts.count("refused") == 3


async def test_an_owner_may_cancel_anybodys_run(services):
    run = await control.launch(BacktestRequest.model_validate(GOOD), CHAT, services)
    await services.chats.set_role(9, "owner", services.clock())
    boss = Actor(channel=Channel.TELEGRAM, user_id=9, chat_id=9)
    await control.cancel(run.run_id, boss, services)
    await services.launcher.wait(run.run_id)
    with pytest.raises(BadRequestError, match="ended"):
        await control.cancel(run.run_id, boss, services)


async def test_nothing_held_at_all_says_how_to_begin(services):
    await services.bars.remove("EURUSD", Timeframe.M5)
    with pytest.raises(BadRequestError, match="Import a file first"):
        await control.launch(BacktestRequest.model_validate(GOOD), CHAT, services)


async def test_a_period_without_bars_offers_the_held_one_as_a_command(services):
    request = BacktestRequest.model_validate({**GOOD, "start": "2024-05-05", "end": "2024-05-09"})
    with pytest.raises(BadRequestError) as caught:
        await control.launch(request, CHAT, services)
    assert caught.value.closest[0] in caught.value.corrected
    run = await control.launch_text(caught.value.corrected, CHAT, services)
    await services.launcher.wait(run.run_id)


async def test_an_owner_of_the_settings_may_stop_anybodys_run(services):
    boss = Actor(channel=Channel.TELEGRAM, user_id=77, chat_id=7)
    run = await control.launch(BacktestRequest.model_validate(GOOD), CHAT, services)
    await services.launcher.wait(run.run_id)
    with pytest.raises(NotAllowedError):
        await control.rerun(run.run_id, boss, services)
    named = services.settings.model_copy(update={"owner_ids": (77,)})
    again = await control.rerun(run.run_id, boss, replace(services, settings=named))
    await services.launcher.wait(again.run_id)


@pytest.mark.parametrize("text", ["/upkeep", "/upkeep dry"])
@pytest.mark.parametrize("channel", [Channel.HTTP, Channel.SCHEDULE, Channel.TELEGRAM])
async def test_what_is_the_owners_is_refused_by_whatever_channel_it_comes(services, text, channel):
    now = services.clock()
    for user, role in ((21, "trader"), (22, "owner")):
        await services.chats.set_role(user, role, now)
    trader = Actor(channel=channel, user_id=21, name="Theo")
    owners_token = Actor(channel=channel, user_id=22, role="trader")
    for asks in (trader, owners_token):
        with pytest.raises(NotAllowedError, match="role owner"):
            await control.launch_text(text, asks, services)
    assert await services.runs.newest() == []
    assert {e.verdict for e in await services.audit.newest()} == {"refused"}
    run = await control.queue(
        control.story_of_text(text).request(), Actor(channel=channel, user_id=22), services
    )
    assert run.status is RunStatus.QUEUED
