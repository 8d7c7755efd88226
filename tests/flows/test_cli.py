"""`scout` as a person meets it: exit codes, kind lines, no traceback."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kit.plain_services import wavy_bars

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a month of bars, imported by the command itself."""
    folder = tmp_path_factory.mktemp("scout")
    bars = wavy_bars()
    table = bars[["open_time", "open", "high", "low", "close", "volume"]].copy()
    table["open_time"] = table["open_time"].dt.strftime("%Y-%m-%d %H:%M:%S")
    table.rename(columns={"open_time": "time"}).to_csv(folder / "EURUSD_M5.csv", index=False)
    done = scout(folder, "import", str(folder / "EURUSD_M5.csv"), "--zone", "UTC")
    assert done.returncode == 0, done.stderr
    return folder


DRIVER = """
import contextlib, io, json, sys
from flows.cli import app
for words in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app(words)
        except SystemExit as end:
            code = end.code or 0
    print(json.dumps([code, out.getvalue(), err.getvalue()]), file=sys.__stdout__)
"""


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def scouts(home, *commands):
    """Run commands one after the other in one process of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    words = json.dumps([["--home", str(home), *command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, words],
        check=True, capture_output=True, text=True, cwd=ROOT, env=env, timeout=170,
    )  # fmt: skip
    assert "Traceback" not in done.stdout
    return [Done(*json.loads(line)) for line in done.stdout.splitlines()]


def scout(home, *words):
    return scouts(home, words)[0]


def test_a_backtest_prints_its_tasks_its_report_and_its_files(home):
    done = scout(
        home, "backtest", "Asia_sweep_engulf_v1", "EURUSD", "M5", "2025-05-05..2025-05-30"
    )
    assert done.returncode == 0, done.stderr
    assert "backtester_core  success" in done.stdout
    assert "expectancy" in done.stdout
    paths = [line.strip() for line in done.stdout.splitlines() if line.strip().endswith(".csv")]
    assert Path(paths[0]).read_text().startswith("trade_id,signal_id,entry_time")
    run_id = done.stdout.split()[0]
    listed, told = scouts(home, ["runs"], ["status", run_id])
    assert listed.stdout.startswith(run_id)
    assert "expectancy" in told.stdout


def test_bad_requests_are_one_kind_line_and_exit_2(home):
    wrong = (
        ["backtest", "Asia_sweep_engulf", "EURUSD"], ["status", "bt_x"], ["cancel", "bt_x"],
        ["compare", "bt_x", "bt_y"], ["signal", "sig_live_007"],
        ["users", "add", "5", "--role", "boss"], ["setups", "nothing"],
        ["import", "nowhere.csv"],
    )  # fmt: skip
    for words, done in zip(wrong, scouts(home, *wrong), strict=True):
        assert done.returncode == 2, (words, done.stdout)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_setups_data_and_users_are_told(home, monkeypatch):
    monkeypatch.setenv("SOURCES", "massive")
    listed, told, held, known, unknown, added, users, removed, none = scouts(
        home, ["setups"], ["setups", "Frank_raid_v1"], ["data"], ["info", "EURUSD"], ["info", "nonesuch"],
        ["users", "add", "5", "--role", "viewer"], ["users", "list"], ["users", "remove", "5"],
        ["users", "list"],
    )  # fmt: skip
    assert "Frank_raid_v1" in listed.stdout
    assert "1. " in told.stdout
    assert "EURUSD   M5" in held.stdout
    assert "needs MASSIVE_API_KEY" in known.stdout
    assert (known.returncode, unknown.returncode) == (0, 2)
    assert (added.returncode, removed.returncode) == (0, 0)
    assert (users.stdout, none.stdout) == ("5  viewer\n", "")


def test_tools_are_listed_told_and_drawn(home, tmp_path):
    place = tmp_path / "fvg.png"
    listed, told, wrong, nowhere = scouts(
        home, ["tools"], ["tools", "fvg", "--picture", str(place)], ["tools", "swng"],
        ["tools", "swing", "--picture", str(tmp_path / "no" / "where.png")],
    )  # fmt: skip
    assert "fair_value_gap       Fair value gap" in listed.stdout
    assert "min_gap_atr      0.1" in told.stdout
    assert place.read_bytes().startswith(b"\x89PNG")
    assert (wrong.returncode, nowhere.returncode) == (2, 2)
    assert wrong.stderr == "unknown tool 'swng': did you mean swing?\n"
    assert "can't be written" in nowhere.stderr


def test_an_open_question_is_asked_with_exit_2(home, tmp_path):
    table = "time,open,high,low,close\n2025-05-05 08:00:00,1,1,1,1\n"
    (tmp_path / "prices.csv").write_text(table)
    done = scout(home, "import", str(tmp_path / "prices.csv"))
    assert done.returncode == 2
    assert "--symbol" in done.stderr


def test_health_and_live_status(home):
    health, status, chat = scouts(
        home, ["health"], ["live", "status"], ["live", "status", "--chat", "5"]
    )
    assert health.returncode == 0, health.stdout
    assert "green  database: answers in" in health.stdout
    assert "Feed: no market is connected" in status.stdout
    assert "Today: no signal" in status.stdout
    assert "Watching: off; else all symbols" in chat.stdout


def test_plain_words_are_read_back_and_run_only_where_that_was_said(home):
    wish = "test the asia sweep on euro dollar from 5 to 30 May 2025 on 5 minute bars, only longs"
    shown, run, talk = scouts(
        home, ["say", *wish.split()], ["say", *wish.split(), "--yes"], ["say", "good", "morning"]
    )
    command = "/backtest Asia_sweep_engulf_v1 EURUSD M5"
    assert shown.returncode == 0
    assert command in shown.stdout and "not understood: only, longs" in shown.stdout
    assert "was accepted" not in shown.stdout
    assert run.returncode == 0 and "was accepted" in run.stdout
    assert talk.returncode == 2
