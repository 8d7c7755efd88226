"""Reading deployments.yaml: the contract's own text, and each slip told where it is."""

from pathlib import Path

import pytest

from flows.deployed_flows import FLOWS, POOLS
from flows.deployment_checks import times_of
from flows.deployment_file import SHIPPED, file_for, parse_file, read_file
from flows.stories import STORIES
from pipeline.domain.errors import SetupError

CONTRACT = """\
deployments:
  - name: backtest_flow_prod
    flow: flows.backtest_flow
    schedule: null            # manual only
    work_pool: local_pool
    tags: [backtest, production]
    parameters: {default_slippage: 1.0, default_spread: 2.0}
  - name: live_scan_flow_prod
    flow: flows.live_scan_flow
    schedule: "*/1 * * * *"
    work_pool: live_pool
    tags: [live, production]
    parameters: {active_setups: [Frank_raid_v1, Asia_fvg_break_v2]}
  - name: train_model_flow_prod
    flow: flows.train_model_flow
    schedule: "0 3 * * 0"     # Sundays 03:00
    work_pool: training_pool
    tags: [ml, training]
"""
FILE = Path("deployments.yaml")


def wrong(old, new):
    assert old in CONTRACT
    with pytest.raises(SetupError) as caught:
        parse_file(CONTRACT.replace(old, new, 1), FILE)
    return caught.value.user_text


def test_the_contract_s_file_is_read_as_it_stands():
    backtest, live, train = parse_file(CONTRACT, FILE).specs
    assert backtest.parameters == {"default_slippage": 1.0, "default_spread": 2.0}
    assert backtest.schedule is None
    assert live.parameters["active_setups"] == ["Frank_raid_v1", "Asia_fvg_break_v2"]
    assert times_of(live) is None
    assert times_of(train).cron == "0 3 * * sun"
    assert (train.tags, train.work_pool) == (("ml", "training"), "training_pool")


def test_the_shipped_file_deploys_every_flow_under_its_own_name():
    file = read_file(SHIPPED)
    names = {spec.name: spec for spec in file.specs}
    assert set(names) == {f"{flow}_prod" for flow in FLOWS}
    assert {pool.name for pool in file.pools} == set(POOLS)
    contract = {spec.name: spec for spec in parse_file(CONTRACT, FILE).specs}
    for name, spec in contract.items():
        ours = names[name]
        assert (ours.flow, ours.schedule, ours.work_pool, ours.tags) == (
            spec.flow, spec.schedule, spec.work_pool, spec.tags,
        )  # fmt: skip
        assert set(ours.parameters) == set(spec.parameters)
    assert names["backtest_flow_prod"].parameters == contract["backtest_flow_prod"].parameters


