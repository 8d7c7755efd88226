import logging
import os
import re

import pytest
import structlog
from prometheus_client import generate_latest

from pipeline.domain.errors import StoreDownError
from storage import metrics
from storage.log_files import LogFile
from storage.telemetry import configure_logging, get_logger


@pytest.fixture
def registry():
    made = metrics.turn_on("test", "1.2.3")
    yield made
    metrics.turn_off()


def value(registry, name, **labels):
    return registry.get_sample_value(name, labels)


def test_names_follow_prometheus_conventions():
    for metric in metrics.METRICS:
        assert re.fullmatch(r"scout(_[a-z]+)+", metric.name), metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert metric.words and not metric.words.endswith("."), metric.name
        if metric.kind == "histogram":
            assert list(metric.buckets) == sorted(metric.buckets)
    assert len({metric.name for metric in metrics.METRICS}) == len(metrics.METRICS)


def test_nothing_is_kept_or_refused_while_off():
    assert not metrics.are_on()
    metrics.RUNS.add(flow_type="backtest_flow", status="completed")
    metrics.OWED.set(3)
    metrics.SCORE.observe(0.5, role="champion")


def test_counted_measured_and_set(registry):
    metrics.RUNS.add(flow_type="backtest_flow", status="completed")
    metrics.RUN_SECONDS.observe(4.0, flow_type="backtest_flow")
    metrics.OWED.set(3)
    assert value(registry, "scout_runs_total", flow_type="backtest_flow", status="completed") == 1
    assert value(registry, "scout_run_seconds_bucket", flow_type="backtest_flow", le="5.0") == 1
    assert value(registry, "scout_outbox_owed") == 3
    assert value(registry, "scout_process_info", process="test", version="1.2.3") == 1
    assert b"process_cpu_seconds_total" in generate_latest(registry)


def test_the_number_of_series_is_bounded(registry):
    for number in range(metrics.MOST_SERIES + 50):
        metrics.FEED_LAG.set(1.0, symbol=f"S{number}")
    metrics.FEED_LAG.set(7.0, symbol="S0")
    assert value(registry, "scout_feed_lag_seconds", symbol="S0") == 7.0
    assert value(registry, "scout_feed_lag_seconds", symbol=metrics.OTHER) == 1.0
    series = [
        s for m in registry.collect() if m.name == "scout_feed_lag_seconds" for s in m.samples
    ]
    assert len(series) == metrics.MOST_SERIES + 1


def test_a_child_process_counts_nothing(registry):
    if (child := os.fork()) == 0:
        os._exit(int(metrics.are_on()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert metrics.are_on()


def test_errors_are_counted_once_by_what_was_raised(registry, tmp_path):
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    factory = logging.getLogRecordFactory()
    configure_logging(None, "INFO", file=LogFile(tmp_path, "test"))
    root.addHandler(metrics.ErrorCounter())
    try:
        try:
            raise StoreDownError("down")  # noqa: TRY301
        except StoreDownError:
            get_logger("x").exception("failed")
            logging.getLogger("library").exception("failed too")
        get_logger("x").error("run_failed", error_kind="NoBarsError")
        get_logger("x").error("told", exc_info=ValueError("no"))
        get_logger("x").error("bare")
        get_logger("x").warning("not an error")
    finally:
        root.handlers[:] = before
        logging.setLogRecordFactory(factory)
        logging.captureWarnings(False)
        structlog.reset_defaults()
    kinds = {"StoreDownError": 2, "NoBarsError": 1, "ValueError": 1, "none": 1}
    found = {
        sample.labels["kind"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "scout_errors_total"
    }
    assert found == kinds
