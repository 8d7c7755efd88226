"""Windows of local wall clock, against the zone's rules asked day by day."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detectors import windows

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "Asia/Kolkata")


def frame(first: str, last: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"open_time": pd.to_datetime([first]), "close_time": pd.to_datetime([last])}
    )


def test_wall_time_that_does_not_exist_or_exists_twice() -> None:
    for day, minute, first, last in (
        ("2025-03-30", "01:00", "2025-03-29T12:00Z", "2025-03-31T12:00Z"),
        ("2025-10-26", "00:30", "2025-10-25T12:00Z", "2025-10-27T12:00Z"),
    ):
        found = windows.local_windows(frame(first, last), "Europe/Berlin", time(2, 30), time(4))
        row = found.iso_day.tolist().index(day)
        start = pd.Timestamp(windows.utc_times(found.start)[row], tz="UTC")
        assert start == pd.Timestamp(f"{day}T{minute}Z")


def exists(wall: datetime, zone: ZoneInfo) -> bool:
    back = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return back.replace(tzinfo=None) == wall


@given(
    st.sampled_from(ZONES),
    st.dates(date(1995, 1, 1), date(2035, 1, 1)),
    st.integers(0, 400),
    st.times(),
    st.times(),
)
def test_every_window_is_that_day_on_the_wall(
    name: str, first: date, length: int, start: time, end: time
) -> None:
    zone = ZoneInfo(name)
    start, end = (t.replace(microsecond=0, fold=0) for t in (start, end))
    opened = datetime.combine(first, time(12), UTC)
    bars = frame(opened.isoformat(), (opened + timedelta(days=length)).isoformat())
    found = windows.local_windows(bars, name, start, end)
    day = opened.astimezone(zone).date() - timedelta(days=1)
    assert found.day[0] == day
    assert found.day[-1] == (opened + timedelta(days=length)).astimezone(zone).date() + timedelta(
        1
    )
    for row in range(len(found.day)):
        close = day + timedelta(days=1 if end <= start else 0)
        assert found.iso_day[row] == day.isoformat()
        for at, wall in ((found.start, (day, start)), (found.end, (close, end))):
            local = datetime.combine(*wall)
            if exists(local, zone):
                assert at[row] == local.replace(tzinfo=zone).timestamp()
        day += timedelta(days=1)


def test_no_bars_have_no_windows() -> None:
    bars = frame("2025-03-29T12:00Z", "2025-03-31T12:00Z").iloc[:0]
    assert len(windows.local_windows(bars, "Europe/Berlin", time(9), time(10)).day) == 0
