"""Deploying without Prefect: idempotent, pauses that last, schedules, prune, templates, run now."""

from pathlib import Path

import pytest

from flows import deployments as at_work
from flows.deployed_flows import FLOWS
from flows.deploying import deploy, register
from flows.deployment_adding import add_deployment, apply_one, write_into
from flows.deployment_file import NAMED, SHIPPED, file_for, parse_file, read_file
from flows.deployment_templates import make_spec, read_options
from flows.deployment_text import deployed_lines, list_lines, shown_lines
from flows.live_limits import setups_to_scan
from pipeline.domain.errors import AppError, BadRequestError, SetupError
from pipeline.domain.request import Actor, Channel, RunStatus
from pipeline.domain.schedule import Schedule
from tests.kit.plain_services import plain_services
from tests.unit.flows.test_deployment_file import CONTRACT

OWNER = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=1)
COMMAND = "/backtest Asia_sweep_engulf_v1 EURUSD M5 2025-05-05..2025-05-20"
NIGHTLY = f"""
  - name: nightly
    flow: flows.backtest_flow
    schedule: "30 22 * * 1-5"
    timezone: Europe/Berlin
    work_pool: local_pool
    parameters: {{default_spread: 1.5, text: {COMMAND}}}
"""
HOME = Path("deployments.yaml")


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path, owner_ids=(1,)) as found:
        yield found


async def deployed(services, text=CONTRACT, **how):
    return await deploy(parse_file(text, HOME), services, OWNER, None, **how)


def names(done):
    return {(change.name, change.kind) for change in done.changes}


async def test_the_same_file_twice_changes_nothing(services):
    dry = await deployed(services, CONTRACT + NIGHTLY, dry_run=True)
    assert await services.deployments.all() == []
    assert await services.schedules.all() == []
    done = await deployed(services, CONTRACT + NIGHTLY)
    assert names(dry) == names(done)
    assert {kind for _, kind in names(done)} == {"added"}
    kept = await services.deployments.all(), await services.schedules.all()
    again = await deployed(services, CONTRACT + NIGHTLY)
    assert again.nothing
    assert (await services.deployments.all(), await services.schedules.all()) == kept
    trail = [e for e in await services.audit.newest() if e.action == "deploy"]
    assert len(trail) == 1


async def test_a_dry_run_tells_each_field_old_and_new(services):
    await deployed(services, CONTRACT + NIGHTLY)
    changed = (CONTRACT + NIGHTLY).replace("30 22", "0 23").replace("1.5", "2.5")
    told = "\n".join(deployed_lines(await deployed(services, changed, dry_run=True), dry_run=True))
    assert "~ nightly" in told
    assert "schedule: 30 22 * * 1-5 → 0 23 * * 1-5" in told
    assert "default_spread=1.5" in told
    assert "→ default_spread=2.5" in told
    assert (await services.deployments.get("nightly")).schedule == "30 22 * * 1-5"


async def test_a_schedule_asks_what_the_parameters_say(services):
    await deployed(services, CONTRACT + NIGHTLY)
    nightly = await services.schedules.get("nightly")
    assert (nightly.cron, nightly.zone) == ("30 22 * * mon-fri", "Europe/Berlin")
    assert nightly.payload == {"text": COMMAND}
    assert (nightly.deployment, nightly.actor.chat_id) == ("nightly", 1)
    weekly = await services.schedules.get("train_model_flow_prod")
    assert (weekly.cron, weekly.payload) == ("0 3 * * sun", {"trigger": "scheduled_weekly"})
    assert {one.name for one in await services.schedules.all()} == {
        "nightly", "train_model_flow_prod",
    }  # fmt: skip


async def test_a_schedule_that_left_the_file_is_no_more(services):
    await deployed(services, CONTRACT + NIGHTLY)
    await deployed(services, (CONTRACT + NIGHTLY).replace('"30 22 * * 1-5"', "null"))
    assert await services.schedules.get("nightly") is None


async def test_what_left_the_file_stays_until_it_is_pruned(services):
    await deployed(services, CONTRACT + NIGHTLY)
    done = await deployed(services)
    assert (done.nothing, done.left) == (True, ("nightly",))
    assert await services.schedules.get("nightly") is not None
    dry = await deployed(services, dry_run=True, prune=True)
    assert dry.removed == ("nightly",)
    assert await services.deployments.get("nightly") is not None
    assert (await deployed(services, prune=True)).removed == ("nightly",)
    assert await services.deployments.get("nightly") is None
    assert await services.schedules.get("nightly") is None
    assert (await deployed(services, prune=True)).nothing