def test_every_kind_of_run_can_be_deployed():
    assert set(STORIES) <= set(FLOWS)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("flows.backtest_flow", "flows.backtst_flow", ":3: backtest_flow_prod flow: unknown flow 'flows.backtst_flow'; did you mean flows.backtest_flow?"),
        ("local_pool", "locl_pool", ":5: backtest_flow_prod work_pool: unknown pool 'locl_pool'; did you mean local_pool?"),
        ("    work_pool: local_pool\n", "", "backtest_flow_prod: 'work_pool:' is missing"),
        ('"0 3 * * 0"', '"0 3 * * 8"', ":16: train_model_flow_prod schedule: weekday '8' is not one of 0 to 7 (0 and 7 are Sunday, 1 is Monday) or sun"),
        ('"0 3 * * 0"', '"0 3 * *"', "has 4 words, not five"),
        ('"0 3 * * 0"', '"61 3 * * 0"', "minute '61' is not one of 0 to 59"),
        ('"0 3 * * 0"', "hourly", 'write five words such as "30 22 * * mon-fri", or "every 15 minutes"'),
        ('"0 3 * * 0"', '"0 3 1 * sun"', "day of month and a weekday together"),
        ("name: live_scan", "name: backtest_flow_prod\n    description: live_scan", ":8: backtest_flow_prod name: 'backtest_flow_prod' is there already, in line 2"),
        ("default_spread", "default_spred", "knows no parameter 'default_spred'; did you mean default_spread?"),
        ("2.0}", "wide}", "default_spread: input should be a valid number"),
        ("[Frank_raid_v1, Asia_fvg_break_v2]", "5", "active_setups: input should be a valid tuple"),
        ("tags: [ml", "tag: [ml", ":18: train_model_flow_prod tag: is an unknown field; did you mean tags?"),
        ("deployments:", "deploymnts:", ":1: deploymnts: is an unknown field; did you mean deployments?"),
        ('"*/1 * * * *"', '"*/5 * * * *"', "the scanner scans at each minute's close"),
        ("schedule: null", "schedule: every 15 minutes", "nothing says what is asked for at each time: give text: '/backtest …', or symbol"),
        ("{default_slippage: 1.0", "{text: /train, default_slippage: 1.0", "'/train' is for train_model_flow, not for backtest_flow"),
        ("{default_slippage: 1.0", "{text: /backtest x, symbol: GER40, default_slippage: 1.0", "the command says it all; leave out symbol"),
        ("{default_slippage: 1.0", "{start: soon, default_slippage: 1.0", "parameters.start: input should be a valid date"),
        ("schedule: null", "timezone: Europe/Berln\n    parameters: {text: /backtest x}\n    schedule: every hour", "parameters: is given twice"),
        ("  - name: backtest", "  - 3\n  - name: backtest", "entry 1: is no entry"),
        ("deployments:", "deployments: &a\n  - *a", "anchors and aliases are not used"),
        ("tags: [ml", "concurrency_limit: 0\n    tags: [ml", "greater than or equal to 1, not '0'"),
        ("tags: [ml", "description: !!python/object:os.system x\n    tags: [ml", "tags (!…) are not used"),
        ("name: train", "name: ../train", "train_model_flow_prod name: string should match pattern"),
    ],
)  # fmt: skip
def test_each_slip_is_told(old, new, told):
    text = wrong(old, new)
    assert text.startswith("deployments.yaml:")
    assert told in text


def test_a_zone_that_is_none_is_told():
    text = wrong('"0 3 * * 0" ', '"0 3 * * 0"\n    timezone: Europe/Berln ')
    assert "unknown time zone 'Europe/Berln'" in text


@pytest.mark.parametrize("data", [b"x: " + b"[" * 200, b"a" * 70_000, b"\xff\xfe", b"- 1\n", b""])
def test_what_is_no_such_file_is_refused_at_once(tmp_path, data):
    path = tmp_path / "deployments.yaml"
    path.write_bytes(data)
    with pytest.raises(SetupError):
        read_file(path)


def test_a_file_that_isn_t_there_is_told(tmp_path):
    with pytest.raises(SetupError, match=r"can't be read: No such file"):
        read_file(tmp_path / "none.yaml")


def test_the_home_s_own_file_wins_and_a_named_one_above_all(tmp_path):
    assert file_for(tmp_path) == SHIPPED
    own = tmp_path / "deployments.yaml"
    own.write_text(CONTRACT)
    assert file_for(tmp_path) == own
    assert file_for(tmp_path, Path("x.yaml")) == Path("x.yaml")


def test_pools_of_one_s_own():
    text = "work_pools:\n  - name: big_pool\n    concurrency_limit: 3\n" + CONTRACT.replace(
        "local_pool", "big_pool"
    ).replace("live_pool", "big_pool").replace("training_pool", "big_pool")
    file = parse_file(text, FILE)
    assert [(pool.name, pool.concurrency_limit) for pool in file.pools] == [("big_pool", 3)]
    with pytest.raises(SetupError, match="unknown pool 'local_pool'"):
        parse_file(text.replace("work_pool: big_pool", "work_pool: local_pool", 1), FILE)
