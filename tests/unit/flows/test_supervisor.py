"""The supervisor's small parts: ports, the screen, parts that die or won't stop."""

import asyncio
import json
import signal
import socket
import sys

import pytest

from flows.settings import Settings
from flows.supervisor.output import Output
from flows.supervisor.parts import Part, file_touched
from flows.supervisor.plan import make_plan
from flows.supervisor.ports import DEFAULTS, choose_ports
from flows.supervisor.screen import screen
from flows.supervisor.watch import PartFailedError, Watched, stop_all
from storage.log_files import LogFile, log_parts


def test_ports_are_kept_and_a_taken_one_is_replaced(tmp_path):
    first = choose_ports(tmp_path)
    assert len(set(first.values())) == len(DEFAULTS)
    assert choose_ports(tmp_path) == first
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first["redis"]))
        taken.listen()
        second = choose_ports(tmp_path)
    assert second["redis"] != first["redis"]
    assert second["prefect"] == first["prefect"]


def test_a_damaged_port_file_is_no_obstacle(tmp_path):
    (tmp_path / "ports.json").write_text("{")
    assert set(choose_ports(tmp_path)) == set(DEFAULTS)
    (tmp_path / "ports.json").write_text(json.dumps({"redis": "x"}))
    assert isinstance(choose_ports(tmp_path)["redis"], int)


def part(tmp_path, code, **changes):
    ready = tmp_path / "ready"
    program = f"import pathlib, time, signal, sys\n{code}"
    fields = {"ready_seconds": 10.0, "stop_seconds": 1.0, **changes}
    return Part(
        "thing",
        (sys.executable, "-c", program),
        "here",
        file_touched(ready),
        ready_file=ready,
        **fields,
    )


def output(folder):
    return Output(LogFile(folder / "logs", "thing"))


TOUCH = "pathlib.Path({!r}).write_text('up')\n"


async def test_a_dead_part_is_restarted_and_said(tmp_path):
    said = []
    touch = TOUCH.format(str(tmp_path / "ready"))
    watched = Watched(part(tmp_path, touch + "time.sleep(60)"), output(tmp_path), said.append)
    await watched.start()
    keeping = asyncio.create_task(watched.keep())
    watched.process.kill()
    for _ in range(200):
        if any("up again" in line for line in said):
            break
        await asyncio.sleep(0.05)
    assert said[0].startswith("thing ended (code -9)")
    assert "restart 1" in said[1]
    await stop_all([[watched]], said.append)
    await asyncio.wait_for(keeping, 2)
    assert len(said) == 2


async def test_a_part_that_will_not_stop_is_killed_and_said(tmp_path):
    said = []
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + TOUCH.format(
        str(tmp_path / "ready")
    )
    watched = Watched(part(tmp_path, stubborn + "time.sleep(60)"), output(tmp_path), said.append)
    await watched.start()
    await stop_all([[watched]], said.append)
    assert watched.process.returncode == -signal.SIGKILL
    assert said == ["thing did not stop in time and was killed"]


async def test_a_part_that_ends_at_once_shows_the_end_of_its_log(tmp_path):
    watched = Watched(part(tmp_path, "sys.exit('no such database')"), output(tmp_path), print)
    with pytest.raises(PartFailedError, match="no such database"):
        await watched.start()


async def test_what_a_part_prints_is_kept_line_by_line_to_the_last_word(tmp_path):
    prints = (
        "for n in range(3000): print('line', n)\n"
        "print('x' * 50_000); print('token=hunter2')\n"
        "sys.stdout.flush(); sys.stderr.write('no end of line'); sys.stderr.flush()\n"
    )
    up = TOUCH.format(str(tmp_path / "ready"))
    watched = Watched(part(tmp_path, prints + up), output(tmp_path), print)
    await watched.start()
    await watched.process.wait()
    await stop_all([[watched]], print)
    (kept,) = log_parts(tmp_path / "logs")
    entries = [json.loads(line) for line in kept.path.read_bytes().splitlines()]
    events = [entry["event"] for entry in entries]
    assert events[:3000] == [f"line {n}" for n in range(3000)]
    assert "".join(events[3000:-2]) == "x" * 50_000
    assert events[-2:] == ["token=***", "no end of line"]
    assert {entry["process"] for entry in entries} == {"thing"}


def test_the_screen_names_what_is_up_and_with_which_data(tmp_path):
    held = {
        "symbol": "GER40",
        "timeframe": "M1",
        "bars": 1000,
        "first": "2025-01-02T00:00:00Z",
        "last": "2025-12-30T00:00:00Z",
        "synthetic": True,
    }
    state = {
        "holdings": [held],
        "setups": ["Frank_raid_v1"],
        "problems": ["a.yaml: line 3"],
        "owner_code": "abc",
    }
    text = screen(
        "home", [part(tmp_path, "")], [("redis", "REDIS_URL")], state, "http://127.0.0.1:1/"
    )
    for wanted in (
        "thing",
        "here",
        "elsewhere: REDIS_URL",
        "1,000 bars",
        "SYNTHETIC",
        "/start abc",
        "a.yaml: line 3",
        "http://127.0.0.1:1/",
    ):
        assert wanted in text
    assert "Try      /backtest Frank_raid_v1 GER40 M5 2025" in text
    bare = screen(
        "home", [], [], {"holdings": [], "setups": [], "problems": [], "owner_code": None}, None
    )
    assert "none yet" in bare
    assert "/start" not in bare


def test_without_prefect_neither_its_server_nor_the_worker_is_started(tmp_path):
    settings = Settings(_env_file=None, scout_home=tmp_path, use_prefect=False)
    plan = make_plan(settings, dict.fromkeys(("redis", "prefect", "sandbox"), 1))
    names = [part.name for wave in plan.waves for part in wave]
    assert names == ["redis", "sandbox", "scanner", "bot"]
    assert plan.postgres is None
