import json
from datetime import UTC, date, datetime, timedelta

from storage.log_files import LogFile
from storage.log_reading import Tail, errors_since, lines_about

RUN = "bt_2026_11_25_001"
START = datetime(2026, 11, 25, 23, 59, 50, tzinfo=UTC)
FIRST, LAST = date(2026, 11, 25), date(2026, 11, 26)
MANY = 10_000_000


def say(folder, name, seconds, event, **facts):
    at = START + timedelta(seconds=seconds)
    words = {"timestamp": at.isoformat(), "level": "info", "process": name, "event": event}
    LogFile(folder, name).write(json.dumps({**words, **facts}).encode(), at.timestamp())


def test_lines_of_all_processes_come_in_the_order_of_time_over_midnight(tmp_path):
    say(tmp_path, "worker", 5, "run_started", run_id=RUN)
    say(tmp_path, "bot", 0, "asked", run_id=RUN)
    say(tmp_path, "worker", 15, "run_ended", run_id=RUN)
    say(tmp_path, "bot", 16, "delivered", delivery=f"report:{RUN}")
    say(tmp_path, "worker", 6, "task", run_id="bt_2026_11_25_0011")
    say(tmp_path, "worker", 7, "task", run_id="xbt_2026_11_25_001")
    found = lines_about(tmp_path, RUN, FIRST, LAST, most_bytes=MANY)
    assert [e.event for e in found.entries] == ["asked", "run_started", "run_ended", "delivered"]
    assert not found.cut
    one_day = lines_about(tmp_path, RUN, FIRST, FIRST, most_bytes=MANY)
    assert [e.event for e in one_day.entries] == ["asked", "run_started"]


def test_the_newest_lines_are_kept_when_there_are_too_many(tmp_path):
    for number in range(100):
        say(tmp_path, "worker", number / 100, f"e{number}", run_id=RUN)
    found = lines_about(tmp_path, RUN, FIRST, LAST, most_bytes=1_000)
    assert found.cut
    assert found.entries[-1].event == "e99"
    assert sum(len(e.line) + 1 for e in found.entries) <= 1_000


def test_errors_since_a_moment_and_lines_that_are_none(tmp_path):
    say(tmp_path, "worker", 0, "old", level="error")
    say(tmp_path, "worker", 5, "fine")
    say(tmp_path, "bot", 8, "bad", level="error")
    say(tmp_path, "scanner", 7, "worse", level="critical")
    LogFile(tmp_path, "bot").write(b'{"level": "error", half', START.timestamp())
    (tmp_path / "empty-2026-11-25.jsonl").touch()
    since = START + timedelta(seconds=3)
    found = errors_since(tmp_path, since, LAST, most_bytes=MANY)
    assert [e.event for e in found.entries] == ["worse", "bad"]


def test_following_gives_each_whole_line_once_also_of_new_files(tmp_path):
    say(tmp_path, "worker", 0, "before")
    tail = Tail(tmp_path)
    assert tail.new() == []
    say(tmp_path, "worker", 1, "one")
    say(tmp_path, "bot", 20, "two")
    with next(tmp_path.glob("bot-*")).open("ab") as file:
        file.write(b'{"timestamp": "2026-11-26T00:00:30+00:00", "eve')
    assert [e.event for e in tail.new()] == ["one", "two"]
    with next(tmp_path.glob("bot-*")).open("ab") as file:
        file.write(b'nt": "three"}\n')
    assert [e.event for e in tail.new()] == ["three"]
    assert tail.new() == []


def test_nothing_is_found_where_there_is_no_folder(tmp_path):
    assert lines_about(tmp_path / "no", RUN, FIRST, LAST, most_bytes=MANY).entries == ()
