"""When deployments start: cron lines as they are meant, weekdays by name."""

import pytest

from flows.deployment_times import Times, read_times


@pytest.mark.parametrize(
    ("words", "cron"),
    [
        ("0 3 * * 0", "0 3 * * sun"),
        ("0 3 * * 7", "0 3 * * sun"),
        ("30 22 * * 1-5", "30 22 * * mon-fri"),
        ("30 22 * * MON-FRI", "30 22 * * mon-fri"),
        ("*/15 7-17 * * 1,3", "*/15 7-17 * * mon,wed"),
        ("0 0 * * sat-sun", "0 0 * * sun,sat"),
        ("0 0 * * */2", "0 0 * * sun,tue,thu,sat"),
        ("0 0 * * 0-6", "0 0 * * *"),
        ("0 0 1 jan,7 *", "0 0 1 jan,7 *"),
    ],
)
def test_cron_lines(words, cron):
    assert read_times(words) == Times(cron=cron)


@pytest.mark.parametrize(
    ("words", "minutes"),
    [("every 15 minutes", 15), ("every hour", 60), ("Every  2 Days", 2880), ("every week", 10080)],
)
def test_intervals(words, minutes):
    assert read_times(words) == Times(minutes=minutes)


@pytest.mark.parametrize(
    "words",
    ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
     "*/0 * * * *", "a * * * *", "every 0 minutes", "every 400 days", "* * * * mond", "1,,2 * * * *",
     "-1 * * * *", "1-2-3 * * * *", "٣ * * * *", "* * 1 * mon"],
)  # fmt: skip
def test_what_is_none(words):
    with pytest.raises(ValueError, match=r"."):
        read_times(words)
