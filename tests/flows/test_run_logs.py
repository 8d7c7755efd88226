"""What processes wrote about a run: bound to it, found on its days, told as text."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from flows.cli_logs import span_of
from flows.observing import logs_folder
from flows.run_logs import day_of, entry_line, error_log, run_log
from pipeline.domain.errors import BadRequestError, RequestError
from pipeline.domain.request import Actor, Channel
from storage.log_files import LogFile
from storage.log_reading import parsed
from tests.kit.plain_services import plain_services

ME = Actor(channel=Channel.TELEGRAM, user_id=1, chat_id=1)


@pytest.fixture
async def services(tmp_path):
    async with plain_services(tmp_path) as made:
        yield made


def say(services, name, at, event, **facts):
    words = {"timestamp": at.isoformat(), "level": "info", "process": name, "event": event}
    log = LogFile(logs_folder(services.settings), name)
    log.write(json.dumps({**words, **facts}).encode(), at.timestamp())


async def test_a_rerun_of_a_later_day_is_found_as_long_as_its_record_says(services):
    now = services.clock()
    began = now - timedelta(days=3)
    run = await services.runs.create("bt", "backtest_flow", {}, ME, began)
    say(services, "bot", began, "accepted", run_id=run.run_id)
    say(services, "worker", now, "run_started", run_id=run.run_id, attempt=2)
    found = await run_log(run.run_id, services)
    assert [entry.event for entry in found.entries] == ["accepted", "run_started"]


async def test_what_is_not_held_is_said_kindly(services):
    with pytest.raises(RequestError, match="there is no such run"):
        await run_log("bt_2020_01_01_001", services)
    run = await services.runs.create("bt", "backtest_flow", {}, ME, services.clock())
    with pytest.raises(RequestError, match="kept LOG_DAYS"):
        await run_log(run.run_id, services)
    for nonsense in ("../../etc/passwd", "bt_2020_13_45_001", ""):
        with pytest.raises(BadRequestError, match="is no run id"):
            await run_log(nonsense, services)


async def test_errors_of_the_last_hours(services):
    now = services.clock()
    say(services, "worker", now - timedelta(hours=30), "old", level="error")
    say(services, "worker", now - timedelta(hours=2), "newer", level="error")
    found = await error_log(now - timedelta(hours=24), services)
    assert [entry.event for entry in found.entries] == ["newer"]


def test_a_line_reads_as_a_person_wants_it():
    at = datetime(2026, 11, 26, 9, 5, 7, tzinfo=UTC)
    words = {
        "timestamp": at.isoformat(), "level": "error", "process": "worker", "pid": 7,
        "event": "run_failed", "run_id": "bt_1", "logger": "x", "task": "simulate",
        "exception": "Traceback …\n  File\nValueError: no", "long": "y" * 1000,
    }  # fmt: skip
    line = entry_line(parsed(json.dumps(words).encode()), "Europe/Berlin")
    assert line.startswith(
        "10:05:07 worker ERROR run_failed task=simulate ValueError: no long=yyy"
    )
    assert len(line) < 450
    assert "\n" not in line


def test_spans_and_days():
    assert span_of("24h") == timedelta(days=1)
    assert span_of(" 30M ") == timedelta(minutes=30)
    with pytest.raises(BadRequestError, match="24h"):
        span_of("yesterday")
    assert day_of("live_2026_11_26_101500").isoformat() == "2026-11-26"
