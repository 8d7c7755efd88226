"""What live following says of a signal's end and what a label of the backtest says are the same."""

from pathlib import Path

from flows import control
from pipeline.domain.label import BACKTEST
from pipeline.domain.request import Actor, Channel, RunStatus
from pipeline.setups.rules import parse_setup
from tests.kit.plain_services import plain_services

NOBODY = Actor(channel=Channel.CLI)
EVERY_BAR = Path(__file__).parents[1] / "kit" / "every_engulfing_bar.yaml"
SETUP = "Every_engulfing_v1"
REPLAYED, LABELLED = "2025-05-07", "2025-05-06..2025-05-08"  # the day in Berlin, days in UTC


async def ended(services, text):
    run = await control.launch_text(text, NOBODY, services)
    await services.launcher.wait(run.run_id)
    run = await services.runs.get(run.run_id)
    assert run.status is RunStatus.COMPLETED, run.error
    return run


def told(row):
    r = None if row.rr is None else round(row.rr, 6)
    return row.label, r, row.exit_reason, row.features, row.feature_version


async def test_a_signal_followed_bar_by_bar_ends_as_its_label_says(tmp_path):
    async with plain_services(tmp_path, scan_processes=0) as services:
        rules = EVERY_BAR.read_text("utf-8").replace("buffer_atr: 10", "buffer_atr: 0.5")
        services.setups.specs[SETUP] = parse_setup(rules, EVERY_BAR.name)
        text = f"/live replay EURUSD {REPLAYED} max {SETUP} M5 confidence=0"
        replay = await ended(services, text)
        await ended(services, f"/label {SETUP} EURUSD M5 {LABELLED}")
        rows = services.labels._rows.values()
    followed = {(r.known_at, r.side): r for r in rows if r.source == replay.run_id}
    labelled = {(r.known_at, r.side): r for r in rows if r.source == BACKTEST}
    assert len(followed) > 5
    assert followed.keys() <= labelled.keys()
    assert {key: told(row) for key, row in followed.items()} == {
        key: told(labelled[key]) for key in followed
    }
    assert {row.label for row in followed.values()} >= {0, 1}
