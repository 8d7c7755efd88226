"""Metrics of real processes over HTTP: one setting for several, each found by its file."""

import time

import pytest

from flows.app_version import app_version
from flows.measuring import longest_closed, measure_waiting
from pipeline.domain.report import DeliveryKind
from pipeline.domain.request import Actor, Channel
from storage import metrics
from tests.kit.monitoring import names
from tests.kit.observed import observed, scraped, targets, wait_for_targets
from tests.kit.plain_services import NOW, plain_services
from tests.kit.servers import free_port


def test_two_processes_with_one_address_are_both_found_and_gone_when_they_end(tmp_path):
    port, dead = free_port(), free_port()
    address = f"127.0.0.1:{port}"
    bot = {"TELEGRAM_BOT_TOKEN": "1:x", "TELEGRAM_API_BASE": f"http://127.0.0.1:{dead}"}
    with observed(tmp_path, ("flows.scanner", "bot"), METRICS_ADDRESS=address, **bot) as started:
        found = wait_for_targets(tmp_path, 2)
        assert set(found) == {"scanner", "bot"}
        assert address in found.values()
        assert len(set(found.values())) == 2
        for name, target in found.items():
            labels = (("process", name), ("version", app_version()))
            assert scraped(target)["scout_process_info"] == {labels: 1.0}
            assert {metric.name.removesuffix("_total") for metric in metrics.METRICS} <= {
                each.removesuffix("_total") for each in scraped(target)
            }
        told = {name for target in found.values() for name in scraped(target)}
        histograms = {f"{m.name}_bucket" for m in metrics.METRICS if m.kind == "histogram"}
        assert {n.removesuffix("_total") for n in names() - histograms} <= {
            n.removesuffix("_total") for n in told
        }
        started[0].kill()  # no goodbye: its file stays until the next process looks
        started[0].wait(10)
    assert set(targets(tmp_path)) <= {"scanner"}
    with observed(tmp_path, ("flows.scanner",), METRICS_ADDRESS="127.0.0.1:0"):
        until = time.monotonic() + 60
        while set((now := targets(tmp_path)).values()) <= set(found.values()):
            assert time.monotonic() < until, now
            time.sleep(0.1)
        assert set(now) == {"scanner"}
        assert len(list((tmp_path / "run" / "metrics").iterdir())) == 1
        assert "scout_scan_seconds_bucket" not in scraped(now["scanner"])


@pytest.fixture
def registry():
    yield metrics.turn_on("test", "0")
    metrics.turn_off()


async def test_what_waits_is_told(tmp_path, registry):
    async with plain_services(tmp_path) as services:
        await services.outbox.put(1, DeliveryKind.NOTICE, {"text": "x"}, dedupe_key="a", now=NOW)
        who = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=1)
        run = await services.runs.create("bt", "backtest_flow", {}, who, NOW)
        await measure_waiting(services)
        assert registry.get_sample_value("scout_outbox_owed") == 1
        assert registry.get_sample_value("scout_outbox_oldest_seconds") > 0
        queued = [
            registry.get_sample_value("scout_runs_queued", {"priority": p})
            for p in ("1", "2", "3")
        ]
        assert sum(queued) == 1
        await services.runs.request_cancel(run.run_id, NOW)
        await measure_waiting(services)
        assert registry.get_sample_value("scout_runs_queued", {"priority": "2"}) == 0


def test_the_longest_timeframe_that_closes():
    assert longest_closed(NOW.replace(hour=10, minute=7)) == "M1"
    assert longest_closed(NOW.replace(hour=10, minute=45)) == "M15"
    assert longest_closed(NOW.replace(hour=8, minute=0)) == "H4"
    assert longest_closed(NOW.replace(hour=0, minute=0)) == "D1"
