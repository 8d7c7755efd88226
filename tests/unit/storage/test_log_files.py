import io
import json
import logging
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
import structlog

from storage.log_files import LogFile, LogLimits, log_parts, prune_logs
from storage.telemetry import configure_logging, get_logger, run_context

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 27, tzinfo=UTC)
WRITER = """
import sys
from pathlib import Path
from storage.log_files import LogFile, LogLimits
log = LogFile(Path(sys.argv[1]), "worker", LogLimits(part_bytes=100_000))
for number in range(2000):
    log.write(f"{sys.argv[2]} {number} {'x' * 80}".encode(), 1_780_000_000.0)
"""


def lines(folder, name="worker"):
    return [
        line
        for part in log_parts(folder)
        if part.name == name
        for line in part.path.read_bytes().splitlines()
    ]


def test_processes_of_one_name_neither_lose_nor_cut_a_line_over_many_rotations(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in "abc"
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = lines(tmp_path)
    assert len(log_parts(tmp_path)) > 3
    for name in "abc":
        mine = [int(line.split()[1]) for line in found if line.startswith(name.encode())]
        assert mine == list(range(2000))
    assert {len(line.split()[2]) for line in found} == {80}


def test_the_file_turns_with_the_utc_day_and_old_days_go(tmp_path):
    log = LogFile(tmp_path, "worker", LogLimits(days=2))
    for day in range(5):
        log.write(b"a", (NOON + timedelta(days=day)).timestamp())
    log.write(b"b", MIDNIGHT.timestamp() - 0.001)
    kept = [part.day for part in log_parts(tmp_path)]
    late = 26  # a line that came late opened that day's file again
    assert kept == [date(2026, 11, day) for day in (late, 28, 29, 30)]


def test_the_oldest_go_when_all_is_too_much_but_never_what_is_written_to(tmp_path):
    quiet = LogFile(tmp_path, "bot")
    quiet.write(b"long ago", (NOON - timedelta(days=3)).timestamp())
    limits = LogLimits(most_bytes=3_000, part_bytes=1_000)
    log = LogFile(tmp_path, "worker", limits)
    for _ in range(100):
        log.write(b"y" * 99, NOON.timestamp())
    sizes = [part.path.stat().st_size for part in log_parts(tmp_path)]
    assert sum(sizes) <= 3_000 + 1_000
    assert lines(tmp_path, "bot") == [b"long ago"]
    assert len(lines(tmp_path)) >= 20


def test_foreign_files_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "worker-2026-13-45.jsonl").write_text("no day")
    assert prune_logs(tmp_path, date(2030, 1, 1), LogLimits(days=1, most_bytes=0)) == []
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_somebody_removed_is_begun_anew(tmp_path):
    log = LogFile(tmp_path, "worker")
    log.write(b"one", NOON.timestamp())
    log_parts(tmp_path)[0].path.unlink()
    log.write(b"two", NOON.timestamp())
    assert lines(tmp_path) == [b"two"]


@pytest.fixture
def logging_restored():
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], _ = before
    root.setLevel(before[1])
    logging.setLogRecordFactory(factory)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_the_file_gets_json_with_the_process_while_the_console_stays_text(
    tmp_path, logging_restored
):
    console = io.StringIO()
    log = LogFile(tmp_path, "worker")
    configure_logging(console, "INFO", json=False, file=log)
    with run_context("bt_2026_11_26_001"):
        get_logger("flows.x").info("begun", token="hunter2", bars=3)
        logging.getLogger("aiohttp").warning("slow %d", 5)
    first, second = (json.loads(line) for line in lines(tmp_path))
    assert list(first)[:5] == ["timestamp", "level", "process", "pid", "event"]
    assert (first["process"], first["event"], first["bars"]) == ("worker", "begun", 3)
    assert first["token"] == "***"
    assert first["run_id"] == second["run_id"] == "bt_2026_11_26_001"
    assert second["event"] == "slow 5"
    assert "begun" in console.getvalue() and "{" not in console.getvalue()
    assert "hunter2" not in console.getvalue()


def test_a_disk_that_is_full_costs_the_line_not_the_process(tmp_path, logging_restored, capsys):
    (tmp_path / "logs").write_text("a file where the folder should be")
    console = io.StringIO()
    configure_logging(console, "INFO", file=LogFile(tmp_path / "logs", "worker"))
    get_logger("x").info("still here")
    assert "still here" in console.getvalue()