async def test_a_pause_outlives_deploying_and_restarts(services):
    await deployed(services, CONTRACT + NIGHTLY)
    await at_work.set_paused("nightly", OWNER, services, paused=True)
    assert (await services.schedules.get("nightly")).paused
    await deployed(services, (CONTRACT + NIGHTLY).replace("30 22", "0 23"))
    await register(services)
    assert (await services.deployments.get("nightly")).status == "paused"
    assert (await services.schedules.get("nightly")).paused
    await at_work.set_paused("nightly", OWNER, services, paused=False)
    assert not (await services.schedules.get("nightly")).paused


async def test_paused_in_the_file_counts_when_it_is_new_there(services):
    text = (CONTRACT + NIGHTLY).replace("- name: nightly", "- name: nightly\n    paused: true")
    await deployed(services, CONTRACT + NIGHTLY)
    told = await deployed(services, text)
    assert [str(f) for c in told.changes for f in c.fields] == ["paused: no → yes"]
    assert (await services.deployments.get("nightly")).status == "paused"
    await at_work.set_paused("nightly", OWNER, services, paused=False)
    assert (await deployed(services, text)).nothing
    assert (await services.deployments.get("nightly")).status == "active"


async def test_a_person_s_schedule_is_not_overwritten(services):
    mine = Schedule(name="nightly", flow_name="backtest_flow", cron="0 1 * * *", payload={},
                    actor=OWNER, created_at=services.clock())  # fmt: skip
    await services.schedules.put(mine, services.clock())
    with pytest.raises(BadRequestError, match="no deployment's"):
        await deployed(services, CONTRACT + NIGHTLY)
    assert await services.deployments.all() == []
    assert (await services.schedules.get("nightly")).cron == "0 1 * * *"


async def test_a_training_schedule_that_was_set_goes_first(tmp_path):
    async with plain_services(tmp_path, train_schedule="off") as services:
        await deployed(services)
        assert await services.schedules.all() == []
        line = await at_work.deployment_line("train_model_flow_prod", services)
        assert line.keeper == "TRAIN_SCHEDULE=off"
        assert line.entry.next_run is None


async def test_a_worker_registers_the_shipped_file_once(services):
    await register(services)
    first = await services.deployments.all()
    assert {entry.flow_name for entry in first} == set(FLOWS)
    await register(services)
    assert await services.deployments.all() == first


async def test_a_worker_brings_versions_up_to_date_and_new_flows_in(services):
    await register(services)
    old = await services.deployments.get("backtest_flow_prod")
    await services.deployments.put(old.model_copy(update={"version": "old"}))
    await services.deployments.remove("verify_flow_prod")
    await register(services)
    assert (await services.deployments.get("backtest_flow_prod")).version == old.version
    assert await services.deployments.get("verify_flow_prod") is not None


async def test_what_was_pruned_a_worker_does_not_bring_back(services):
    await register(services)
    await deployed(services, prune=True)
    await register(services)
    assert len(await services.deployments.all()) == 3
    await deploy(read_file(SHIPPED), services, OWNER, None)
    assert len(await services.deployments.all()) == len(FLOWS)


async def test_a_worker_does_not_look_at_a_file_that_is_being_edited(services):
    await register(services)
    own = services.settings.home / NAMED
    own.write_text(CONTRACT.replace("backtest_flow", "nonsense"))
    await register(services)
    assert len(await services.deployments.all()) == len(FLOWS)


async def test_a_broken_file_of_one_s_own_does_not_keep_a_new_home_from_working(services):
    (services.settings.home / NAMED).write_text("nonsense")
    await register(services)
    assert len(await services.deployments.all()) == len(FLOWS)


async def test_run_now_goes_through_start_under_its_name(services):
    await deployed(services, CONTRACT + NIGHTLY)
    await at_work.set_paused("nightly", OWNER, services, paused=True)
    run = await at_work.run_now("nightly", OWNER, services)
    await services.launcher.wait(run.run_id)
    run = await services.runs.get(run.run_id)
    assert (run.status, run.deployment) == (RunStatus.COMPLETED, "nightly")
    line = await at_work.deployment_line("nightly", services)
    assert (line.last.run_id, line.entry.last_run) == (run.run_id, run.created_at)
    assert (await at_work.deployment_line("backtest_flow_prod", services)).last is None
    trail = await services.audit.newest(run_id=run.run_id)
    assert [(e.action, e.verdict) for e in trail] == [("backtest", "accepted")]


