from datetime import UTC, datetime, timedelta

from pipeline.domain.request import Actor, Channel, Run, RunStatus
from pipeline.live.run_watch import troubles, usual_limits

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ME = Actor(channel=Channel.CLI)


def run(status, age, **changes):
    fields = {"run_id": "bt_2026_11_26_001", "flow_type": "backtest_flow", "request": {}}
    fields |= {"actor": ME, "created_at": NOW - age, "status": status}
    if status is not RunStatus.QUEUED:
        fields["started_at"] = NOW - age
    return Run(**(fields | changes))


def kinds(found, limits=None):
    return [t.kind for t in troubles([found], limits or {}, 30 * MINUTE, NOW)]


def test_each_kind_and_its_edges():
    assert kinds(run(RunStatus.QUEUED, 29 * MINUTE)) == []
    assert kinds(run(RunStatus.QUEUED, 31 * MINUTE)) == ["waits"]
    assert kinds(run(RunStatus.QUEUED, 31 * MINUTE, attempt=2)) == []
    assert kinds(run(RunStatus.QUEUED, 31 * MINUTE, cancel_requested=True)) == []
    assert kinds(run(RunStatus.RUNNING, HOUR)) == []
    assert kinds(run(RunStatus.RUNNING, 3 * HOUR)) == ["slow"]
    assert kinds(run(RunStatus.RUNNING, HOUR), {"backtest_flow": 20 * MINUTE}) == ["slow"]
    assert kinds(run(RunStatus.RUNNING, HOUR, lease_until=NOW - MINUTE)) == []
    assert kinds(run(RunStatus.RUNNING, HOUR, lease_until=NOW - 3 * MINUTE)) == ["crashed"]
    assert kinds(run(RunStatus.FAILED, HOUR, ended_at=NOW - MINUTE)) == ["failed"]
    assert kinds(run(RunStatus.FAILED, 40 * HOUR, ended_at=NOW - 30 * HOUR)) == []
    assert kinds(run(RunStatus.CANCELLED, HOUR, ended_at=NOW)) == []
    assert kinds(run(RunStatus.COMPLETED, HOUR, ended_at=NOW)) == []


def test_the_usual_time_is_learnt_from_the_newest_completed_ones():
    def done(minutes):
        return run(RunStatus.COMPLETED, HOUR, ended_at=NOW - HOUR + minutes * MINUTE)

    assert usual_limits([done(5)] * 4) == {}
    assert usual_limits([done(1)] * 5) == {"backtest_flow": 10 * MINUTE}
    assert usual_limits([*[done(5)] * 20, done(50)]) == {"backtest_flow": 15 * MINUTE}


def test_a_trouble_is_known_by_run_attempt_and_kind():
    (first,) = troubles([run(RunStatus.FAILED, HOUR, ended_at=NOW)], {}, HOUR, NOW)
    (again,) = troubles([run(RunStatus.FAILED, HOUR, ended_at=NOW, attempt=2)], {}, HOUR, NOW)
    assert first.key != again.key