async def test_run_now_says_what_is_missing_and_starts_nothing(services):
    await deployed(services)
    for name, told in (
        ("backtest_flow_prod", "give text"),
        ("live_scan_flow_prod", "the scanner"),
    ):
        with pytest.raises(BadRequestError, match=told):
            await at_work.run_now(name, OWNER, services)
    with pytest.raises(BadRequestError, match="did you mean backtest_flow_prod"):
        await at_work.run_now("backtest_prod", OWNER, services)
    assert await services.runs.newest() == []
    refused = [e for e in await services.audit.newest() if e.verdict == "refused"]
    assert len(refused) == 2


async def test_live_scans_heed_their_deployments(services):
    everything = {spec.setup_id for spec in await services.setups.active()}

    async def scanned():
        return {spec.setup_id for spec in await setups_to_scan(services)}

    assert await scanned() == everything
    await register(services)
    assert await scanned() == everything
    await apply_one(make_spec("desk", "live_watch", {"setups": "IB_raid_v1"}), services, OWNER)
    assert await scanned() == {"IB_raid_v1"}
    await at_work.set_paused("desk", OWNER, services, paused=True)
    assert await scanned() == everything
    await at_work.set_paused("live_scan_flow_prod", OWNER, services, paused=True)
    assert await scanned() == set()


async def test_a_template_adds_an_entry_and_keeps_the_rest(services):
    home = services.settings.home
    own = home / NAMED
    own.write_text("# mine\n" + CONTRACT + "\n# pools\nwork_pools:\n" + "".join(
        f"  - name: {n}_pool\n" for n in ("local", "live", "training", "ingestion")))  # fmt: skip
    before = own.read_text()
    words = "setup=Asia_sweep_engulf_v1 symbol=EURUSD period=last 60d at=21:05"
    spec = await add_deployment("night", "nightly_backtest", read_options(words.split()), services)
    after = own.read_text()
    start, _, end = before.partition("\n# pools")
    assert after.startswith(start) and after.endswith("# pools" + end)
    assert read_file(own).specs[-1] == spec
    assert spec.parameters == {"text": "/backtest Asia_sweep_engulf_v1 EURUSD last 60d"}
    assert spec.schedule == "5 21 * * mon-fri"
    with pytest.raises(SetupError, match="is there already"):
        write_into(home, spec)
    assert own.read_text() == after
    assert {path.name for path in home.glob("*.yaml*")} == {NAMED}


async def test_without_a_file_a_template_begins_with_the_shipped_one(services):
    home = services.settings.home
    spec = await add_deployment("btc", "ingest", {"market": "BTC/USDT"}, services)
    assert file_for(home) == home / NAMED
    assert read_file(home / NAMED).specs == (*read_file(SHIPPED).specs, spec)
    assert (home / NAMED).read_text().startswith(SHIPPED.read_text().rstrip())


@pytest.mark.parametrize(
    ("template", "options", "told"),
    [
        ("nightly_backtst", {}, "did you mean nightly_backtest"),
        ("nightly_backtest", {"symbl": "EURUSD"}, "did you mean symbol"),
        ("nightly_backtest", {"setup": "Asia_sweep_engulf_v1"}, "needs symbol=…"),
        ("nightly_backtest", {"setup": "Asia_swep", "symbol": "EURUSD"}, "Asia_swep"),
        ("weekly_train", {"at": "3 o'clock"}, "is no time of day"),
        ("weekly_train", {"day": "someday"}, "weekday 'som'"),
        ("ingest", {"market": "BTC/USDT", "zone": "Nowhere"}, "unknown time zone"),
    ],
)
async def test_a_wrong_template_or_option_writes_nothing(services, template, options, told):
    with pytest.raises(AppError, match=told):
        await add_deployment("x", template, options, services)
    assert not (services.settings.home / NAMED).exists()


async def test_a_list_that_is_no_lines_is_left_alone(services):
    own = services.settings.home / NAMED
    own.write_text("deployments: [{name: a, flow: flows.batch_flow, work_pool: local_pool}]\n")
    with pytest.raises(SetupError, match="put this in by hand"):
        await add_deployment("btc", "ingest", {"market": "BTC/USDT"}, services)
    assert len(read_file(own).specs) == 1


async def test_how_they_read(services):
    assert "Nothing is registered" in next(list_lines([], "UTC"))
    await deployed(services, CONTRACT + NIGHTLY)
    lines = list(list_lines(await at_work.deployment_lines(services), "Europe/Berlin"))
    assert len(lines) == 5
    assert "*/1 * * * * (kept by the scanner)" in "\n".join(lines)
    shown = "\n".join(shown_lines(await at_work.deployment_line("nightly", services), "UTC"))
    assert COMMAND in shown
    assert "version" in shown and "Europe/Berlin" in shown
